"""A storm where houses have days of their own: its notice says what their published calendars say."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from notify.core.db import transaction
from notify.core.settings import settings
from notify.operations.jobs import launch
from notify.service311 import calendars, rule_store
from notify.service311.rules import DayException, State
from tests.api import asked
from tests.api.test_desk_notices import next_thursday, storm, told, words, zones
from tests.notify.service311 import days

Desk = Callable[[str], httpx.Client]
__all__ = ["zones"]  # a fixture

HOUSES = {  # their days of the week: 0 is Monday
    "1 Elm St": ((0.25, 0.25), 0),  # in the north: Monday, as its zone
    "2 Elm St": ((0.3, 0.25), 2),  # Wednesday
    "3 Elm St": ((0.35, 0.25), 1),  # Tuesday, on which its zone has nothing
    "4 Elm St": ((1.25, 0.25), 0),  # in the south: Monday
}


@pytest.fixture
def live(zones: dict[str, int]) -> dict[str, int]:
    """The residents at houses with days of their own for trash, by address."""
    with transaction() as s:
        return days.own_days(s, HOUSES, ("trash",), datetime.now(UTC))


def newest_alert() -> int:
    return asked.number("SELECT max(id) FROM alerts")


def test_houses_read_their_own_day_of_a_storm_or_nothing(
    at_desk: Desk, zones: dict[str, int], live: dict[str, int]
) -> None:
    """What is told is what their calendars say; what comes next is told to the same."""
    desk, monday = at_desk("agent"), next_thursday() + timedelta(days=4)
    tuesday = monday + timedelta(days=1)
    fields = {"zone": str(zones["North"]), "stream": "trash", "first": str(monday), "last": str(tuesday),
              "cause": "snow", "decision": "unknown"}  # fmt: skip
    shown = words(desk.post("/desk/notices/storm", data=fields).text)
    assert re.search(r"North trash Monday, \w+ \d+ Not known yet 2 2", shown), shown
    assert re.search(r"1 address with days of its own trash Monday, \w+ \d+ Not known yet 1 1", shown)
    assert re.search(r"1 address with days of its own trash Tuesday, \w+ \d+ Not known yet 1 1", shown)
    assert "Publish to 4 residents" in shown
    off = storm(desk, zones["North"], monday, last=str(tuesday))
    assert off.status_code == 303, words(off.text)
    found = told(newest_alert())
    assert "No trash collection on Monday" in found[live["1 Elm St"]]
    assert live["2 Elm St"] not in found
    assert "No trash collection on Tuesday" in found[live["3 Elm St"]]
    assert live["4 Elm St"] not in found
    assert len(found) == 4
    for address, day in (("1 Elm St", monday), ("2 Elm St", None), ("3 Elm St", tuesday), ("4 Elm St", None)):
        with transaction() as s:
            calendar = calendars.of_place(s, *HOUSES[address][0], datetime.now(UTC), address)
        assert calendar is not None
        assert [one.nominal for one in calendar.collections if one.state is State.TO_BE_ANNOUNCED] == [day] * bool(day)
    assert "Nothing is due then" not in words(desk.get("/desk/rules").text)
    assert "Days changed by hand" not in words(desk.get("/desk/notices").text), "its residents are told what comes next"
    incident = {"incident": str(asked.number("SELECT id FROM incidents")), "decision": "day"}
    back = storm(desk, zones["North"], monday, last=str(tuesday), to=str(monday + timedelta(days=5)), **incident)
    assert back.status_code == 303, words(back.text)
    again = told(newest_alert())
    assert again.keys() == found.keys()
    assert re.search(r"trash of Tuesday, \w+ \d+ moves to Saturday", again[live["3 Elm St"]])


def test_a_storm_can_concern_houses_alone(
    at_desk: Desk, zones: dict[str, int], live: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What waits goes out while it is true of the house; the incident goes on with the zone that it is in."""
    monkeypatch.setenv("TOCSIN_ALONE_MOST", "0")
    settings.cache_clear()
    desk, tuesday = at_desk("agent"), next_thursday() + timedelta(days=5)
    off = storm(desk, zones["North"], tuesday)
    assert off.status_code == 303, words(off.text)
    assert "addresses with days of their own" in words(desk.get(off.headers["location"]).text)
    next_page = desk.get(f"/desk/notices/storm?incident={asked.number('SELECT id FROM incidents')}").text
    assert re.search(rf'name="zone" value="{zones["North"]}" checked', next_page)
    assert not re.search(rf'name="zone" value="{zones["South"]}" checked', next_page)
    with transaction() as s:
        days.take(s, {"zone": "South", "stream": "bulky", "weekdays": "Wed", "season": "02-01..02-28"})
        days.publish(s, "bulky items")
    launch.run()
    assert [one.state for one in asked.rows("SELECT state FROM alerts")] == ["draft"]
    with transaction() as s:
        usual = DayException(tuesday, "A. Perez", "a crew works", zone=str(zones["North"]), moved_to=tuesday)
        rule_store.add_exception(s, usual, datetime.now(UTC))
        days.publish(s, "by hand", datetime.now(UTC))
    launch.run()
    assert [one.state for one in asked.rows("SELECT state FROM alerts")] == ["cancelled"]
