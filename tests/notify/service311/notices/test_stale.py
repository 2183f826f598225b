"""A notice that is out, some of which quiet hours hold, while the days change."""

from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta

import pytest
from shapely.geometry import box
from sqlalchemy import func, select, update

from notify.alerts import arrivals, lifecycle
from notify.core import db
from notify.core.db import transaction
from notify.core.settings import settings
from notify.delivery import held, recovery, taken_back
from notify.models import Alert, CollectionEdition, CollectionRule, CollectionSchedule, Zone
from notify.operations.jobs import notices
from notify.service311 import rule_store
from notify.service311.notices import acts, holidays, stale
from notify.service311.notices.storm import Storm
from notify.service311.rules import DayException
from tests import factories
from tests.database import sql
from tests.notify.service311 import days
from tests.notify.service311.days import NORTH, SOUTH, THANKSGIVING
from tests.owner import as_owner

pytestmark = pytest.mark.usefixtures("database")

NIGHT = datetime(2026, 11, 17, 4, tzinfo=UTC)  # 11 pm in the city
MORNING = datetime(2026, 11, 17, 13, tzinfo=UTC)
MONDAY = THANKSGIVING - timedelta(3)
LATER = THANKSGIVING + timedelta(21)
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


def publish(now: datetime = NIGHT, *, at: datetime | None = None, resolved: bool = True) -> int:
    """Publish the notice of Thanksgiving, by default at once, and return its alert."""
    with transaction() as s:
        by, key = factories.operator(s, "agent"), f"{THANKSGIVING} Thanksgiving Day"
        edition = holidays.changed_by(s, key, now).edition
    alert = acts.publish_holiday(key, edition, ["sms"], at, by, now, settings()).alert
    assert alert.state == ("scheduled" if at else "sending")
    if resolved and not at:
        factories.resolve(alert.id, now)
    return alert.id


def publish_storm(zones: dict[str, int]) -> int:
    """Publish that nobody knows yet when the trash of a later Thursday is collected, in both zones."""
    storm = Storm(frozenset(zones.values()), frozenset(["trash"]), LATER, LATER, "snow", decision="unknown")
    with transaction() as s:
        by = factories.operator(s, "agent")
        edition = s.scalar(select(func.max(CollectionEdition.number)))
    assert edition is not None
    at = NIGHT + timedelta(seconds=1)  # its edition has a time of its own: see `days.publish`
    alert = acts.publish_storm(storm, edition, ["sms"], by, at, settings()).alert
    factories.resolve(alert.id, at)
    return alert.id


def restrict(zone: int, now: datetime = NIGHT, day: date = THANKSGIVING) -> None:
    """Publish an edition by which a zone is collected on the Saturday after."""
    with transaction() as s:
        by_hand = DayException(day, "A. Perez", "a crew works", zone=str(zone), moved_to=day + timedelta(2))
        rule_store.add_exception(s, by_hand, now)
        days.publish(s, "by hand", now)


def settle(now: datetime = NIGHT) -> None:
    """Do what the scheduler does every second, several times."""
    for turn in range(3):
        look(now + turn * stale.AGAIN)
        recovery.end_leftovers(now)
    assert not db.exists(stale.OUT, **stale.asked(now + timedelta(hours=1))), "it is not looked for all night"


def look(now: datetime = NIGHT) -> None:
    if db.exists(stale.OUT, **stale.asked(now)):
        stale.settle_out(now)


def states(alert: int) -> Counter[tuple[str, str | None]]:
    found = sql("SELECT state, reason FROM deliveries WHERE alert_id = :alert", alert=alert)
    return Counter((row.state, row.reason) for row in found)


IN_NORTH = "contact_id IN (SELECT id FROM contacts ORDER BY id LIMIT 2)"


def some_have_it(alert: int, where: str) -> None:
    sql(f"UPDATE deliveries SET state = 'delivered', reason = NULL WHERE alert_id = :alert AND {where}", alert=alert)


def state_of(alert: int) -> str:
    return str(sql("SELECT state FROM alerts WHERE id = :alert", alert=alert)[0].state)


def ringing() -> int:
    return int(sql("SELECT count(*) AS n FROM alarms WHERE resolved_at IS NULL")[0].n)


def morning() -> Sequence[recovery.Doorbell]:
    return held.release(MORNING)


def test_a_notice_that_nobody_has_yet_and_of_which_nothing_is_true_is_cancelled_and_told_anew(
    zones: dict[str, int],
) -> None:
    alert = publish()
    assert states(alert) == {("held", "quiet-hours"): 3}
    restrict(zones["North"])
    restrict(zones["South"])
    settle()
    assert state_of(alert) == "cancelled"
    assert states(alert) == {("cancelled", "cancelled"): 3}
    assert [row.message for row in sql(RUNG)] == [
        "The notice of Thanksgiving Day was cancelled: edition 4 has other days in North, South. Tell them on"
        " /desk/notices/1."
    ]
    assert morning() == []
    notices.run()
    assert ringing() == 1
    again = publish()
    assert states(again) == {("held", "quiet-hours"): 3}, "all of them are told the days that are true"
    notices.run()
    assert ringing() == 0


def test_of_a_notice_that_nobody_has_yet_what_is_true_goes_out_in_the_morning(zones: dict[str, int]) -> None:
    alert = publish()
    restrict(zones["North"])
    settle()
    assert state_of(alert) == "sending"
    assert states(alert) == {("cancelled", "days-changed"): 2, ("held", "quiet-hours"): 1}
    assert len(sql(RUNG)) == 1
    assert morning()
    assert states(alert) == {("cancelled", "days-changed"): 2, ("queued", None): 1}


def test_what_is_held_is_not_released_before_it_was_compared(zones: dict[str, int]) -> None:
    """The edition is published as quiet hours end."""
    alert = publish()
    restrict(zones["North"])
    assert morning() == []
    settle(MORNING)
    assert len(morning()) == 1
    assert states(alert) == {("cancelled", "days-changed"): 2, ("queued", None): 1}


def test_of_a_notice_that_some_have_what_is_not_true_any_more_is_stopped(zones: dict[str, int]) -> None:
    alert = publish()
    some_have_it(alert, f"id = (SELECT min(id) FROM deliveries WHERE alert_id = :alert AND {IN_NORTH})")
    restrict(zones["North"])
    settle()
    assert state_of(alert) == "sending"
    assert states(alert) == {("delivered", None): 1, ("cancelled", "days-changed"): 1, ("held", "quiet-hours"): 1}
    (rung,) = sql(RUNG)
    assert rung.message == (
        "The notice of Thanksgiving Day was stopped before everybody had it: edition 3 has other days in North."
        " Tell them on /desk/notices/1."
    )
    notices.run()
    assert ringing() == 1
    correction = publish()
    assert states(correction) == {("held", "quiet-hours"): 2}, "both in the north, and nobody else"
    notices.run()
    assert ringing() == 0, "they are told"
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
    assert db.exists(stale.OUT, **stale.asked(NIGHT))
    assert morning() == []
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
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(stale.settle_out, [NIGHT] * 4))
    settle()
    assert [row.count for row in sql("SELECT count FROM alarms")] == [1]
    assert states(alert)["cancelled", "days-changed"] == 2
    stopped = sql("SELECT CAST(detail->>'messages' AS integer) AS n FROM audit WHERE action = 'stop'")
    assert sum(row.n for row in stopped) == 2


def test_what_was_stopped_by_a_process_that_was_killed_is_recorded_and_rings(zones: dict[str, int]) -> None:
    alert = publish()
    restrict(zones["North"])
    north, south = (box(x - 1e-3, y - 1e-3, x + 1e-3, y + 1e-3) for x, y in (NORTH, SOUTH))
    assert taken_back.take_back(alert, north, south, stale.REASON, NIGHT).messages == 2
    settle()
    assert len(sql(RUNG)) == 1
    stopped = sql("SELECT CAST(detail->>'messages' AS integer) AS n FROM audit WHERE action = 'stop'")
    assert [row.n for row in stopped] == [2]


@pytest.mark.parametrize("state", ["sending", "unknown"])
def test_what_is_on_its_way_is_looked_at_again(zones: dict[str, int], state: str) -> None:
    alert = publish()
    sql(
        f"""UPDATE deliveries SET state = CAST(:state AS delivery_state), reason = 'not-recorded', claimed_at = :now
             WHERE {IN_NORTH}""",
        state=state, now=NIGHT,
    )  # fmt: skip
    restrict(zones["North"])
    look()
    for turn in (1, 2):
        assert db.exists(stale.OUT, **stale.asked(NIGHT + turn * stale.AGAIN))
        look(NIGHT + turn * stale.AGAIN)
    sql("UPDATE deliveries SET state = 'queued' WHERE state = CAST(:state AS delivery_state)", state=state)
    some_have_it(alert, f"NOT {IN_NORTH}")
    settle(NIGHT + 3 * stale.AGAIN)
    assert states(alert) == {("cancelled", "days-changed"): 2, ("delivered", None): 1}
    assert [row.count for row in sql("SELECT count FROM alarms")] == [1]


def test_what_its_carrier_refused_may_come_back(zones: dict[str, int]) -> None:
    alert = publish()
    some_have_it(alert, "true")
    sql(f"UPDATE deliveries SET state = 'accepted', claimed_at = :now WHERE {IN_NORTH}", now=NIGHT)
    sql(f"""INSERT INTO carrier_refusals (delivery_id, reference, code, told_at)
            SELECT id, 'SM' || id, '21610', now() FROM deliveries WHERE {IN_NORTH}""")
    restrict(zones["North"])
    look()
    assert db.exists(stale.OUT, **stale.asked(NIGHT + stale.AGAIN))
    sql("UPDATE carrier_refusals SET settled_at = now()")
    sql(f"UPDATE deliveries SET state = 'queued', reason = 'carrier-block' WHERE {IN_NORTH}")
    settle(NIGHT + stale.AGAIN)
    assert states(alert) == {("cancelled", "days-changed"): 2, ("delivered", None): 1}


def test_what_goes_out_in_the_message_of_another_alert_is_on_its_way(zones: dict[str, int]) -> None:
    alert = publish()
    sql(f"UPDATE deliveries SET reason = 'merged' WHERE {IN_NORTH}")
    as_owner("UPDATE batches SET digest = true")
    restrict(zones["North"])
    restrict(zones["South"])
    look()
    assert state_of(alert) == "sending", "some may have it"
    assert states(alert) == {("held", "merged"): 2, ("cancelled", "days-changed"): 1}
    assert db.exists(stale.OUT, **stale.asked(NIGHT + stale.AGAIN))
    sql("UPDATE deliveries SET reason = 'digest' WHERE reason = 'merged'")  # the other message did not leave
    settle(NIGHT + stale.AGAIN)
    assert state_of(alert) == "cancelled"
    assert states(alert) == {("cancelled", "cancelled"): 2, ("cancelled", "days-changed"): 1}


def test_one_that_was_paused_is_stopped_as_well(zones: dict[str, int]) -> None:
    alert = publish()
    with transaction() as s:
        lifecycle.pause(s, alert, None, NIGHT)
    restrict(zones["North"])
    settle()
    assert state_of(alert) == "paused"
    assert states(alert) == {("cancelled", "days-changed"): 2, ("held", "quiet-hours"): 1}


def test_one_that_was_paused_before_its_audience_was_known_goes_to_those_for_whom_it_is_true(
    zones: dict[str, int],
) -> None:
    alert = publish(resolved=False)
    with transaction() as s:
        lifecycle.pause(s, alert, None, NIGHT)
    restrict(zones["North"])
    look()
    assert not db.exists(stale.OUT, **stale.asked(NIGHT + stale.AGAIN)), "nothing more can be done for a while"
    with transaction() as s:
        lifecycle.resume(s, alert, None, NIGHT)
    factories.resolve(alert, NIGHT)
    assert states(alert) == {("held", "quiet-hours"): 1}
    settle(NIGHT + stale.PAUSED)
    assert len(morning()) == 1


def test_who_comes_where_it_is_not_true_is_not_sent_it(zones: dict[str, int]) -> None:
    alert = publish()
    restrict(zones["North"])
    settle()
    with transaction() as s:
        for at in (NORTH, SOUTH):
            factories.resident(s, at=[at], topics=["collection"])
    sql(
        "INSERT INTO arrivals (subscriber_id, at, due_at) SELECT id, :now, :now FROM subscribers WHERE id > 3",
        now=NIGHT,
    )
    with transaction() as s:
        arrivals.tell(s, NIGHT)
    assert states(alert) == {("cancelled", "days-changed"): 2, ("held", "quiet-hours"): 2}


def test_days_that_are_again_as_it_said_are_told_by_it(zones: dict[str, int]) -> None:
    alert = publish()
    restrict(zones["North"])
    settle()
    with transaction() as s:
        assert s.get_one(Alert, alert).withdrawn is not None
        by_hand = s.scalars(select(CollectionRule.id).where(CollectionRule.kind == "exception")).one()
        rule_store.remove(s, by_hand, NIGHT)
        days.publish(s, "as before", NIGHT)
    settle()
    with transaction() as s:
        assert s.get_one(Alert, alert).withdrawn is None


def test_a_zone_that_was_given_up_is_not_told_its_days(zones: dict[str, int]) -> None:
    alert = publish()
    with transaction() as s:
        s.get_one(Zone, zones["North"]).retired_at = NIGHT
        s.execute(update(CollectionSchedule).where(CollectionSchedule.zone_id == zones["North"]).values(leaving=True))
        days.publish(s, "two zones became one", NIGHT)
    settle()
    assert states(alert) == {("cancelled", "days-changed"): 2, ("held", "quiet-hours"): 1}


def test_a_notice_that_cannot_be_judged_keeps_no_other_waiting(zones: dict[str, int]) -> None:
    """Its area is damaged."""
    broken, sound = publish(), publish_storm(zones)
    as_owner("SET LOCAL session_replication_role = replica", "UPDATE alerts SET area = 'x' WHERE id = :id", id=broken)
    restrict(zones["North"])
    restrict(zones["North"], day=LATER)
    look()
    assert [(row.alert_id, row.kind) for row in sql("SELECT alert_id, kind FROM alarms ORDER BY kind")] == [
        (sound, "notice-outdated"), (broken, "notice-unchecked")
    ], states(sound)  # fmt: skip
    assert states(sound)["cancelled", "days-changed"] == 2
    morning()
    assert states(broken) == {("held", "quiet-hours"): 3}, "it waits for somebody"


def test_no_notice_is_launched_before_it_was_compared(zones: dict[str, int]) -> None:
    later = NIGHT + timedelta(hours=12)
    alert = publish(at=later)
    restrict(zones["South"])
    with transaction() as s:
        assert lifecycle.launch_due(s, later) == []
    assert stale.settle_waiting(later) == [alert]
    assert (state_of(alert), len(sql(RUNG))) == ("cancelled", 1)


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
