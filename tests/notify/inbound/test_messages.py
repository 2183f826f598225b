"""Residents say no, and yes again."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from notify.channels import sms_segments
from notify.channels.contract import Inbound
from notify.content.links import fill_in
from notify.core import crypto
from notify.core.alarm_details import said
from notify.core.db import transaction
from notify.core.errors import Invalid
from notify.core.settings import settings
from notify.core.translation import speaking
from notify.delivery import senders
from notify.inbound.messages import Reply, receive
from notify.inbound.replies import catalogue
from notify.models import Topic
from notify.subscribers import describe_unsubscribe, opt_back_in, opt_out, unsubscribe
from tests.factories import NOW, Resident, resident

pytestmark = pytest.mark.usefixtures("database")

STRANGER = "+12155559999"


def somebody(**wanted: Any) -> Resident:
    with transaction() as s:
        return resident(s, email="", **wanted)


def ask(question: str) -> list[Any]:
    with transaction() as s:
        return [tuple(row) for row in s.execute(text(question)).all()]


SUPPRESSED = "SELECT channel, topic::text, reason FROM suppressions ORDER BY id"
CONSENTS = "SELECT contact_id, kind, topic::text, how FROM consents WHERE how <> 'a test' ORDER BY id"


def hear(words: str, who: str, reference: str = "SM1", opt_out_type: str = "", *, later: int = 0) -> Reply:
    inbound = Inbound(who, "+15555550100", words, reference, opt_out_type)
    with transaction() as s:
        return receive(s, "twilio", inbound, NOW + timedelta(minutes=later))


def test_an_opt_out_is_kept_with_its_proof() -> None:
    tom = somebody()
    with transaction() as s:
        assert opt_out(s, "sms", tom.phone, how="call to 311", now=NOW)
        assert not opt_out(s, "sms", tom.sms or 0, how="call to 311", now=NOW)  # the same, by its id
    assert ask(SUPPRESSED) == [("sms", None, "opt-out")]
    assert ask(CONSENTS) == [(tom.sms, "opt-out", None, "call to 311")]


def test_a_topic_can_be_left_alone() -> None:
    tom = somebody()
    with transaction() as s:
        opt_out(s, "email", tom.email, topic=Topic.SNOW, how="page", now=NOW)
        assert not opt_back_in(s, "email", tom.email, how="page", now=NOW)  # that is another extent
        assert opt_back_in(s, "email", tom.email, topic=Topic.SNOW, how="page", now=NOW)
    assert ask(SUPPRESSED) == []
    assert ask(CONSENTS) == [(tom.mail, "opt-out", "snow", "page"), (tom.mail, "opt-in", "snow", "page")]


def test_opting_in_again_does_not_lift_a_bounce() -> None:
    tom = somebody()
    with transaction() as s:
        index = crypto.address_index("sms", tom.phone)
        for reason in ("hard-bounce", "complaint", "invalid", "opt-out"):
            s.execute(
                text("INSERT INTO suppressions (channel, address_index, reason, at) VALUES ('sms', :i, :r, now())"),
                {"i": index, "r": reason},
            )
        assert opt_back_in(s, "sms", tom.phone, how="START", now=NOW)
    assert [reason for *_, reason in ask(SUPPRESSED)] == ["hard-bounce", "complaint", "invalid"]


def test_a_contact_that_is_not_there_cannot_opt_out() -> None:
    tom = somebody()
    with transaction() as s, pytest.raises(Invalid):
        opt_out(s, "email", tom.sms or 0, how="page", now=NOW)


@pytest.mark.parametrize("words", ["STOP", "please stop sending me these", "Dejen de enviar mensajes"])
def test_a_reply_of_stop_opts_out_at_once(words: str) -> None:
    tom = somebody()
    assert hear(words, tom.phone).meaning == "stop"
    assert ask(SUPPRESSED) == [("sms", None, "opt-out")]
    assert ask(CONSENTS) == [(tom.sms, "opt-out", None, "text message")]
    assert ask("SELECT provider, reference, meaning FROM inbound") == [("twilio", "SM1", "stop")]


def test_a_stranger_can_opt_out_too() -> None:
    assert hear("stop texting me", STRANGER).text
    with transaction() as s:
        resident(s, phone=STRANGER)
    assert ask("SELECT 1 FROM contacts JOIN suppressions USING (channel, address_index)") == [(1,)]


def test_start_lifts_an_opt_out() -> None:
    tom = somebody()
    hear("stop sending these", tom.phone, "SM1")
    assert hear("start", tom.phone, "SM2", later=1).meaning == "start"
    assert ask(SUPPRESSED) == []
    assert [kind for _, kind, *_ in ask(CONSENTS)] == ["opt-out", "opt-in"]


def test_twilio_has_answered_its_own_words() -> None:
    tom = somebody()
    for n, word in enumerate(("STOP", " stop ", "Unsubscribe", "HELP", "info")):
        assert hear(word, tom.phone, f"SM{n}", later=n).text is None
    assert hear("volver", tom.phone, "SM8", opt_out_type="START", later=8) == Reply("start", None)
    assert hear("adios", tom.phone, "SM9", opt_out_type="STOP", later=9) == Reply("stop", None)
    assert ask(SUPPRESSED) == [("sms", None, "opt-out")]


@pytest.mark.parametrize("word", ["START", " yes ", "Unstop"])
def test_a_start_is_answered_by_us_unless_twilio_says_that_it_did(word: str) -> None:
    """Twilio answers it only where it held a block, and knows nothing of who has signed up."""
    assert "not signed up" in (hear(word, STRANGER, "SM1").text or "")
    tom = somebody()
    hear("please stop texting me", tom.phone, "SM2", later=1)
    assert "you will get messages again" in (hear(word, tom.phone, "SM3", later=2).text or "")


def test_a_promise_of_twilio_that_does_not_hold_is_corrected() -> None:
    assert "not signed up" in (hear("START", STRANGER, opt_out_type="START").text or "")


def test_a_revocation_in_free_text_gets_one_confirmation() -> None:
    tom = somebody()
    first = hear("please stop sending me these", tom.phone, "SM1")
    assert first.text is not None
    assert "Reply START" in first.text
    assert hear("I said stop", tom.phone, "SM2", later=1) == Reply("stop", None)


def test_a_webhook_that_comes_twice_changes_nothing_and_gets_the_same_answer() -> None:
    tom = somebody()
    first = hear("please stop sending me these", tom.phone, "SM1")
    assert hear("please stop sending me these", tom.phone, "SM1", later=1) == first
    hear("START", tom.phone, "SM2", later=2)
    hear("please stop sending me these", tom.phone, "SM1", later=3)  # late, after a change of mind
    assert ask(SUPPRESSED) == []
    assert len(ask(CONSENTS)) == 2
    assert len(ask("SELECT 1 FROM inbound")) == 2


def test_answers_are_in_the_language_of_the_resident() -> None:
    ana, tom = somebody(language="es"), somebody()
    spanish = hear("help with this", ana.phone, "SM1").text
    assert spanish is not None
    assert "311" in spanish
    assert "ayuda" in spanish
    english = hear("help with this", tom.phone, "SM2").text
    assert english is not None
    assert "Tocsin city alerts: for help contact 311." in english
    assert hear("ayuda", STRANGER, "SM3").text == spanish


def test_every_answer_is_one_segment_in_every_language() -> None:
    assert set(settings().languages) <= set(catalogue())
    for language, answers in catalogue().items():
        assert set(answers) == set(catalogue()["en"]), language
        for answer in answers.values():
            words = answer.format(**FILLED | {"url": "https://alerts.example.gov", "date": "Jan 11"})
            assert sms_segments.count(words).segments == 1, words


def token(contact: int | None, topic: str = "snow") -> str:
    return crypto.sign_token("unsubscribe", f"{contact}.{topic}")


def test_one_click_takes_the_email_out_of_the_topic() -> None:
    tom = somebody()
    with transaction() as s:
        before = describe_unsubscribe(s, token(tom.mail))
        assert (before.channel, before.topic, before.language, before.done) == ("email", Topic.SNOW, "en", False)
        assert before.masked == "r***@example.org"
    assert ask(SUPPRESSED) == []  # looking is not leaving
    for _ in range(2):
        with transaction() as s:
            assert unsubscribe(s, token(tom.mail), now=NOW).done
    assert ask(SUPPRESSED) == [("email", "snow", "opt-out")]
    assert ask(CONSENTS) == [(tom.mail, "opt-out", "snow", "unsubscribe link in an email")]
    with transaction() as s:
        assert describe_unsubscribe(s, token(tom.mail)).done
        assert not describe_unsubscribe(s, token(tom.mail, "storm")).done


def test_one_click_can_end_everything() -> None:
    tom = somebody()
    with transaction() as s:
        assert unsubscribe(s, token(tom.mail), everything=True, now=NOW).topic is None
    assert ask(SUPPRESSED) == [("email", None, "opt-out")]


def test_the_link_works_after_an_erasure() -> None:
    tom = somebody()
    with transaction() as s:
        s.execute(text("UPDATE contacts SET address_sealed = NULL"))
    with transaction() as s:
        assert unsubscribe(s, token(tom.mail), now=NOW).masked == ""


@pytest.mark.parametrize("made", ["", "x", "AAAA", None])
def test_a_link_that_we_did_not_make_does_nothing(made: str | None) -> None:
    tom = somebody()
    forged = crypto.sign_token("another purpose", f"{tom.mail}.snow") if made is None else made
    for link in (forged, token(tom.mail)[:-2] + "AA", token(999_999), token(tom.mail, "weather")):
        with transaction() as s, pytest.raises(Invalid):
            unsubscribe(s, link, now=NOW)
    assert ask(SUPPRESSED) == []


def test_an_answer_costs_one_segment_whatever_signs_the_settings_have(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOCSIN_PROGRAM", "Mayor\u2019s \u00ab\u200bAlerts\u00bb")
    monkeypatch.setenv("TOCSIN_HELP_CONTACT", "https://x.org/311")
    settings.cache_clear()
    answer = hear("help with this", "+12155550199", "SM9").text
    assert answer is not None
    assert answer.startswith('Mayor\'s "Alerts": for help contact https://x.org/311 In an emergency')
    assert sms_segments.encoding_of(answer) == "GSM-7"


@pytest.mark.parametrize("words", ["get us off the roof", "How do I stop water coming in", "STOP. my house is on fire"])
def test_a_cry_for_help_is_answered_with_911_and_rings_an_alarm(words: str) -> None:
    tom = somebody()
    heard = hear(words, tom.phone)
    assert heard.meaning == "distress"
    assert "911" in (heard.text or "")
    assert ask(SUPPRESSED) == []
    assert ask("SELECT kind, count FROM alarms WHERE resolved_at IS NULL") == [("cry-for-help", 1)]


def test_a_second_cry_is_answered_too_but_not_a_machine_for_ever() -> None:
    tom = somebody()
    answers = [hear("get us off the roof", tom.phone, f"SM{n}", later=n).text for n in range(10)]
    assert [bool(answer and "call 911 now" in answer) for answer in answers] == [True] * 6 + [False] * 4
    assert ask("SELECT count FROM alarms WHERE resolved_at IS NULL") == [(10,)], "each rings, answered or not"
    assert hear("get us off the roof", STRANGER, "SM10", later=9).text
    assert hear("get us off the roof", tom.phone, "SM11", later=61).text


def test_a_machine_that_says_yes_to_everything_is_not_answered_for_ever() -> None:
    answers = [hear("YES", STRANGER, f"SM{n}", later=n).text for n in range(10)]
    assert [answer is not None for answer in answers] == [True] * 6 + [False] * 4


def test_each_phone_that_cries_for_help_rings() -> None:
    tom, ann = somebody(), somebody()
    for phone, reference in ((tom.phone, "SM1"), (ann.phone, "SM2"), (tom.phone, "SM3"), (tom.phone, "SM3")):
        hear("get us off the roof", phone, reference)
    rung = ask("SELECT count, message FROM alarms WHERE resolved_at IS NULL ORDER BY id")
    assert [(count, message[-4:-1]) for count, message in rung] == [(2, "SM3"), (1, "SM2")]


def test_the_alarm_says_where_the_cry_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    tom = somebody()
    hear("get us off the roof", tom.phone, "SM1")
    monkeypatch.setenv("TOCSIN_SIMULATOR_URL", "http://127.0.0.1:8743")
    monkeypatch.setenv("TOCSIN_TWILIO_BASE_URL", "http://127.0.0.1:8743")
    settings.cache_clear()
    hear("get us off the roof", STRANGER, "SM2")
    real, simulated = (message for (message,) in ask("SELECT message FROM alarms ORDER BY id"))
    assert "in the message log of Twilio" in real
    assert "read it at http://127.0.0.1:8743/." in simulated
    with speaking("es"):
        assert "en el registro de mensajes de Twilio" in said(real)
        assert "léalo en http://127.0.0.1:8743/." in said(simulated)


def test_a_sentence_in_doubt_is_told_how_and_changes_nothing() -> None:
    tom = somebody()
    heard = hear("I never signed up for this", tom.phone)
    assert heard.meaning == "doubt"
    assert "Reply STOP to stop all texts. In danger call 911." in (heard.text or "")
    assert ask(SUPPRESSED) == []


def test_any_other_reply_is_answered_at_most_once_a_day() -> None:
    tom = somebody()
    first = hear("the bus stop is flooded", tom.phone, "SM1")
    assert first.text == (
        "Tocsin city alerts: nobody reads this number. Reply STATUS for alerts, JOIN to sign up, STOP to end texts."
        " City services: 311. In danger call 911."
    )
    spanish = hear("la parada esta inundada", somebody(language="es").phone, "SM5").text or ""
    assert "Responda ESTADO por alertas, JOIN para unirse, ALTO o STOP" in spanish
    assert "En peligro llame al 911." in spanish
    assert hear("the bus stop is flooded", tom.phone, "SM1", later=1) == first  # the webhook again
    assert hear("and my street", tom.phone, "SM2", later=20 * 60).text is None
    assert hear("still", tom.phone, "SM3", later=25 * 60).text is not None  # what was not answered does not count
    assert hear("hello", STRANGER, "SM4", later=25 * 60).text is not None


def test_two_texts_without_a_reference_are_two() -> None:
    tom = somebody()
    hear("hello", tom.phone, "")
    assert hear("please stop texting me", tom.phone, "", later=1).text
    assert ask(SUPPRESSED) == [("sms", None, "opt-out")]


def test_a_stranger_who_says_start_is_told_how_to_sign_up() -> None:
    for word, told in (("START", "To sign up:"), ("empezar", "Para inscribirse:")):
        answer = hear(word, STRANGER, word).text or ""
        assert told in answer
        assert settings().public_url in answer
    tom = somebody()
    assert "again" in (hear("start again", tom.phone, "SM2").text or "")


def suppress(phone: str, reason: str, topic: str | None = None) -> None:
    with transaction() as s:
        s.execute(
            text("""INSERT INTO suppressions (channel, address_index, reason, topic, at)
                    VALUES ('sms', :index, :reason, CAST(:topic AS topic), now())"""),
            {"index": crypto.address_index("sms", phone), "reason": reason, "topic": topic},
        )


def mute(tom: Resident, topic: str, minutes: int) -> None:
    with transaction() as s:
        s.execute(
            text("UPDATE preferences SET muted_until = :until WHERE subscriber_id = :id AND topic = :topic"),
            {"until": NOW + timedelta(minutes=minutes), "id": tom.id, "topic": topic},
        )


def answer_to_start(tom: Resident) -> str:
    """The key of the answer, which must be the resident's own language."""
    heard = hear("START", tom.phone)
    assert (heard.meaning, heard.text is None) == ("start", False)
    with transaction() as s:
        language = s.scalar(text("SELECT language FROM subscribers WHERE id = :id"), {"id": tom.id})
    filled = FILLED | {"date": "11/1" if language == "es" else "Jan 11"}
    said = {fill_in(words, **filled): key for key, words in catalogue()[str(language)].items()}
    return said[str(heard.text)]


FILLED = {
    "program": "Tocsin city alerts", "contact": "311", "url": "http://127.0.0.1:8100", "number": "+15555550100",
    "city": "City of Tocsin", "place": "1200 N Main St", "places": "1200 N Main St, 7 Oak Ave +2",
    "utility": "phone and internet", "topics": "collection",
    "choices": "1) 12 N Main St 2) 12 S Main St 3) 12 Main Ave", "days": "30", "n": "3", "time": "12:00 PM",
    "alert": "Winter storm warning", "alerts": "Winter storm warning; Power outage", "link": "https://alerts.example.gov/alerts/12",
    "question": "When is my trash collected?", "answer": "On the day that alerts.example.gov/collections says.",
}  # fmt: skip


@pytest.mark.parametrize("language", ["en", "es"])
class TestStartPromisesOnlyWhatHolds:
    def test_messages_come_again(self, language: str) -> None:
        tom = somebody(language=language)
        mute(tom, "storm", -1)
        assert answer_to_start(tom) == "start"

    def test_no_consent(self, language: str) -> None:
        assert answer_to_start(somebody(language=language, verified=False)) == "start_unverified"

    def test_no_topics(self, language: str) -> None:
        assert answer_to_start(somebody(language=language, topics=())) == "start_no_topics"

    def test_no_place(self, language: str) -> None:
        assert answer_to_start(somebody(language=language, at=())) == "start_no_place"

    @pytest.mark.parametrize("reason", ["complaint", "hard-bounce"])
    def test_a_complaint_or_a_failure(self, language: str, reason: str) -> None:
        tom = somebody(language=language)
        suppress(tom.phone, reason)
        suppress(tom.phone, "opt-out")
        assert answer_to_start(tom) == "start_barred"

    def test_the_only_topic_is_left(self, language: str) -> None:
        tom = somebody(language=language)
        suppress(tom.phone, "opt-out", "storm")
        assert answer_to_start(tom) == "start_all_left"

    def test_the_only_topic_is_muted(self, language: str) -> None:
        tom = somebody(language=language)
        mute(tom, "storm", 1)
        assert answer_to_start(tom) == "start_muted"

    def test_one_topic_of_two_is_left(self, language: str) -> None:
        tom = somebody(language=language, topics=("storm", "snow"))
        suppress(tom.phone, "complaint", "snow")
        assert answer_to_start(tom) == "start_some_left"

    def test_a_topic_that_was_never_chosen_is_no_loss(self, language: str) -> None:
        tom = somebody(language=language)
        suppress(tom.phone, "opt-out", "snow")
        assert answer_to_start(tom) == "start"


def test_a_number_barred_as_invalid_that_writes_is_alive() -> None:
    tom = somebody()
    suppress(tom.phone, "complaint")
    suppress(tom.phone, "invalid")
    hear("hello", tom.phone)
    assert [reason for *_, reason in ask(SUPPRESSED)] == ["complaint"]


def barred(tom: Resident, *numbers: str) -> None:
    """He has texted STOP to each of these senders of ours."""
    for n, number in enumerate(numbers):
        with transaction() as s:
            senders.add(s, "twilio", number, 100 - n, NOW)
            receive(s, "twilio", Inbound(tom.phone, number, "STOP", f"SM-stop{n}"), NOW)


def test_after_a_stop_at_the_carrier_the_answer_says_that_only_start_helps() -> None:
    ana = somebody(language="es")
    barred(ana, "+15555550100")
    answer = hear("quiero recibir mensajes otra vez", ana.phone, "SM2", later=1)
    assert answer.meaning == "start"
    assert "la palabra START al +15555550100" in (answer.text or "")
    assert ask(SUPPRESSED) == []  # the wish is kept: START is all that is missing
    tom = somebody()
    with transaction() as s:
        receive(s, "twilio", Inbound(tom.phone, "+15555550100", "STOP", "SM-tom"), NOW)
    assert "text the word START to +15555550100" in (hear("start sending again", tom.phone, "SM3", later=1).text or "")
    assert "you will get messages again" in (hear("START", tom.phone, "SM4", later=2).text or "")
    assert "you will get messages again" in (hear("start again", tom.phone, "SM5", later=3).text or "")


def test_another_sender_keeps_the_promise_and_writes_the_answer() -> None:
    tom = somebody()
    barred(tom, "+15555550100")
    with transaction() as s:
        senders.add(s, "twilio", "+15555550200", 10, NOW)
    answer = hear("start sending again", tom.phone, "SM2", later=1)
    assert "you will get messages again" in (answer.text or "")
    assert answer.sender_address == "+15555550200"
