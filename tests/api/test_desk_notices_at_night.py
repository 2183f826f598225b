"""A collection notice in quiet hours: what waits for the morning is said to wait, before it is published and after."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from notify.core.settings import settings
from tests import factories
from tests.api import asked, quiet
from tests.api.test_desk_notices import holiday, next_thursday, publish, storm, words
from tests.api.test_desk_notices import zones as zones

Desk = Callable[[str], httpx.Client]


@pytest.fixture
def night(zones: dict[str, int], monkeypatch: pytest.MonkeyPatch) -> str:
    """Quiet hours that last two more hours; their end as a page writes it."""
    return f"{quiet.begin(monkeypatch, 2):%-I:%M}"


def test_a_notice_that_waits_for_the_morning_is_not_said_to_be_sent(
    at_desk: Desk, night: str, zones: dict[str, int]
) -> None:
    desk = at_desk("agent")
    quiet = re.compile(rf"It is quiet until ([^:]+, )?{night}[^:]*: texts and emails go out then")
    assert quiet.search(words(desk.get(holiday(desk)).text))
    where = publish(desk).headers["location"]
    factories.resolve(1, datetime.now(UTC))
    shown = words(desk.get(where).text)
    assert "Not sent yet. Launched" in shown
    assert re.search(rf"go out at (\d+ \w+, )?{night}", shown)
    listed = words(desk.get("/desk/notices").text)
    assert "Not sent yet" in listed
    assert "Told" not in listed
    fields = {"zone": str(zones["North"]), "stream": ["trash"], "first": str(next_thursday() + timedelta(days=4)),
              "cause": "snow", "decision": "unknown"}  # fmt: skip
    assert quiet.search(words(desk.post("/desk/notices/storm", data=fields).text))
    asked.do("UPDATE batches SET state = 'done'")
    asked.do("UPDATE deliveries SET state = 'accepted', reason = NULL, sent_at = now() WHERE state = 'held'")
    assert "Not sent yet" not in words(desk.get(where).text)
    assert "Told" in words(desk.get("/desk/notices").text)


def test_an_approver_reads_when_a_notice_goes_out_and_that_it_is_repeated(
    at_desk: Desk, night: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOCSIN_ALONE_MOST", "1")
    settings.cache_clear()
    where = publish(at_desk("agent"), remind="true").headers["location"]
    assert "It is quiet until" in words(at_desk("agent").get(where).text)
    shown = words(at_desk("approver").get("/console/alerts/1").text)
    assert "Nothing is sent until it is approved. Then it goes out by itself, at once." in shown
    assert "and launched" not in shown
    assert re.search(rf"quiet hours until [^:]+, {night}:00 [AP]M: messages to them wait until then", shown)
    assert "Its readers are reminded at 6:00 PM on: Thursday" in shown
    assert not re.search(r"\d{4}-\d\d-\d\d", shown), "times are written for people"


def test_a_storm_that_waits_for_an_approver_says_so_and_is_in_the_calendars(
    at_desk: Desk, zones: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    desk, monday = at_desk("agent"), next_thursday() + timedelta(days=4)
    fields = {"zone": str(zones["North"]), "stream": ["trash"], "first": str(monday), "cause": "snow",
              "decision": "unknown"}  # fmt: skip
    few = words(desk.post("/desk/notices/storm", data=fields).text)
    assert "If it goes to more than 1,000 contacts, another person is asked to approve the notice first." in few
    monkeypatch.setenv("TOCSIN_ALONE_MOST", "1")
    settings.cache_clear()
    many = words(desk.post("/desk/notices/storm", data=fields).text)
    assert "It can go to 4 contacts. Above 1 another person is asked to approve the notice first." in many
    assert "The calendars have the new days at once" in many
    where = storm(desk, zones["North"], monday).headers["location"]
    shown = desk.get(where).text
    assert f"{where}/cancel" in shown
    assert 'href="/desk/notices/storm?incident=1"' in shown, "which undoes what the calendars have"
