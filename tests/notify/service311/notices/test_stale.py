"""A notice that is out, some of which quiet hours hold, while the days change."""

from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from shapely.geometry import box

from notify.alerts import lifecycle
from notify.core import db
from notify.core.db import transaction
from notify.core.settings import settings
from notify.delivery import held, recovery
from notify.models import Alert
from notify.service311 import rule_store
from notify.service311.notices import acts, holidays, stale
from notify.service311.notices.storm import Storm
from notify.service311.rules import DayException
from tests import factories
from tests.database import sql
from tests.notify.service311 import days
from tests.notify.service311.days import NORTH, SOUTH, THANKSGIVING

pytestmark = pytest.mark.usefixtures("database")

NIGHT = datetime(2026, 11, 17, 4, tzinfo=UTC)  # 11 pm in the city
MORNING = datetime(2026, 11, 17, 13, tzinfo=UTC)
MONDAY = THANKSGIVING - timedelta(3)
FRIDAY, SATURDAY = THANKSGIVING + timedelta(1), THANKSGIVING + timedelta(2)
RUNG = "SELECT message FROM alarms WHERE kind = 'notice-outdated'"


@pytest.fixture
def zones(monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """Thanksgiving moves trash in both zones. Two residents live in the north, and one in the south."""
    for name, value in (("TWILIO_ACCOUNT_SID", "AC" + "0" * 32), ("TWILIO_AUTH_TOKEN", "t"),
                        ("QUIET_HOURS", "22:00-08:00")):  # fmt: skip
        monkeypatch.setenv(f"TOCSIN_{name}", value)
    settings.cache_clear()
    ids = days.settle()
    with transaction() as s:
        days.take(s, {"zone": "South", "stream": "trash", "weekdays": "Thu"})
        days.publish(s)
        factories.sender(s)
        for at in (NORTH, NORTH, SOUTH):
            factories.resident(s, at=[at], topics=["collection"])
    return ids


def publish(now: datetime = NIGHT) -> int:
    """Publish the notice of Thanksgiving at once, and return its alert."""
    with transaction() as s:
        by, key = factories.operator(s, "agent"), f"{THANKSGIVING} Thanksgiving Day"
        edition = holidays.changed_by(s, key, now).edition
    alert = acts.publish_holiday(key, edition, ["sms"], None, by, now, settings()).alert
    assert alert.state == "sending"
    factories.resolve(alert.id, now)
    return alert.id


def restrict(zone: int, now: datetime = NIGHT) -> None:
    """Publish an edition by which a zone is collected on Saturday."""
    with transaction() as s:
        by_hand = DayException(THANKSGIVING, "A. Perez", "a crew works", zone=str(zone), moved_to=SATURDAY)
        rule_store.add_exception(s, by_hand, now)
        days.publish(s, "by hand", now)


def settle(now: datetime = NIGHT) -> None:
    """Do what the scheduler does every second, several times."""
    for _ in range(3):
        if db.exists(stale.ANY, now=NIGHT):
            with transaction() as s:
                stale.settle(s, now)
        recovery.end_leftovers(now)
    assert not db.exists(stale.ANY, now=NIGHT), "it is not looked for all night"


def states(alert: int) -> Counter[tuple[str, str | None]]:
    found = sql("SELECT state, reason FROM deliveries WHERE alert_id = :alert", alert=alert)
    return Counter((row.state, row.reason) for row in found)


IN_NORTH = "contact_id IN (SELECT id FROM contacts ORDER BY id LIMIT 2)"


def some_have_it(alert: int, where: str) -> None:
    sql(f"UPDATE deliveries SET state = 'delivered', reason = NULL WHERE alert_id = :alert AND {where}", alert=alert)


def state_of(alert: int) -> str:
    return str(sql("SELECT state FROM alerts WHERE id = :alert", alert=alert)[0].state)


def morning() -> Sequence[recovery.Doorbell]:
    return held.release(MORNING)


def test_a_notice_that_nobody_has_yet_is_cancelled_and_told_anew(zones: dict[str, int]) -> None:
    alert = publish()
    assert states(alert) == {("held", "quiet-hours"): 3}
    restrict(zones["North"])
    settle()
    assert state_of(alert) == "cancelled"
    assert states(alert) == {("cancelled", "cancelled"): 3}
    assert [row.message for row in sql(RUNG)] == [
        "The notice of Thanksgiving Day was cancelled: edition 3 has other days."
    ]
    assert morning() == []
    again = publish()
    assert states(again) == {("held", "quiet-hours"): 3}, "all of them are told the days that are true"


def test_of_a_notice_that_some_have_what_is_not_true_any_more_is_stopped(zones: dict[str, int]) -> None:
    alert = publish()
    some_have_it(alert, f"id = (SELECT min(id) FROM deliveries WHERE alert_id = :alert AND {IN_NORTH})")
    restrict(zones["North"])
    settle()
    assert state_of(alert) == "sending"
    assert states(alert) == {("delivered", None): 1, ("cancelled", "days-changed"): 1, ("held", "quiet-hours"): 1}
    (rung,) = sql(RUNG)
    assert rung.message == (
        "The notice of Thanksgiving Day was stopped before everybody had it: edition 3 has other days."
    )
    correction = publish()
    assert states(correction) == {("held", "quiet-hours"): 2}, "both in the north, and nobody else"
    assert morning()
    assert states(alert)["queued", None] == 1, "the south reads the first one, in time"


def test_who_has_a_place_where_it_is_still_true_reads_it(zones: dict[str, int]) -> None:
    """Their one message tells of both places: without it they would never hear of the second."""
    with transaction() as s:
        factories.resident(s, at=[NORTH, SOUTH], topics=["collection"])
    alert = publish()
    assert states(alert) == {("held", "quiet-hours"): 4}
    some_have_it(alert, f"NOT {IN_NORTH} AND contact_id < (SELECT max(id) FROM contacts)")
    restrict(zones["North"])
    settle()
    assert states(alert) == {("delivered", None): 1, ("cancelled", "days-changed"): 2, ("held", "quiet-hours"): 1}
    assert len(sql(RUNG)) == 1
    correction = publish()
    assert states(correction) == {("held", "quiet-hours"): 3}, "it tells them of the first"
    assert morning()
    assert states(alert)["queued", None] == 1


def test_a_notice_that_is_still_true_goes_out(zones: dict[str, int]) -> None:
    alert = publish()
    with transaction() as s:
        days.take(s, {"zone": "South", "stream": "bulky", "weekdays": "Wed", "season": "02-01..02-28"})
        days.publish(s, "bulky items")
    assert db.exists(stale.ANY, now=NIGHT)
    settle()
    assert (state_of(alert), len(sql(RUNG))) == ("sending", 0)
    assert morning()
    assert states(alert) == {("queued", None): 3}


def test_what_is_not_held_goes_on_where_another_zone_changes(zones: dict[str, int]) -> None:
    """A zone of which the notice says nothing takes nothing away from it."""
    with transaction() as s:
        west = factories.zone(s, "West", box(4, 0, 5, 1), "collection").id
        days.take(s, {"zone": "West", "stream": "trash", "weekdays": "Mon"})
        days.publish(s)
    alert = publish()
    days.suspend(west, [MONDAY], NIGHT)
    settle()
    assert (state_of(alert), states(alert), len(sql(RUNG))) == ("sending", {("held", "quiet-hours"): 3}, 0)


def test_nothing_is_stopped_twice_by_two_schedulers(zones: dict[str, int]) -> None:
    alert = publish()
    restrict(zones["North"])

    def run(_n: int) -> int:
        with transaction() as s:
            return len(stale.settle(s, NIGHT))

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(run, range(4))) == 1
    settle()
    assert [row.count for row in sql("SELECT count FROM alarms")] == [1]
    assert state_of(alert) == "cancelled"


def test_what_is_on_its_way_is_looked_at_again(zones: dict[str, int]) -> None:
    alert = publish()
    sql(f"UPDATE deliveries SET state = 'sending', reason = NULL WHERE {IN_NORTH}")
    restrict(zones["North"])
    with transaction() as s:
        stale.settle(s, NIGHT)
    assert db.exists(stale.ANY, now=NIGHT)
    sql("UPDATE deliveries SET state = 'queued' WHERE state = 'sending'")  # the provider had no room for them
    some_have_it(alert, f"NOT {IN_NORTH}")
    settle()
    assert states(alert) == {("cancelled", "days-changed"): 2, ("delivered", None): 1}
    assert [row.count for row in sql("SELECT count FROM alarms")] == [1]


def test_one_that_was_paused_is_stopped_as_well(zones: dict[str, int]) -> None:
    alert = publish()
    with transaction() as s:
        lifecycle.pause(s, alert, None, NIGHT)
    restrict(zones["North"])
    settle()
    assert state_of(alert) == "cancelled"


def test_a_storm_whose_days_are_decided_in_part_goes_on_for_the_rest(zones: dict[str, int]) -> None:
    """No alarm rings: a later notice of the incident goes to those who lose something."""
    with transaction() as s:
        by = factories.operator(s, "agent")

    def decide(edition: int, *, only: str = "", **given: object) -> Alert:
        chosen = frozenset([zones[only]]) if only else frozenset(zones.values())
        given = {"decision": "unknown", **given}
        storm = Storm(chosen, frozenset(["trash"]), THANKSGIVING, FRIDAY, "snow", **given)  # type: ignore[arg-type]
        alert = acts.publish_storm(storm, edition, ["sms"], by, NIGHT, settings()).alert
        factories.resolve(alert.id, NIGHT)
        return alert

    first = decide(2)
    assert states(first.id) == {("held", "quiet-hours"): 3}
    later = decide(3, only="North", decision="day", to=SATURDAY, incident=first.incident_id)
    settle()
    assert states(later.id) == {("held", "quiet-hours"): 2}
    assert states(first.id)["held", "quiet-hours"] == 1, states(first.id)
    assert sql("SELECT kind FROM alarms") == []
