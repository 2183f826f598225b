"""Joining on the web: a phone or email and a place, then the code that came there."""

import re
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from sqlalchemy import text

from notify.channels.channel import SMS
from notify.core.db import transaction
from notify.core.texts import worded
from notify.delivery import sender_pool
from notify.models import Topic
from notify.subscribers import consent, exporting, importing, posters, serving
from notify.subscribers.wishes import MOST_PLACES
from templates import RESIDENTS
from tests import factories
from tests.api import asked, joins
from tests.api.joins import HOME, MAIL, PHONE, begin, form, join, sent_code


@pytest.fixture(autouse=True)
def _a_city_that_sends(database: str) -> None:
    joins.city_that_sends()


def test_a_code_that_came_to_the_phone_makes_a_resident(door: httpx.Client) -> None:
    page = begin(door)
    assert asked.number("SELECT count(*) FROM subscribers") == 0, "nothing before the code"
    shown = door.get(f"{page}?lang=en").text
    assert "***42" in shown
    assert PHONE not in shown
    with transaction() as s:
        assert f"text START first to {posters.texted_number(s)}:" in shown
    mine = door.get(form(door, page, code=sent_code()).headers["location"]).text
    assert "You have joined" in mine
    assert "120 Main St" in mine
    ((how, words, at),) = asked.rows("SELECT how, words, at FROM consents")
    assert how == "code entered on the web"
    assert "By text: message and data rates may apply; reply STOP to end" in words
    assert "By email: press the link at the end" in words
    assert asked.rows("SELECT verified_at FROM contacts") == [(at,)]
    assert asked.number("SELECT count(*) FROM preferences") == 10
    ((welcome,),) = asked.rows("SELECT text FROM direct_messages WHERE kind = 'welcome'")
    assert "rates may apply, frequency varies. Reply HELP or STOP" in welcome


def test_the_next_alert_goes_to_who_has_joined(door: httpx.Client) -> None:
    join(door)
    number = factories.alert_resolved(now=datetime.now(UTC))
    assert asked.rows("SELECT state::text FROM deliveries WHERE alert_id = :a", a=number) == [("queued",)]


@pytest.mark.parametrize(
    "typed", ["{code}", " {code} ", "{a} {b}", "{a}-{b}", "City alerts: your code is {code}. Enter"]
)
def test_a_code_may_be_pasted_as_it_came(door: httpx.Client, typed: str) -> None:
    page, code = begin(door), sent_code()
    given = typed.format(code=code, a=code[:3], b=code[3:])
    assert form(door, page, code=given).status_code == 303


def test_wrong_codes_are_counted_and_end_it(door: httpx.Client) -> None:
    page, right = begin(door), sent_code()
    wrong = f"{(int(right) + 1) % 10**6:06}"
    for _ in range(5):
        answer = form(door, f"{page}?lang=en", code=wrong)
        assert answer.status_code == 409
        assert "not the code" in answer.text
    assert "no longer valid" in form(door, f"{page}?lang=en", code=right).text
    assert asked.number("SELECT count(*) FROM subscribers") == 0
    assert form(door, f"{page}/again").status_code == 303
    assert form(door, page, code=sent_code()).status_code == 303


def test_a_code_is_worth_nothing_twice_or_on_another_page(door: httpx.Client) -> None:
    first, code = begin(door), sent_code()
    second = begin(door, MAIL)
    assert form(door, second, code=code).status_code == 409
    assert form(door, first, code=code).status_code == 303
    asked.do("UPDATE joinings SET ended_at = ended_at - interval '10 s'")  # no double click
    assert form(door, first, code=code).status_code == 404


def test_whoever_is_known_already_comes_to_their_own_page(door: httpx.Client, city: datetime) -> None:
    with transaction() as s:
        known = factories.resident(s, phone=PHONE, topics=("storm",), now=city).id
    door.cookies.clear()
    mine = join(door).text
    assert "You have joined" not in mine
    assert asked.number("SELECT count(*) FROM subscribers") == 41
    assert asked.rows("SELECT topic::text FROM preferences WHERE subscriber_id = :s", s=known) == [("storm",)]
    assert asked.rows(
        "SELECT subscriber_id FROM consents c JOIN contacts ON contacts.id = contact_id WHERE words > ''"
    ) == [(known,)]


def test_the_answer_does_not_tell_who_is_signed_up(door: httpx.Client, city: datetime) -> None:
    with transaction() as s:
        factories.resident(s, phone=PHONE, now=city)

    def looked(contact: str) -> str:
        answer = form(door, "/me/sign-in?lang=en", contact=contact)
        assert answer.status_code == 303
        shown = door.get(answer.headers["location"]).text
        return re.sub(r"/join/[^/?\"]+|\*\*\*\d\d", "", shown)

    assert looked(PHONE) == looked("+12155550143")


def test_a_look_at_ones_page_is_no_consent(door: httpx.Client, city: datetime) -> None:
    with transaction() as s:
        factories.resident(s, phone=PHONE, verified=False, now=city)
    page = form(door, "/me/sign-in?lang=en", contact=PHONE).headers["location"].split("?")[0]
    assert "Nobody is signed up" in form(door, f"{page}?lang=en", code=sent_code()).text
    with transaction() as s:
        phone = s.execute(text("SELECT verified_at FROM contacts WHERE channel = 'sms' ORDER BY id DESC LIMIT 1")).one()
    assert phone.verified_at is None


@pytest.mark.parametrize("language", ["en", "es"])
@pytest.mark.parametrize("kind", ["join-code", "welcome"])
def test_what_is_texted_is_one_segment(language: str, kind: str) -> None:
    words = worded(RESIDENTS, language)[kind]
    given = {"city": "Philadelphia", "program": "Tocsin city alerts", "mine": "https://alerts.phila.gov/me"}
    beside = words.get("beside", "").format(link="https://alerts.phila.gov/j/0123456789abcdef")
    said = words["text"].format(**given, code="123456", stop=words.get("stop_by_reply", ""), beside=beside)
    assert SMS.cost(SMS.written(said)) == 1


def test_a_stranger_cannot_sign_in_but_join(door: httpx.Client) -> None:
    page = form(door, "/me/sign-in?lang=en", contact=PHONE).headers["location"].split("?")[0]
    told = form(door, f"{page}?lang=en", code=sent_code())
    assert told.status_code == 409
    assert "Nobody is signed up" in told.text
    assert asked.number("SELECT count(*) FROM subscribers") == 0


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"contact": "12"}, "neither a phone number nor an email"),
        ({"contact": "a@b@c"}, "neither a phone number nor an email"),
        ({"place": "", "address": ""}, "Where do you want alerts for?"),
        ({"place": "", "address": "1 Nowhere Rd"}, "We do not find this address"),
        ({"place": "somewhere"}, "Choose one of the places."),
        ({"place": "nan nan x"}, "Choose one of the places."),
        ({"place": "50 40 x"}, "far from"),
    ],
)
def test_what_cannot_be_used_is_named_and_nothing_is_sent(
    door: httpx.Client, fields: dict[str, str], words: str
) -> None:
    answer = form(door, "/join?lang=en", **({"contact": PHONE, "place": HOME} | fields))
    assert answer.status_code == 422
    assert words in answer.text
    assert asked.number("SELECT count(*) FROM direct_messages") == 0


def test_who_opted_out_by_text_is_sent_no_code(door: httpx.Client) -> None:
    with transaction() as s:
        consent.opt_out(s, "sms", PHONE, how="STOP", now=datetime.now(UTC))
    begin(door)
    assert asked.number("SELECT count(*) FROM direct_messages") == 0


def test_who_left_by_email_may_join_again(door: httpx.Client) -> None:
    join(door, MAIL)
    with transaction() as s:
        consent.opt_out(s, "email", MAIL, how="link", now=datetime.now(UTC))
    join(door, MAIL)
    assert asked.number("SELECT count(*) FROM suppressions") == 0


def test_topics_that_were_left_one_by_one_are_named(door: httpx.Client) -> None:
    join(door, MAIL)
    with transaction() as s:
        consent.opt_out(s, "email", MAIL, how="link", now=datetime.now(UTC), topic=Topic.SNOW)
    assert "stopped: Snow" in door.get("/me?lang=en").text


def test_ones_own_export_can_be_imported_again(door: httpx.Client, city: datetime) -> None:
    with transaction() as s:
        factories.resident(s, phone=PHONE, email=MAIL, now=city)
    join(door)  # with another consent than the email's
    with transaction() as s:
        exported = list(exporting.export_csv(s))
    now = datetime.now(UTC) + timedelta(minutes=1)
    assert importing.import_csv(exported, now, outside=True).bad == ()


def full(door: httpx.Client) -> None:
    join(door)
    for n in range(1, MOST_PLACES):
        assert form(door, "/me/places", label=f"Place {n}", place=f"0.5 {0.5 + n / 100} {n} Elm St").status_code == 303


def test_a_place_too_many_is_named_when_joining_again_and_can_follow(door: httpx.Client) -> None:
    full(door)
    consents = asked.number("SELECT count(*) FROM consents")
    answer = form(door, f"{begin(door, place='0.6 0.6 99 Oak St')}?lang=en", code=sent_code())
    assert answer.status_code == 409
    assert "You have 10 places already" in answer.text
    assert 'value="99 Oak St"' in answer.text
    assert asked.number("SELECT count(*) FROM consents") == consents + 1, "they have agreed nevertheless"
    assert asked.number("SELECT count(*) FROM places") == MOST_PLACES
    ((last,),) = asked.rows("SELECT max(id) FROM places")
    answer = form(door, f"/me/places/{last}/remove?lang=en", address="99 Oak St", label="Home")
    assert answer.status_code == 200
    assert 'value="99 Oak St"' in answer.text
    assert form(door, "/me/places", label="Home", place="0.6 0.6 99 Oak St").status_code == 303
    assert asked.number("SELECT count(*) FROM places") == MOST_PLACES


def test_the_same_address_is_one_place(door: httpx.Client) -> None:
    full(door)
    for place in (HOME, "0.5001 0.5001 120 MAIN ST"):
        assert form(door, begin(door, place=place), code=sent_code()).status_code == 303
    assert asked.number("SELECT count(*) FROM places") == MOST_PLACES
    form(door, f"/me/places/{asked.number('SELECT max(id) FROM places')}/remove")
    join(door, place="0.7 0.7 120 Main St")  # in another town
    assert asked.number("SELECT count(*) FROM places") == MOST_PLACES


@pytest.mark.parametrize("reason", ["complaint", "hard-bounce"])
def test_who_complained_is_never_written_a_code(door: httpx.Client, reason: str) -> None:
    join(door, MAIL)
    asked_before = asked.number("SELECT count(*) FROM direct_messages WHERE kind = 'join-code'")
    with transaction() as s:
        s.execute(
            text("INSERT INTO suppressions (channel, address_index, reason, at)"
                 " SELECT channel, address_index, :reason, now() FROM contacts WHERE channel = 'email'"),
            {"reason": reason},
        )  # fmt: skip
    begin(door, MAIL)
    assert asked.number("SELECT count(*) FROM direct_messages WHERE kind = 'join-code'") == asked_before


def test_a_flood_of_codes_to_one_phone_ends(door: httpx.Client) -> None:
    for _ in range(4):
        begin(door)
    answer = form(door, "/join?lang=en", contact=PHONE, place=HOME)
    assert answer.status_code == 429
    assert int(answer.headers["retry-after"]) > 0
    assert "minutes" in answer.text


def test_without_a_sender_it_says_how_else_to_join(door: httpx.Client) -> None:
    with transaction() as s:
        s.execute(text("UPDATE senders SET status = 'stopped'"))
    sender_pool.read_anew()
    answer = form(door, "/join?lang=en", contact=PHONE, place=HOME)
    assert answer.status_code == 503
    assert "311" in answer.text


def test_a_form_of_another_site_is_refused(door: httpx.Client) -> None:
    answer = door.post("/join", data={"contact": PHONE, "place": HOME}, headers={"Origin": "https://evil.example"})
    assert answer.status_code == 403


def test_ones_own_page_needs_a_code(door: httpx.Client) -> None:
    answer = door.get("/me?lang=es", follow_redirects=False)
    assert answer.status_code == 303
    assert answer.headers["location"] == "/me/sign-in?lang=es"
    door.cookies.set("tocsin-me", "forged")
    assert door.get("/me", follow_redirects=False).status_code == 303


def test_who_is_erased_leaves_nothing_of_their_joining(door: httpx.Client) -> None:
    join(door)
    ((resident,),) = asked.rows("SELECT id FROM subscribers")
    with transaction() as s:
        serving.erase(s, resident, datetime.now(UTC), factories.operator(s, "agent"))
    assert asked.number("SELECT count(*) FROM joinings") == 0
    assert door.get("/me", follow_redirects=False).headers["location"].startswith("/me/sign-in")


def test_topics_language_and_places_are_ones_own_choice(door: httpx.Client) -> None:
    join(door)
    form(door, "/me/choose", topic=["snow", "water"], language="es")
    assert asked.rows("SELECT topic::text FROM preferences ORDER BY topic") == [("snow",), ("water",)]
    assert asked.rows("SELECT language FROM subscribers") == [("es",)]
    assert form(door, "/me/places", label="Work", place="0.6 0.5 1 Elm St").status_code == 303
    shown = door.get("/me?lang=en").text
    assert "Work" in shown
    assert "1 Elm St" in shown
    (first, _) = asked.rows("SELECT id FROM places ORDER BY id")
    form(door, f"/me/places/{first[0]}/remove")
    assert asked.rows("SELECT label FROM places") == [("Work",)]


def test_nobody_changes_what_is_anothers(door: httpx.Client, city: datetime) -> None:
    with transaction() as s:
        other = factories.resident(s, phone="+12155550177", now=city)
    join(door)
    ((place,),) = asked.rows("SELECT id FROM places WHERE subscriber_id = :s", s=other.id)
    ((contact,),) = asked.rows("SELECT id FROM contacts WHERE subscriber_id = :s", s=other.id)
    form(door, f"/me/places/{place}/remove")
    assert form(door, f"/me/contacts/{contact}/stop").status_code == 404
    assert asked.number("SELECT count(*) FROM places WHERE subscriber_id = :s", s=other.id) == 1
    assert asked.number("SELECT count(*) FROM suppressions") == 0


def test_all_messages_stop_and_start_again_on_ones_own_page(door: httpx.Client) -> None:
    join(door, MAIL)
    ((contact,),) = asked.rows("SELECT id FROM contacts WHERE channel = 'email'")
    form(door, f"/me/contacts/{contact}/stop")
    assert asked.rows("SELECT reason FROM suppressions") == [("opt-out",)]
    assert "stopped" in door.get("/me?lang=en").text
    form(door, "/me/start")
    assert asked.number("SELECT count(*) FROM suppressions") == 0


def test_a_phone_is_not_started_again_by_an_email(door: httpx.Client, city: datetime) -> None:
    with transaction() as s:
        factories.resident(s, phone=PHONE, email=MAIL, now=city)
        consent.opt_out(s, "sms", PHONE, how="STOP", now=city)
    join(door, MAIL)
    form(door, "/me/start")
    assert asked.rows("SELECT channel FROM suppressions") == [("sms",)]


def test_who_scans_a_poster_reads_its_zone(door: httpx.Client) -> None:
    number = asked.number("SELECT id FROM zones")
    assert "the poster of Riverside" in door.get(f"/join?lang=en&zone={number}").text
    for nothing in ("0", "-1", "x", "9" * 30, "\u0661"):
        answer = door.get("/join", params={"lang": "en", "zone": nothing})
        assert answer.status_code == 200
        assert "the poster of" not in answer.text


def test_who_gives_no_place_joins_for_the_whole_city_only(door: httpx.Client) -> None:
    assert "only alerts for the whole city" in door.get("/join?lang=en").text
    without = form(door, "/join?lang=en", contact=PHONE)
    assert without.status_code == 422, "it is not left out by mistake"
    mine = join(door, place="", nowhere="yes").text
    assert "that go to the whole city" in mine
    assert "You have no place: you get only alerts for the whole city." in mine
    assert asked.number("SELECT count(*) FROM places") == 0
    number = factories.alert_resolved(now=datetime.now(UTC))
    assert asked.rows("SELECT 1 FROM deliveries WHERE alert_id = :a", a=number) == []


def test_no_place_opens_nobodys_page(door: httpx.Client) -> None:
    """A number that has changed hands: who knows none of the places is somebody else."""
    with transaction() as s:
        before = factories.resident(s, phone=PHONE, verified=False)
    joined = join(door, place="", nowhere="yes").text
    assert "The city had other places" in joined
    theirs = "SELECT subscriber_id = :b FROM contacts WHERE address_sealed IS NOT NULL"
    assert asked.rows(theirs, b=before.id) == [(False,)]
