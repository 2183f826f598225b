"""Residents whom staff sign up: asked first, and verified by their own answer."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from notify.core.db import transaction
from notify.delivery import direct_secrets, questions
from notify.models import Consent, Contact, Topic
from notify.subscribers import addresses, consent, conversations, entering, proving
from notify.subscribers.wishes import Wish
from tests import factories
from tests.api import asked, joins
from tests.api.joins import HOME, MAIL, PHONE

AGREED = {"agreed": "yes", "how": "paper", "spoken": "es", "topic": ["storm", "water"], "place": HOME}


@pytest.fixture
def desk(at_desk: Callable[[str], httpx.Client]) -> httpx.Client:
    joins.city_that_sends()
    return at_desk("agent")


def enter(desk: httpx.Client, contact: str = PHONE, **fields: object) -> httpx.Response:
    return desk.post("/console/sign-up", data={"contact": contact} | AGREED | fields)


def link() -> str:
    """The link in the newest email, as it is made when it is sent."""
    with transaction() as s:
        index = addresses.index("email", MAIL)
        return str(conversations.read(s, "email", index, datetime.now(UTC)).kept["place"])


def verified() -> int:
    return asked.number("SELECT count(*) FROM contacts WHERE verified_at IS NOT NULL")


def test_whom_staff_sign_up_is_asked_by_text_and_gets_nothing_before_the_answer(desk: httpx.Client) -> None:
    answer = enter(desk)
    assert answer.status_code == 200
    assert "***42 is asked" in answer.text
    assert PHONE not in answer.text, "the next one begins with an empty form"
    assert verified() == 0
    ((kind, text),) = asked.rows("SELECT kind, text FROM direct_messages")
    assert kind == "question"
    assert "responda SI para recibir alertas sobre tormentas, agua en " in text
    assert asked.rows("SELECT topic::text FROM preferences ORDER BY topic") == [("storm",), ("water",)]
    number = factories.alert_resolved(now=datetime.now(UTC))
    assert asked.rows("SELECT reason FROM deliveries WHERE alert_id = :a", a=number) == [("unverified",)]
    ((who, how),) = asked.rows("SELECT operator_id, detail ->> 'how' FROM audit WHERE action = 'enter'")
    assert (who is not None, how) == (True, "paper")


def test_the_question_names_some_of_many_topics_and_the_consent_all_that_were_asked_for(desk: httpx.Client) -> None:
    enter(desk, topic=[topic.value for topic in Topic], spoken="en")
    ((text,),) = asked.rows("SELECT text FROM direct_messages")
    assert "to get alerts on outages, snow and 9 more for " in text
    with transaction() as s:
        index = addresses.index("sms", PHONE)
        words = conversations.read(s, "sms", index, datetime.now(UTC)).kept["words"]
    assert "Do you agree? Topics: outages, snow, storms, collection changes, " in words


def test_the_words_are_on_the_screen_in_every_language_to_be_read_aloud(desk: httpx.Client) -> None:
    page = desk.get("/console/sign-up").text
    assert "by text. They are free from the city; message and data rates may apply." in page
    assert "by email. They are free. The number of messages varies." in page
    assert '<blockquote lang="es" dir="ltr"><p>City of Tocsin le enviará' in page


def test_the_link_of_an_email_shows_a_button_and_only_the_button_confirms(desk: httpx.Client) -> None:
    enter(desk, MAIL)
    path = link().removeprefix(str(desk.base_url).rstrip("/"))
    ((stored,),) = asked.rows("SELECT text FROM direct_messages")
    assert path not in stored, "the link is sealed until it is sent"
    shown = desk.get(path)
    assert shown.status_code == 200
    assert '<html lang="es"' in shown.text
    assert MAIL not in shown.text
    assert verified() == 0, "programs that check emails open links"
    assert "Ya está inscrito" in desk.post(path).text
    assert verified() == 1
    ((how, words),) = asked.rows("SELECT how, words FROM consents")
    assert re.fullmatch(r"YES by the link of an email: paper form, entered by operator \d+", how)
    assert "le enviará" in words
    assert "por correo electrónico" in words
    assert "STOP" not in words
    assert "tarifas" not in words
    assert desk.get(path).status_code == 404, "once"
    assert desk.post("/confirm/forged").status_code == 422


def test_the_message_that_goes_out_has_the_link(desk: httpx.Client) -> None:
    enter(desk, MAIL)
    with transaction() as s:
        number = asked.number("SELECT contact_id FROM direct_messages")
        made = direct_secrets.SECRETS["question"](s, number, "email", datetime.now(UTC))
        assert made == {questions.PLACE: link()}
    assert questions.PLACE in asked.rows("SELECT text FROM direct_messages")[0][0]


@pytest.mark.parametrize("role", ["author", "approver"])
def test_only_who_serves_residents_may(at_desk: Callable[[str], httpx.Client], role: str) -> None:
    assert at_desk(role).get("/console/sign-up").status_code == 403


@pytest.mark.parametrize(
    ("fields", "status", "says"),
    [
        ({"agreed": ""}, 422, "must agree first"),
        ({"contact": "12"}, 422, "neither a phone"),
        ({"place": "", "address": "no such street"}, 422, "do not find"),
        ({"spoken": "xx"}, 422, "not spoken here"),
    ],
)
def test_a_form_that_lacks_something_keeps_what_was_typed(
    desk: httpx.Client, fields: dict[str, str], status: int, says: str
) -> None:
    answer = enter(desk, **({"label": "Mom's flat"} | fields))
    assert answer.status_code == status
    assert says in answer.text
    assert "Mom&#39;s flat" in answer.text
    assert asked.number("SELECT count(*) FROM subscribers") == 0


def test_an_agent_places_an_unknown_address_by_a_point(desk: httpx.Client) -> None:
    unknown = {"place": "", "address": "4711 Quillfeather Ave"}
    asks = enter(desk, **unknown)
    assert "Choose the nearest address, or write what is near, or give a point." in asks.text
    assert "311" not in re.search(r'<div class="told".*?</div>', asks.text, re.DOTALL)[0]  # type: ignore[index]
    assert 'name="point"' in asks.text
    assert "is asked" in enter(desk, **unknown, point="0.5 0.5").text
    assert asked.rows("SELECT given_by FROM place_checks") == [("map",)]


def test_who_is_signed_up_asked_already_or_has_left_is_not_asked(desk: httpx.Client) -> None:
    with transaction() as s:
        factories.resident(s, phone="+12155550177", now=datetime.now(UTC))
        consent.opt_out(s, "sms", "+12155550178", how="STOP", now=datetime.now(UTC))
    assert "signed up already" in enter(desk, "+12155550177").text
    left = enter(desk, "+12155550178")
    assert (left.status_code, "for example by STOP" in left.text, "the text START" in left.text) == (409, True, True)
    assert "is asked" in enter(desk).text
    assert "asked already" in enter(desk).text
    assert asked.number("SELECT count(*) FROM direct_messages") == 1
    assert asked.number("SELECT count(*) FROM subscribers") == 2


def test_a_contact_of_an_import_without_consent_is_asked_at_its_own_home_and_passed_on_elsewhere(
    desk: httpx.Client,
) -> None:
    with transaction() as s:
        home = factories.resident(s, phone=PHONE, verified=False, now=datetime.now(UTC))
        other = factories.resident(s, phone="+12155550177", verified=False, at=[(0.9, 0.9)], now=datetime.now(UTC))
    enter(desk)
    enter(desk, "+12155550177")
    assert asked.number("SELECT subscriber_id FROM contacts WHERE id = :c", c=home.sms) == home.id
    assert asked.number("SELECT subscriber_id FROM contacts WHERE id = :c", c=other.sms) not in (home.id, other.id)


def test_the_question_names_the_street_without_its_number_so_that_a_stranger_says_no(desk: httpx.Client) -> None:
    enter(desk, place="0.5 0.5 4711 Quillfeather Ave, Riverside")
    number = asked.number("SELECT contact_id FROM direct_messages")
    with transaction() as s:
        made = direct_secrets.SECRETS["question"](s, number, "sms", datetime.now(UTC))
        assert made == {questions.PLACE: "Quillfeather Ave"}
    assert questions.PLACE in asked.rows("SELECT text FROM direct_messages")[0][0]
    enter(desk, MAIL, place="0.5 0.5 4711 Quillfeather Ave, Riverside")
    shown = desk.get(link()).text
    assert "Quillfeather Ave" in shown
    assert "4711" not in shown


def test_to_say_yes_shows_nobody_the_home_that_staff_entered(desk: httpx.Client) -> None:
    """The number may have been misread: who answers YES must name the place to see it."""
    enter(desk, MAIL)
    desk.post(link())
    page = joins.form(desk, "/me/sign-in?lang=en", contact=MAIL).headers["location"].split("?")[0]
    assert joins.form(desk, f"{page}?lang=en", code=joins.sent_code()).status_code == 409
    elsewhere = joins.join(desk, MAIL, place="0.9 0.9 9 Far St")
    assert "120 Main St" not in elsewhere.text
    assert "9 Far St" in elsewhere.text


def test_who_named_the_place_once_sees_their_page_as_all_others_do(desk: httpx.Client) -> None:
    enter(desk, MAIL)
    desk.post(link())
    assert "120 Main St" in joins.join(desk, MAIL).text
    page = joins.form(desk, "/me/sign-in?lang=en", contact=MAIL).headers["location"].split("?")[0]
    assert joins.form(desk, f"{page}?lang=en", code=joins.sent_code()).status_code == 303


def test_stop_and_start_prove_nobody_either(desk: httpx.Client) -> None:
    enter(desk, MAIL)
    desk.post(link())
    with transaction() as s:
        number = asked.number("SELECT id FROM contacts")
        consent.opt_out(s, "email", number, how="text message", now=datetime.now(UTC))
        consent.opt_back_in(s, "email", number, how="text message", now=datetime.now(UTC))
    page = joins.form(desk, "/me/sign-in?lang=en", contact=MAIL).headers["location"].split("?")[0]
    assert joins.form(desk, f"{page}?lang=en", code=joins.sent_code()).status_code == 409


def test_yes_to_an_import_shows_no_place_of_the_list_from_the_first_moment(desk: httpx.Client) -> None:
    now = datetime.now(UTC)
    with transaction() as s:
        home = factories.resident(s, phone=PHONE, verified=False, now=now)
        contact = s.get_one(Contact, home.sms)
        contact.verified_at = now
        s.add(Consent(contact_id=contact.id, kind="opt-in", at=now, how=f"YES by text message: {proving.BY_IMPORT}"))
        s.flush()
        assert not proving.is_theirs(s, contact, None, now)
        assert proving.is_theirs(s, contact, Wish(0.5, 0.5, "Home"), now)


def test_what_nobody_confirms_is_erased_after_a_month(desk: httpx.Client) -> None:
    enter(desk, MAIL)
    enter(desk, PHONE)
    desk.post(link())
    with transaction() as s:
        entering.forget_old(s, datetime.now(UTC) + timedelta(days=29))
    assert asked.number("SELECT count(*) FROM places") == 2
    with transaction() as s:
        entering.forget_old(s, datetime.now(UTC) + timedelta(days=31))
    assert asked.rows("SELECT channel FROM contacts WHERE address_sealed IS NOT NULL") == [("email",)]
    assert asked.number("SELECT count(*) FROM places") == 1


def test_who_confirms_during_an_alert_there_gets_it(desk: httpx.Client) -> None:
    enter(desk, MAIL)
    asked.do("DELETE FROM arrivals")
    desk.post(link())
    assert asked.number("SELECT count(*) FROM arrivals") == 1


class TestTablet:
    @pytest.fixture
    def tablet(self, desk: httpx.Client) -> httpx.Client:
        answer = desk.post("/console/sign-up/tablet", follow_redirects=False)
        assert answer.headers["location"] == "/tablet"
        desk.cookies.delete("tocsin")
        assert "tocsin=" in answer.headers["set-cookie"]
        return desk

    def sign_up(self, tablet: httpx.Client, contact: str = PHONE, **fields: object) -> httpx.Response:
        given = {"contact": contact, "place": HOME, "agreed": "yes"} | fields
        return tablet.post("/tablet?lang=en", data=given, follow_redirects=False)

    def test_it_opens_no_page_of_the_console(self, tablet: httpx.Client) -> None:
        assert tablet.get("/tablet").status_code == 200
        for path in ("/console", "/console/sign-up", "/console/alerts"):
            answer = tablet.get(path, follow_redirects=False)
            assert (answer.status_code, "/console/sign-in" in answer.headers["location"]) == (303, True)
        assert asked.number("SELECT count(*) FROM sessions WHERE ended_at IS NULL") == 0

    def test_a_browser_that_nobody_made_a_tablet_is_refused(self, door: httpx.Client) -> None:
        for cookie in ("", "forged"):
            door.cookies.set("tocsin-tablet", cookie)
            assert door.get("/tablet").status_code == 403
            assert door.post("/tablet", data={}, headers={"Origin": str(door.base_url)}).status_code == 403

    def test_one_after_the_other_signs_up_and_leaves_nothing(self, tablet: httpx.Client) -> None:
        for contact in (PHONE, MAIL):
            answer = self.sign_up(tablet, contact)
            assert answer.headers["location"] == "/tablet/thanks?lang=en"
            after = tablet.get("/tablet/thanks?lang=en")
            again = tablet.get("/tablet?lang=en")
            for page in (after, again):
                assert page.headers["cache-control"] == "no-store"
                assert contact not in page.text
                assert "120 Main St" not in page.text
                assert "data-idle-s=" in page.text, "it goes away by itself"
        assert asked.number("SELECT count(*) FROM contacts WHERE verified_at IS NULL") == 2
        assert asked.number("SELECT count(*) FROM audit WHERE action = 'enter' AND detail ->> 'how' = 'event'") == 2

    def test_every_field_is_closed_to_the_browsers_memory(self, tablet: httpx.Client) -> None:
        page = tablet.get("/tablet?lang=en").text
        fields = re.findall(r"<(?:input|form)[^>]*>", page)
        open_ones = [one for one in fields if 'autocomplete="off"' not in one and "/tablet/end" not in one]
        assert not open_ones

    def test_it_says_the_same_whether_somebody_is_known_or_not(self, tablet: httpx.Client) -> None:
        with transaction() as s:
            factories.resident(s, phone="+12155550177", now=datetime.now(UTC))
            consent.opt_out(s, "sms", "+12155550178", how="STOP", now=datetime.now(UTC))
        answers = {
            (one.status_code, one.headers["location"])
            for one in (self.sign_up(tablet, phone) for phone in ("+12155550177", "+12155550178", PHONE, PHONE))
        }
        assert answers == {(303, "/tablet/thanks?lang=en")}
        assert asked.number("SELECT count(*) FROM direct_messages") == 1

    def test_without_consent_nothing_is_sent(self, tablet: httpx.Client) -> None:
        answer = self.sign_up(tablet, agreed="")
        assert (answer.status_code, "Tick the box" in answer.text) == (422, True)
        assert asked.number("SELECT count(*) FROM subscribers") == 0

    def test_an_address_that_is_not_found_sends_nobody_to_the_telephone(self, tablet: httpx.Client) -> None:
        answer = self.sign_up(tablet, place="", address="no such street")
        assert (answer.status_code, "ask the staff beside you" in answer.text) == (422, True)
        assert "311" not in answer.text

    def test_who_has_no_address_signs_up_for_the_whole_city(self, tablet: httpx.Client) -> None:
        assert 'name="nowhere"' in tablet.get("/tablet?lang=en").text
        assert self.sign_up(tablet, place="").status_code == 422
        assert self.sign_up(tablet, place="", nowhere="yes").headers["location"] == "/tablet/thanks?lang=en"
        assert asked.number("SELECT count(*) FROM contacts WHERE entered_at IS NOT NULL") == 1
        assert asked.number("SELECT count(*) FROM places") == 0

    def test_it_ends(self, tablet: httpx.Client) -> None:
        ended = tablet.post("/tablet/end", follow_redirects=False)
        assert ended.headers["location"] == "/console"
        assert 'tocsin-tablet=""' in ended.headers["set-cookie"]

    def test_it_ends_when_its_operator_leaves(self, tablet: httpx.Client) -> None:
        asked.do("UPDATE operators SET disabled_at = now()")
        assert self.sign_up(tablet).status_code == 403
        assert asked.number("SELECT count(*) FROM subscribers") == 0


def test_staff_sign_up_who_gives_no_address_for_the_whole_city(desk: httpx.Client) -> None:
    answer = enter(desk, place="", nowhere="yes")
    assert "***42 is asked" in answer.text
    assert asked.number("SELECT count(*) FROM places") == 0
    assert "address" in enter(desk, "+12155550177", place="").text
    assert asked.number("SELECT count(*) FROM contacts WHERE entered_at IS NOT NULL") == 1
