"""What the table of conversations does not show: webhooks that come twice, floods, consents, and time."""

from datetime import timedelta

import pytest
from sqlalchemy import text

from notify.accounts import tries
from notify.channels.contract import Inbound
from notify.core import crypto
from notify.core.db import transaction
from notify.delivery import questions as question_words
from notify.inbound.messages import MOST_ANSWERS, Reply, receive
from notify.subscribers import addresses, consent, questions
from notify.subscribers.import_lock import IMPORT_LOCK
from tests import texting
from tests.database import sql
from tests.factories import NOW, Resident, alert_resolved, resident

STRANGER = "+12155559999"


@pytest.fixture(autouse=True)
def _town(database: str) -> None:
    texting.town(NOW)


def hear(words: str, reference: str, who: str = STRANGER, *, later: timedelta = timedelta(0)) -> Reply:
    with transaction() as s:
        return receive(s, "twilio", Inbound(who, "+15555550100", words, reference, ""), NOW + later)


def somebody() -> Resident:
    with transaction() as s:
        return resident(s, now=NOW - timedelta(days=1))


def asked(tom: Resident, question: questions.Question, **about: object) -> None:
    with transaction() as s:
        index = addresses.index("sms", tom.phone)
        questions.ask(s, "sms", index, question, text=f"At {questions.PLACE}?", now=NOW, **about)


def test_the_consent_holds_the_words_that_were_shown_and_that_the_text_came_from_the_number() -> None:
    shown = hear("JOIN", "SM1").text
    assert "Msg & data rates may apply" in (shown or "")
    hear("120 Main St", "SM2", later=timedelta(minutes=1))
    assert sql("SELECT how, words, at FROM consents") == [(consent.BY_JOIN, shown, NOW + timedelta(minutes=1))]
    assert sql("SELECT verified_at FROM contacts") == [(NOW + timedelta(minutes=1),)]


def test_a_webhook_that_comes_twice_gets_the_same_reply_and_changes_nothing() -> None:
    hear("JOIN", "SM1")
    first = hear("120 Main St", "SM2", later=timedelta(seconds=1))
    assert hear("120 Main St", "SM2", later=timedelta(seconds=9)) == first
    assert sql("SELECT count(*) FROM consents") == [(1,)]
    assert hear("JOIN", "SM1", later=timedelta(seconds=10)).text is None, "what was answered since is not taken back"
    assert sql("SELECT asked FROM conversations") == [("",)]


def test_a_machine_that_repeats_a_command_is_not_answered_for_ever() -> None:
    most, within = MOST_ANSWERS["command"]
    answers = [hear("STATUS", f"SM{n}", later=timedelta(seconds=n)).text for n in range(most + 3)]
    assert [answer is not None for answer in answers] == [True] * most + [False] * 3
    assert hear("JOIN", "SM-other", "+12155559998").text
    assert hear("STATUS", "SM-later", later=within + timedelta(minutes=1)).text


def test_a_command_beyond_the_limit_is_still_obeyed() -> None:
    tom = somebody()
    for n in range(MOST_ANSWERS["command"][0]):
        hear("STATUS", f"SM{n}", tom.phone)
    assert hear("STOP SNOW", "SM-stop", tom.phone).text is None
    assert sql("SELECT topic::text FROM suppressions") == [("snow",)]


def test_a_question_of_long_ago_is_answered_no_more() -> None:
    hear("JOIN", "SM1")
    assert "nobody reads" in (hear("120 Main St", "SM2", later=timedelta(days=3)).text or "")
    assert sql("SELECT count(*) FROM subscribers") == [(0,)]


def test_what_somebody_writes_is_stored_sealed_only() -> None:
    hear("JOIN 12 Oak Ave", "SM1")
    ((kept,),) = sql("SELECT kept_sealed FROM conversations")
    assert b"Oak" not in bytes(kept)
    assert "Oak" in crypto.unseal(bytes(kept), "sms")


def test_an_import_that_takes_long_keeps_no_text_waiting() -> None:
    with transaction() as s:
        s.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": IMPORT_LOCK})
        assert "Send it again in ten minutes" in (hear("JOIN 120 Main St", "SM1").text or "")
    assert sql("SELECT count(*) FROM subscribers") == [(0,)]
    assert "you get alerts for" in (hear("JOIN 120 Main St", "SM2", later=timedelta(minutes=1)).text or "")


def test_the_place_of_a_question_is_put_into_its_words_only_when_it_is_sent() -> None:
    tom = somebody()
    asked(tom, questions.STILL_THERE, place="120 Main St", place_id=1)
    assert sql("SELECT text FROM direct_messages") == [("At {place}?",)]
    with transaction() as s:
        assert question_words.place(s, tom.sms or 0, "sms", NOW) == "120 Main St"
    hear("YES", "SM1", tom.phone)
    with transaction() as s:
        assert question_words.place(s, tom.sms or 0, "sms", NOW) is None, "answered: it is not sent any more"


def test_nobody_is_asked_who_has_opted_out() -> None:
    tom = somebody()
    hear("please stop texting me", "SM1", tom.phone)
    with pytest.raises(Exception, match="Nothing may be sent"):
        asked(tom, questions.CONFIRM)
    assert sql("SELECT count(*) FROM direct_messages") == [(0,)]


def test_a_yes_keeps_what_was_agreed_to_and_how() -> None:
    tom = somebody()
    asked(tom, questions.CONFIRM, words="You get alerts.", how="paper form")
    hear("Yes", "SM1", tom.phone)
    assert sql("SELECT how, words FROM consents WHERE words <> ''") == [
        ("YES by text message: paper form", "You get alerts.")
    ]


def test_an_emergency_passes_a_mute_and_a_routine_alert_does_not() -> None:
    tom = somebody()
    hear("MUTE 7", "SM1", tom.phone)
    for event, state in (("storm", "queued"), ("collection", "skipped")):
        with transaction() as s:
            s.execute(
                text("INSERT INTO preferences VALUES (:id, :t) ON CONFLICT DO NOTHING"), {"id": tom.id, "t": event}
            )
        hear("MUTE 7", f"SM{event}", tom.phone)
        alert = alert_resolved(now=NOW, event=event)
        assert sql("SELECT state::text FROM deliveries WHERE alert_id = :a", a=alert) == [(state,)]


def test_replies_to_strangers_of_one_range_of_numbers_have_a_budget() -> None:
    answers = [hear("STATUS", f"SM{n}", f"+121555590{n:02}").text for n in range(70)]
    assert sum(answer is not None for answer in answers) == tries.BUCKETS["join-range"].most
    tom = somebody()
    assert hear("STATUS", "SM-known", tom.phone).text


@pytest.mark.parametrize("words", ["hello there", "start"])
def test_so_have_those_to_words_that_are_no_command(words: str) -> None:
    """A cry for help is answered whatever was spent, and a webhook that comes twice changes nothing."""
    answers = [hear(words, f"SM{n}", f"+121555590{n:02}").text for n in range(70)]
    assert sum(answer is not None for answer in answers) == tries.BUCKETS["join-range"].most
    assert hear(words, "SM69", "+12155559069").text is None
    assert "911" in (hear("help we are trapped", "SM-cry", "+12155559070").text or "")
    assert hear(words, "SM-known", somebody().phone).text


def test_who_says_yes_during_an_alert_is_told_of_it() -> None:
    tom = somebody()
    asked(tom, questions.CONFIRM)
    hear("YES", "SM1", tom.phone)
    assert sql("SELECT subscriber_id FROM arrivals") == [(tom.id,)]
