"""A notice that is out, where newer calendars have other days: nowhere is it said to hold there."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from notify.core.db import transaction
from notify.service311 import rule_store
from notify.service311.notices import stale
from notify.service311.rules import DayException
from tests import factories
from tests.api import asked
from tests.api.test_desk_notices import IN_NORTH, holiday, next_thursday, publish, restrict, words
from tests.api.test_desk_notices import zones as zones
from tests.notify.service311 import days

Desk = Callable[[str], httpx.Client]
CHANGED = "Some of these days have changed since this was sent."


@pytest.fixture(params=["one zone", "both zones"])
def told(request: pytest.FixtureRequest, zones: dict[str, int]) -> str:
    if request.param == "both zones":
        with transaction() as s:
            days.take(s, {"zone": "South", "stream": "trash", "weekdays": "Thu"})
            days.publish(s, "more", datetime.now(UTC))
    return str(request.param)


@pytest.fixture
def notice(at_desk: Desk, zones: dict[str, int], told: str) -> str:
    """Return the page of a notice that one or both zones had but for one message, before the north got another day."""
    where = publish(at_desk("agent")).headers["location"]
    factories.resolve(1, datetime.now(UTC))
    asked.do("""UPDATE deliveries SET state = 'delivered', sent_at = now() WHERE batch_id IS NOT NULL
                   AND id <> (SELECT min(id) FROM deliveries WHERE batch_id IS NOT NULL)""")
    restrict(zones["North"], next_thursday() + timedelta(days=2))
    stale.settle_out(datetime.now(UTC))
    return str(where)


def here(desk: httpx.Client, zone: int) -> str:
    return words(desk.get(f"/desk/zones/{zone}").text)


def at_address(desk: httpx.Client) -> str:
    place = f"{IN_NORTH[0]} {IN_NORTH[1]} 1 Main St"
    return words(desk.post("/desk", data={"sought": "1 Main St", "place": place}).text)


def test_until_the_correction_it_is_marked_wherever_it_is_shown(
    door: httpx.Client, at_desk: Desk, zones: dict[str, int], told: str, notice: str
) -> None:
    desk = at_desk("agent")
    for page in ("/", "/alerts/1"):
        assert CHANGED in words(door.get(page).text), page
    assert CHANGED in door.get("/feeds/active.json").text
    for shown in (here(desk, zones["North"]), at_address(desk), words(desk.get("/desk/alerts/1").text)):
        assert "not true any more" in shown
        assert "say what the calendar says" in shown
        assert "in force" not in shown
    south = here(desk, zones["South"])
    assert ("in force" in south) == (told == "both zones")
    assert "not true any more" not in south


def test_the_notices_page_says_what_was_stopped_and_leads_to_the_correction(at_desk: Desk, notice: str) -> None:
    desk = at_desk("agent")
    page = desk.get(notice).text
    assert "Not true any more in North." in words(page)
    assert "1 message was stopped before it went out." in words(page)
    assert "were not told the new days yet" in words(page)
    assert holiday(desk).replace("&", "&amp;") in page
    assert "Not to callers from North: tell them what the calendar says." in words(page)
    console = words(desk.get("/console/alerts/1").text)
    assert "Newer calendars have other days" in console
    assert "has a later word" not in console


def test_after_the_correction_the_newer_one_alone_is_in_force_there(
    door: httpx.Client, at_desk: Desk, zones: dict[str, int], told: str, notice: str
) -> None:
    desk = at_desk("agent")
    assert publish(desk).status_code == 303
    for page in ("/", "/alerts/1"):
        assert CHANGED not in words(door.get(page).text), page
    for shown in (here(desk, zones["North"]), at_address(desk)):
        assert "not true any more" not in shown
        assert shown.count("in force") == 1
        assert "replaced by a later alert" in shown
    assert ("in force" in here(desk, zones["South"])) == (told == "both zones")
    assert "A later notice tells the days there." in words(desk.get(notice).text)
    assert asked.number("SELECT count(*) FROM standings WHERE unsaid") == 0


@pytest.mark.parametrize(("reason", "because"), [("Snow", "Snow"), ("a crew works", "Thanksgiving Day")])
def test_a_correction_names_the_reason_of_the_change_and_goes_out_now(
    at_desk: Desk, zones: dict[str, int], reason: str, because: str
) -> None:
    """Where all of it was changed for a built-in reason; what somebody typed would need somebody else's approval."""
    desk, now, thursday = at_desk("agent"), datetime.now(UTC), next_thursday()
    assert publish(desk).status_code == 303
    factories.resolve(1, now)
    with transaction() as s:
        by_hand = DayException(thursday, "A. Perez", reason, zone=str(zones["North"]), moved_to=thursday + timedelta(2))
        rule_store.add_exception(s, by_hand, now)
        days.publish(s, "by hand", now)
    form = desk.get(holiday(desk)).text
    assert re.search(r'value="now" checked', form)
    assert publish(desk).status_code == 303
    (text,) = asked.rows("""SELECT c.text FROM contents c JOIN alerts a ON a.id = c.alert_id WHERE a.phase = 'update'
                              AND channel = 'email' AND language = 'en' AND wording = 1""")
    assert f"Reason for the change: {because}." in text.text
    assert "If you have an earlier message about these collections, forget it." in text.text


def test_what_was_stopped_before_anybody_but_a_timeline_had_it_is_not_said_to_be_sent(
    at_desk: Desk, zones: dict[str, int]
) -> None:
    desk = at_desk("agent")
    assert publish(desk).status_code == 303
    factories.resolve(1, datetime.now(UTC))
    asked.do("UPDATE deliveries SET state = 'cancelled', reason = 'days-changed' WHERE batch_id IS NOT NULL")
    asked.do("UPDATE alerts SET withdrawn = area")
    shown = words(desk.get("/desk/alerts/1").text)
    assert "Nothing of it went out to residents." in shown
    assert "Sent " not in shown
