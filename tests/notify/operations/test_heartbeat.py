"""Who is there, who is not, and who can tell."""

import os
import threading
from datetime import UTC, datetime

import pytest
from sqlalchemy import text

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
from tests.factories import alert_ready, operator, sender, zone
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
