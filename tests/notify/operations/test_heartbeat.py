"""Who is there, who is not, and who can tell."""

import os
import threading
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from notify.alerts import lifecycle
from notify.channels.findings import State
from notify.core import alarms
from notify.core.db import transaction
from notify.core.settings import settings
from notify.models import Lane
from notify.operations import heartbeat, pulse
from notify.operations.check import check
from notify.operations.heartbeat import Heart
from notify.operations.jobs import watch
from tests.factories import alert_draft, alert_ready, operator, sender, zone
from tests.owner import owning
from tests.waiting import until

pytestmark = pytest.mark.usefixtures("database", "redis")
AGO = "now() - interval '1 hour'"


def heard(kind: str, *lanes: str, at: str = "now()", since: str = AGO, pid: int = 1) -> None:
    with transaction() as s:
        s.execute(
            text(f"""INSERT INTO heartbeats (kind, host, pid, lanes, at, unbroken_since)
                     VALUES (:kind, 'here', :pid, :lanes, {at}, {since})"""),
            {"kind": kind, "pid": pid, "lanes": list(lanes)},
        )


def watch_succeeded(at: str) -> None:
    with transaction() as s:
        s.execute(
            text(f"""INSERT INTO jobs (name, succeeded_at, next_at, late_after)
                     VALUES ('watch', {at}, now(), 'infinity')
                     ON CONFLICT (name) DO UPDATE SET succeeded_at = excluded.succeeded_at""")
        )


def ringing() -> list[str]:
    with transaction() as s:
        return [alarm.kind for alarm in alarms.ringing(s)]


def beats() -> int:
    with transaction() as s:
        return int(
            s.execute(text("SELECT count(*) FROM heartbeats WHERE pid = :pid"), {"pid": os.getpid()}).scalar_one()
        )


def beat(heart: Heart) -> None:
    heart._write()


def test_a_beat_is_kept_and_nobody_waits_for_it() -> None:
    heart = Heart("worker", [Lane.EMERGENCY])
    heart.beat()
    until(lambda: beats() == 1, 60, "the beat is kept")
    assert pulse.file("worker").exists()


@pytest.mark.parametrize("gone", list(Lane))
def test_a_lane_without_a_worker_rings_until_one_is_there(gone: Lane) -> None:
    heard("scheduler")
    for pid, lane in enumerate(Lane, 2):
        heard("worker", lane, at=AGO if lane is gone else "now()", pid=pid)
    watch.run()
    assert ringing() == [f"no-worker-{gone}"]
    beat(Heart("worker", list(Lane)))
    watch.run()
    assert ringing() == []


def test_a_scheduler_that_has_just_come_says_nothing_of_workers() -> None:
    """After a while without a database it is the first that is heard again."""
    heard("scheduler", since="now()")
    watch.run()
    assert ringing() == []


@pytest.mark.parametrize("kind", ["api", "worker"])
@pytest.mark.parametrize("last", [None, AGO])
def test_a_missing_scheduler_is_told_of_by_everybody_else(kind: str, last: str | None) -> None:
    if last:
        watch_succeeded(last)
    heart = Heart(kind)
    beat(heart)
    assert ringing() == [], "it has just come, and may be the first that is heard again"
    with transaction() as s:
        s.execute(text(f"UPDATE heartbeats SET unbroken_since = {AGO}"))
    beat(heart)
    assert ringing() == ["no-scheduler"]
    watch_succeeded("now()")
    beat(heart)
    assert ringing() == []


def test_a_process_that_was_cut_off_says_nothing_of_the_scheduler() -> None:
    heart = Heart("worker")
    beat(heart)
    with transaction() as s:
        s.execute(text(f"UPDATE heartbeats SET unbroken_since = {AGO}, at = {AGO}"))
    beat(heart)
    assert ringing() == []


def test_an_audience_that_stays_unknown_rings_until_it_is_known() -> None:
    now = datetime.now(UTC)
    with owning() as s:
        zone(s, now=now)
        sender(s, now=now)
        slow, quick = (lifecycle.launch(s, alert_ready(s, now=now).id, operator(s), now).id for _ in range(2))
        s.execute(text("ALTER TABLE alerts DISABLE TRIGGER USER"))
        s.execute(text("UPDATE alerts SET launched_at = now() - interval '61 s' WHERE id = :id"), {"id": slow})
        s.execute(text("ALTER TABLE alerts ENABLE TRIGGER USER"))
    watch.run()
    with transaction() as s:
        assert [(one.kind, one.alert_id) for one in alarms.ringing(s)] == [("audience-unknown", slow)]
    with transaction() as s:
        s.execute(text("UPDATE alerts SET fanout_done_at = now()"))
    watch.run()
    assert ringing() == []
    assert quick


@pytest.mark.parametrize(
    ("state", "status", "nobody"),
    [("draft", "Actual", "approved it"), ("approved", "Actual", "launched it"), ("approved", "Test", "launched it")],
)
def test_a_launch_that_everybody_missed_rings_until_the_alert_is_over(state: str, status: str, nobody: str) -> None:
    """It rang only when it expired, up to two weeks later."""
    missed = waits(state, minutes_ago=2, status=status)
    waits(state, minutes_ago=-2, status=status)
    watch.run()
    with transaction() as s:
        (alarm,) = alarms.ringing(s)
        assert (alarm.kind, alarm.alert_id) == ("launch-missed", missed)
        assert f"nobody {nobody}: nothing was sent. Cancel it" in alarm.message
        lifecycle.cancel(s, missed, operator(s), datetime.now(UTC))
    watch.run()
    assert ringing() == []


@pytest.mark.parametrize(
    ("state", "status", "minutes_ago"),
    [("approved", "Actual", 0.5), ("draft", "Test", 2), ("scheduled", "Actual", 2), ("approved", "Actual", None)],
)
def test_no_launch_is_missed_in_the_first_minute_in_a_test_or_when_it_was_scheduled(
    state: str, status: str, minutes_ago: float | None
) -> None:
    waits(state, minutes_ago=minutes_ago, status=status)
    watch.run()
    assert ringing() == []


def test_a_missed_launch_of_a_restored_backup_is_not_to_be_written_again() -> None:
    waits("approved", minutes_ago=2)
    with transaction() as s:
        s.execute(text("UPDATE alerts SET ask_since = now()"))
    watch.run()
    with transaction() as s:
        (alarm,) = alarms.ringing(s)
    assert "write it again" not in alarm.message
    assert "docs/restore.md" in alarm.message


def waits(state: str, *, minutes_ago: float | None, status: str = "Actual") -> int:
    """An alert whose launch was planned for so long ago; its id."""
    now = datetime.now(UTC)
    written = now - timedelta(hours=1)
    at = None if minutes_ago is None else now - timedelta(minutes=minutes_ago)
    with transaction() as s:
        zone(s, now=written)
        make = alert_draft if state == "draft" else alert_ready
        alert = make(s, now=written, launch_at=at, status=status)
        if state == "scheduled":
            lifecycle.launch(s, alert.id, operator(s, now=written), written)
        return alert.id


@pytest.mark.parametrize("broken", ["no-worker-emergency", "launch-missed", "audience-unknown"])
def test_an_alarm_that_cannot_ring_keeps_no_other_from_it(own_database: str, broken: str) -> None:
    heard("scheduler")
    heard("worker", "routine")
    missed = waits("approved", minutes_ago=2)
    with owning() as s:
        now = datetime.now(UTC)
        slow = lifecycle.launch(s, alert_ready(s, now=now).id, operator(s), now).id
        s.execute(text("ALTER TABLE alerts DISABLE TRIGGER USER"))
        s.execute(text("UPDATE alerts SET launched_at = now() - interval '61 s' WHERE id = :id"), {"id": slow})
        s.execute(text("ALTER TABLE alerts ENABLE TRIGGER USER"))
        s.execute(
            text("""INSERT INTO jobs (name, error, failing_since, next_at, late_after)
                          VALUES ('sweep', 'broken', now() - interval '1 hour', now(), 'infinity')""")
        )
        s.execute(text(f"ALTER TABLE alarms ADD CONSTRAINT broken CHECK (kind <> '{broken}')"))
    with pytest.raises(IntegrityError, match="broken"):
        watch.run()
    assert {"no-worker-emergency", "launch-missed", "audience-unknown", "job-fails"} - {*ringing()} == {broken}
    assert missed


def test_beats_of_the_long_gone_are_forgotten() -> None:
    heard("worker", at="now() - interval '2 days'")
    heard("worker", pid=2)
    with transaction() as s:
        heartbeat.forget_old(s)
        assert s.execute(text("SELECT pid FROM heartbeats")).scalars().all() == [2]


def test_no_beat_waits_for_one_that_hangs() -> None:
    with transaction() as s:
        s.execute(text("LOCK TABLE heartbeats"))
        heart = Heart("worker")
        heart.beat()
        heart._last_s = float("-inf")
        heart.beat()
        assert sum(thread.name == "heartbeat" for thread in threading.enumerate()) == 1
    until(lambda: beats() == 1, 60, "the beat is kept")


def found() -> dict[str, State]:
    """What the preflight check says of the processes that an emergency needs."""
    states = {one.subject: one.state for one in check(settings())}
    return {subject: states[subject] for subject in ("worker, emergency", "worker, routine", "scheduler")}


def test_the_preflight_check_is_red_without_a_process_that_an_emergency_needs() -> None:
    assert set(found().values()) == {State.RED}
    heard("worker", "emergency")
    assert found() == {"worker, emergency": State.GREEN, "worker, routine": State.RED, "scheduler": State.RED}
    heard("worker", "routine", pid=2)
    watch_succeeded("now()")
    assert set(found().values()) == {State.GREEN}


def test_the_preflight_check_waits_a_moment_for_what_is_still_starting() -> None:
    heard("worker", "emergency", at="now() - interval '1 minute'", pid=2)  # of the stack that ran before
    heard("api", since="now()")
    assert set(found().values()) == {State.YELLOW}
    heard("worker", "emergency", "routine", since="now()", pid=3)
    assert found() == {"worker, emergency": State.GREEN, "worker, routine": State.GREEN, "scheduler": State.YELLOW}


@pytest.mark.parametrize("kind", ["api", "worker", "scheduler"])
def test_the_preflight_check_does_not_wait_for_ever(kind: str) -> None:
    """One that restarts again and again beside others that have long been there; one that leads nothing."""
    heard(kind)
    heard("scheduler", since="now()", pid=2)
    assert set(found().values()) == {State.RED}
