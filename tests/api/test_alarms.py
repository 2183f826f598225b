"""Alarms at the door: a banner on every page of the console, and REST."""

import re
from collections.abc import Callable
from datetime import UTC, datetime

import httpx
import pytest

from notify.core import alarms
from notify.core.city_time import shown
from notify.core.db import transaction
from notify.core.settings import settings
from tests import factories
from tests.api import asked

Key = Callable[..., dict[str, str]]
Desk = Callable[[str], httpx.Client]
WORDS = "Sender 1 is stopped: 30034 <b>"


@pytest.fixture
def alarm(city: datetime) -> int:
    with transaction() as s:
        sender = factories.sender(s, now=city)
        for _ in range(3):
            alarms.sound(s, "sender-stopped", WORDS, city, sender_id=sender.id)
        return alarms.ringing(s)[0].id


def test_an_alarm_leads_to_its_page_and_tells_the_time_as_the_console_does(at_desk: Desk, city: datetime) -> None:
    at = shown(datetime(2027, 1, 12, 17, 8, 32, tzinfo=UTC), settings().tz)
    words = f"Request to warn 3 was to be decided by {at}. Warn now, as a precaution, or decline it: /console/requests."
    with transaction() as s:
        alarms.sound(s, alarms.DECISION_DUE, words, city, about="request 3")
    page = at_desk("admin").get("/console").text
    assert '<a href="/console/requests">/console/requests</a>.' in page
    assert re.search(r"decided by 12 Jan 2027, 12:08:32\sPM\.", page)
    assert "2027-01-12 12:08:32" not in page


def test_an_alarm_stands_on_every_page_of_the_console(
    door: httpx.Client, at_desk: Desk, alarm: int, city: datetime
) -> None:
    with transaction() as s:
        draft = factories.alert_draft(s, now=city, status="Exercise").id
    for path in ("/console", f"/console/alerts/{draft}"):
        assert "30034" not in door.get(path, follow_redirects=True).text, "not before the sign-in"
    console = at_desk("admin")
    for path in ("/console", f"/console/alerts/{draft}"):
        page = console.get(path).text
        assert "Sender 1 is stopped: 30034 &lt;b&gt;" in page
        assert "seen 3 times" in page
        assert f'action="/console/alarms/{alarm}/resolve"' in page
    assert 'class="practice"' in page
    assert "30034" not in console.get("/").text, "residents see none of it"


def test_the_banner_says_something_only_when_there_is_news(at_desk: Desk, alarm: int) -> None:
    console = at_desk("admin")
    page = console.get("/console").text
    look = page.partition('hx-get="')[2].partition('"')[0]
    assert console.get(look).status_code == 204
    with transaction() as s:
        alarms.sound(s, "another", "Something else", datetime.fromisoformat("2027-01-01T00:00:00+00:00"))
    assert "Something else" in console.get(look).text


def test_it_is_resolved_from_the_console_once(door: httpx.Client, at_desk: Desk, alarm: int) -> None:
    console = at_desk("admin")
    answer = console.post(
        f"/console/alarms/{alarm}/resolve", headers={"Referer": f"{str(door.base_url).rstrip('/')}/console/alerts/7"}
    )
    assert (answer.status_code, answer.headers["location"]) == (303, "/console/alerts/7")
    assert asked.rows("SELECT o.role FROM alarms a JOIN operators o ON o.id = a.resolved_by") == [("admin",)]
    assert "30034" not in console.get("/console").text
    assert console.post(f"/console/alarms/{alarm}/resolve").status_code == 409


def test_it_leads_to_the_console_from_a_page_of_no_readable_address(at_desk: Desk, alarm: int) -> None:
    answer = at_desk("admin").post(f"/console/alarms/{alarm}/resolve", headers={"Referer": "http://["})
    assert (answer.status_code, answer.headers["location"]) == (303, "/console")


def test_who_may_not_resolve_sees_it_without_a_button(door: httpx.Client, key: Key, at_desk: Desk, alarm: int) -> None:
    console = at_desk("agent")
    page = console.get("/console").text
    assert "30034" in page
    assert f'action="/console/alarms/{alarm}/resolve">\n    <p>' in page
    assert '<button class="small">Resolve' not in page
    assert console.post(f"/console/alarms/{alarm}/resolve").status_code == 403
    assert door.post(f"/api/v1/alarms/{alarm}/resolve", headers=key(None)).status_code == 403
    assert asked.number("SELECT count(*) FROM alarms WHERE resolved_at IS NULL") == 1


def test_alarms_by_rest(door: httpx.Client, key: Key, alarm: int) -> None:
    headers = key("approver")
    assert door.get("/api/v1/alarms").status_code == 401
    (told,) = door.get("/api/v1/alarms", headers=headers).json()["alarms"]
    assert (told["id"], told["kind"], told["message"], told["count"]) == (alarm, "sender-stopped", WORDS, 3)
    resolved = door.post(f"/api/v1/alarms/{alarm}/resolve", headers=headers)
    assert resolved.json()["resolved_at"] is not None
    assert door.get("/api/v1/alarms", headers=headers).json() == {"alarms": []}
    assert [one["id"] for one in door.get("/api/v1/alarms?all=true", headers=headers).json()["alarms"]] == [alarm]
    assert door.post(f"/api/v1/alarms/{alarm}/resolve", headers=headers).status_code == 409
    assert door.post("/api/v1/alarms/999/resolve", headers=headers).status_code == 404


def test_alarms_are_counted_for_monitoring(door: httpx.Client, alarm: int) -> None:
    assert 'tocsin_alarms{kind="sender-stopped"} 1.0' in door.get("/metrics").text


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59-14:00", "2026-13-45T00:00:00Z"])
def test_a_time_beyond_the_calendar_in_an_alarm_breaks_no_page(at_desk: Desk, moment: str) -> None:
    with transaction() as s:
        alarms.sound(s, "sender-stopped", f"It stopped, see the log of {moment}.", datetime.now(UTC))
    desk = at_desk("approver")
    for path, status in (("/console", 200), ("/console/alerts/77", 404)):
        answer = desk.get(path)
        assert answer.status_code == status
        assert moment in answer.text
