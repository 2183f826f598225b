"""A caller is signed up at the desk: by the way of the web page, with the code read back and the words read aloud."""

import re
from collections.abc import Callable
from datetime import UTC, datetime

import httpx
import pytest

from notify.accounts import tries
from notify.core import one_time_codes
from notify.core.db import transaction
from notify.subscribers import consent
from tests import factories
from tests.api import asked, joins
from tests.api.joins import HOME, MAIL, PHONE, sent_code

AGREED = {"agreed": "yes", "spoken": "es", "topic": ["storm", "water"], "place": HOME, "label": "Home"}


@pytest.fixture
def desk(at_desk: Callable[[str], httpx.Client]) -> httpx.Client:
    joins.city_that_sends()
    return at_desk("agent")


def words(page: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", page.partition("<main")[2]).split())


def fields(page: str) -> dict[str, object]:
    """The hidden fields of the form that asks for the code."""
    form = page.partition('action="/desk/sign-up/code"')[2].partition("</form>")[0]
    found: dict[str, object] = {}
    for name, value in re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', form):
        found[name] = [*found["topic"], value] if name in found else [value] if name == "topic" else value  # type: ignore[misc]
    return found


def begin(desk: httpx.Client, contact: str = PHONE, **more: object) -> dict[str, object]:
    answer = desk.post("/desk/sign-up", data={"contact": contact} | AGREED | more)
    assert answer.status_code == 200, words(answer.text)
    return fields(answer.text)


def enter(desk: httpx.Client, form: dict[str, object], code: str = "") -> httpx.Response:
    return desk.post("/desk/sign-up/code", data=form | {"code": code or sent_code()})


def messages() -> int:
    return asked.number("SELECT count(*) FROM direct_messages WHERE kind = 'join-code'")


def subscribed() -> list[str]:
    return [row.topic for row in asked.rows("SELECT topic::text FROM preferences ORDER BY topic")]


def test_an_unknown_caller_is_signed_up_with_consent_and_audit(desk: httpx.Client) -> None:
    stranger = desk.post("/desk", data={"sought": PHONE}).text
    assert 'action="/desk/sign-up/with"' in stranger
    filled = desk.post("/desk/sign-up/with", data={"contact": PHONE}).text
    assert f'value="{PHONE}"' in filled
    assert "message and data rates may apply" in filled
    assert "by email" not in words(filled), "the words of a phone are enough"
    form = begin(desk)
    assert asked.number("SELECT count(*) FROM subscribers") == 0, "nothing before the code"
    [said] = asked.rows("SELECT text FROM direct_messages")
    assert "Léalo al agente" in said.text or "agente" in said.text
    answer = enter(desk, form)
    assert (answer.status_code, answer.headers["location"][-9:]) == (303, "?done=new")
    shown = words(desk.get(answer.headers["location"]).text)
    assert "Signed up." in shown
    assert "The caller has proved who they are" in shown
    assert subscribed() == ["storm", "water"]
    assert asked.rows("SELECT language FROM subscribers") == [("es",)]
    [kept] = asked.rows("SELECT words, how FROM consents")
    assert "¿Está de acuerdo?" in kept.words
    assert "Temas: tormentas, agua." in kept.words
    assert kept.how.startswith("code read back")
    [noted] = asked.rows("SELECT operator_id, detail FROM audit WHERE action = 'sign up by call'")
    assert noted.operator_id is not None
    assert noted.detail["topics"] == ["storm", "water"]
    assert asked.number("SELECT count(*) FROM direct_messages WHERE kind = 'welcome'") == 1


def test_a_known_number_is_answered_alike_until_the_code_and_keeps_what_it_had(desk: httpx.Client) -> None:
    known, new = "+12155550177", "+12155550178"
    with transaction() as s:
        theirs = factories.resident(s, phone=known, topics=("snow",), now=datetime.now(UTC))
    pages = [desk.post("/desk/sign-up", data={"contact": one} | AGREED) for one in (known, new)]
    alike = [words(re.sub(r"\*\*\*\d\d", "", page.text)) for page in pages]
    assert alike[0] == alike[1]
    assert pages[0].status_code == pages[1].status_code == 200
    assert subscribed() == ["snow"]
    form = begin(desk, known)
    answer = enter(desk, form)
    assert answer.headers["location"] == f"/desk/residents/{theirs.id}?done=known"
    assert subscribed() == ["snow", "storm", "water"]
    assert asked.rows("SELECT language FROM subscribers") == [("en",)]
    topics = asked.rows("SELECT topic::text FROM consents WHERE topic IS NOT NULL ORDER BY topic")
    assert [row.topic for row in topics] == ["storm", "water"]


def test_a_double_click_counts_once(desk: httpx.Client) -> None:
    [once] = re.findall(r'name="once" value="([^"]+)"', desk.get("/desk/sign-up").text)
    forms = [begin(desk, once=once) for _ in range(2)]
    assert messages() == 1
    code = sent_code()
    answers = [enter(desk, form, code) for form in forms]
    assert len({answer.headers["location"] for answer in answers}) == 1
    assert asked.number("SELECT count(*) FROM subscribers") == 1
    assert asked.number("SELECT count(*) FROM consents") == 1
    assert asked.number("SELECT count(*) FROM audit WHERE action = 'sign up by call'") == 1
    assert asked.number("SELECT count(*) FROM places") == 1


def test_a_code_that_is_wrong_or_old_signs_nobody_up_and_another_can_be_sent(desk: httpx.Client) -> None:
    form = begin(desk)
    code = sent_code()
    wrong = enter(desk, form, "000000" if code != "000000" else "000001")
    assert (wrong.status_code, "not the code that was sent" in wrong.text) == (409, True)
    assert asked.number("SELECT code_tries FROM joinings") == 1
    asked.do("UPDATE joinings SET code_ends_at = now() - interval '1 second'")
    old = enter(desk, form, code)
    assert (old.status_code, "no longer valid" in old.text) == (409, True)
    again = fields(desk.post("/desk/sign-up", data=fields(old.text)).text)
    assert messages() == 2
    assert enter(desk, again).status_code == 303
    assert subscribed() == ["storm", "water"]


def test_a_code_is_guessed_a_few_times_and_is_worth_nothing_to_somebody_else(
    desk: httpx.Client, at_desk: Callable[[str], httpx.Client]
) -> None:
    form = begin(desk)
    code = sent_code()
    for _ in range(one_time_codes.TRIES):
        enter(desk, form, "000000" if code != "000000" else "000001")
    assert enter(desk, form, code).status_code == 409
    asked.do("UPDATE joinings SET code_tries = 0")
    assert enter(at_desk("admin"), form, code).status_code == 404
    assert asked.number("SELECT count(*) FROM subscribers") == 0


def test_an_agent_sends_no_flood_of_codes(desk: httpx.Client) -> None:
    by, now = asked.number("SELECT id FROM operators WHERE role = 'agent'"), datetime.now(UTC)
    with transaction() as s:
        for n in range(tries.BUCKETS["join-network"].most):
            tries.count(s, tries.of_joiner("email", f"{n}aaa@{n}.example.org", f"operator {by}"), now)
    answer = desk.post("/desk/sign-up", data={"contact": PHONE} | AGREED)
    assert answer.status_code == 429
    assert int(answer.headers["retry-after"]) > 0
    assert messages() == 0


def test_a_phone_that_sent_stop_gets_no_code_and_the_page_says_what_to_do(desk: httpx.Client) -> None:
    with transaction() as s:
        consent.opt_out(s, "sms", PHONE, how="STOP", now=datetime.now(UTC))
    page = desk.post("/desk/sign-up", data={"contact": PHONE} | AGREED)
    assert "its owner texts START first" in page.text
    assert messages() == 0


@pytest.mark.parametrize(
    ("more", "status", "says"),
    [
        ({"agreed": ""}, 422, "must agree first"),
        ({"contact": "12"}, 422, "neither a phone"),
        ({"place": "", "address": "no such street"}, 422, "do not find"),
        ({"spoken": "xx"}, 422, "not spoken here"),
    ],
)
def test_a_form_that_lacks_something_keeps_what_was_typed(
    desk: httpx.Client, more: dict[str, str], status: int, says: str
) -> None:
    answer = desk.post("/desk/sign-up", data={"contact": MAIL} | AGREED | {"label": "Mom's flat"} | more)
    assert answer.status_code == status
    assert says in answer.text
    assert "Mom&#39;s flat" in answer.text
    assert answer.headers["cache-control"] == "no-store"


def test_what_was_wrong_is_corrected_and_a_forged_page_opens_nothing(desk: httpx.Client) -> None:
    form = begin(desk)
    corrected = desk.post("/desk/sign-up/with", data={k: v for k, v in form.items() if k != "token"}).text
    assert f'value="{PHONE}"' in corrected
    assert 'value="120 Main St"' in corrected
    assert re.findall(r'value="(\w+)" checked> \w', corrected)[:2] == ["storm", "water"]
    assert enter(desk, form | {"token": "forged"}, "000000").status_code == 404
