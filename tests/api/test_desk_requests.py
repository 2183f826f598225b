"""The desk files requests with the city's own system, and shows the caller's."""

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from html import unescape
from uuid import uuid4

import httpx
import pytest

from notify.core.db import transaction
from notify.core.settings import settings
from notify.service311 import rule_store
from notify.service311.rules import DayException, State
from tests.api import asked
from tests.notify.city.geocoder import town
from tests.notify.service311 import days, request_system

Desk = Callable[[str], httpx.Client]
HOUSE = (0.5, 0.5)


@pytest.fixture(scope="module")
def simulated() -> Iterator[httpx.Client]:
    with request_system.running() as client:
        yield client


@pytest.fixture
def desk(at_desk: Desk, simulated: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> httpx.Client:
    """An agent, in a city with a request system and two houses."""
    request_system.anew(simulated)
    url = str(simulated.base_url).rstrip("/")
    monkeypatch.setenv("TOCSIN_SIMULATOR_URL", url)
    monkeypatch.setenv("TOCSIN_OPEN311", f"{url}/open311/v2 near=yes")
    monkeypatch.setenv("TOCSIN_OPEN311_KEY", request_system.KEY)
    settings.cache_clear()
    town.settle(houses=[town.house("120", "MAIN ST", *HOUSE), town.house("120", "MAIN CT", 0.6, 0.5)])
    return at_desk("agent")


def words(page: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", page.partition("<main")[2]).split())


def filed(desk: httpx.Client, **fields: str) -> httpx.Response:
    given = {"service": "pothole", "address": "120 Main St", "description": "A deep hole", "form": str(uuid4())}
    return desk.post("/desk/requests", data=given | fields, follow_redirects=True)


def test_a_request_is_filed_and_found_again(desk: httpx.Client, simulated: httpx.Client) -> None:
    assert '<option value="pothole"' in desk.get("/desk/requests").text
    form = str(uuid4())
    shown = words(filed(desk, form=form).text)
    assert filed(desk, form=form).status_code == 200
    (stored,) = request_system.stored(simulated)
    number = stored["service_request_id"]
    assert f"Filed: number {number}" in shown
    assert (stored["address"], stored["lat"], stored["description"]) == ("120 Main St", 0.5, "A deep hole")
    for sought in ({"numbers": f"1, {number}"}, {"address": "120 Main St"}):
        found = words(desk.post("/desk/requests/look", data=sought).text)
        assert f"{number}: Pothole open 120 Main St" in found
    assert "There is none." in desk.post("/desk/requests/look", data={"address": "120 Main Ct"}).text
    assert filed(desk).status_code == 409
    assert asked.number("SELECT count(*) FROM city_requests WHERE address_sealed::text LIKE '%Main%'") == 0


def test_an_address_on_the_desk_leads_to_its_requests_and_into_the_form(desk: httpx.Client) -> None:
    filed(desk)
    page = desk.post("/desk", data={"sought": "120 Main St"}).text
    form = page.split('action="/desk/requests/look"')[1].split("</form>")[0]
    assert 'data-keys="x q"' in form
    fields = {name: unescape(value) for name, value in re.findall(r'name="(\w+)" value="([^"]*)"', form)}
    page = desk.post("/desk/requests/look", data=fields).text
    assert "Open requests near 120 Main St" in words(page)
    assert "Pothole open" in words(page)
    assert re.search(r'id="address"[^>]*value="120 Main St', page), "to file another"


def test_an_address_that_is_not_certain_is_asked_back(desk: httpx.Client, simulated: httpx.Client) -> None:
    assert "Which one is it?" in filed(desk, address="120 Main").text
    assert request_system.stored(simulated) == []
    assert "Filed: number" in words(filed(desk, address="120 Main", place="0.6 0.5 120 Main Ct").text)
    assert "Which one is it?" in desk.post("/desk/requests/look", data={"address": "120 Main"}).text


def test_without_an_answer_the_desk_says_perhaps(desk: httpx.Client, simulated: httpx.Client) -> None:
    request_system.behave(simulated, next_errors=[{"accept_then_hang_s": 0.05}])
    shown = filed(desk).text
    assert "Perhaps filed. Look in the city" in words(shown)
    assert "for 120 Main St" in words(shown)
    again = filed(desk)
    assert (again.status_code, "perhaps filed already" in again.text) == (409, True)
    (stored,) = request_system.stored(simulated)
    path = re.findall(r'action="(/desk/requests/\d+/settle)"', shown)[0]
    assert desk.post(path, data={}).status_code == 422
    settled = desk.post(path, data={"number": stored["service_request_id"]}, follow_redirects=True)
    assert f"Filed: number {stored['service_request_id']}" in words(settled.text)


def test_a_city_that_names_the_number_later(desk: httpx.Client, simulated: httpx.Client) -> None:
    request_system.behave(simulated, answers="token")
    path = re.findall(r'action="(/desk/requests/\d+/number)"', filed(desk).text)[0]
    (stored,) = request_system.stored(simulated)
    named = desk.post(path, follow_redirects=True)
    assert f"Filed: number {stored['service_request_id']}" in words(named.text)


def test_a_missed_collection_that_was_suspended_is_not_filed(desk: httpx.Client, simulated: httpx.Client) -> None:
    now = datetime.now(UTC)
    zones = days.settle(now)
    with transaction() as s:
        days.take(s, {"zone": "North", "stream": "trash", "weekdays": "Mon, Tue, Wed, Thu, Fri, Sat, Sun"}, now=now)
        today = now.astimezone(settings().tz).date()
        off = DayException(today, "A. Perez", "a snow storm", zone=str(zones["North"]), state=State.SUSPENDED)
        rule_store.add_exception(s, off, now)
        days.publish(s, now=now)
    shown = words(filed(desk, service="missed-trash").text)
    assert "is suspended: no truck comes for it. No request is filed. Reason: a snow storm." in shown
    assert "We tell you when it is rescheduled" in shown
    assert request_system.stored(simulated) == []


def test_nobody_without_the_right_reads_what_callers_said(desk: httpx.Client, at_desk: Desk) -> None:
    filed(desk)
    for role in ("author", "approver"):
        other = at_desk(role)
        answers = [
            other.get("/desk/requests"),
            other.post("/desk/requests", data={"service": "pothole"}),
            other.post("/desk/requests/look", data={"numbers": "1"}),
            other.post("/desk/requests/1/settle", data={}),
            other.post("/desk/requests/1/settle", data={"number": "1"}),
            other.post("/desk/requests/1/number"),
        ]
        for answer in answers:
            assert answer.status_code == 403
            assert "Filed from the desk" not in answer.text


def test_a_system_that_does_not_answer_is_said(desk: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOCSIN_SIMULATOR_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("TOCSIN_OPEN311", "http://127.0.0.1:9/v2")
    settings.cache_clear()
    assert "does not answer" in words(desk.get("/desk/requests").text)
    assert filed(desk).status_code == 503
