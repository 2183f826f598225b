"""The timed jobs: each step stands alone, and the leader's lock is free when it ends."""

import threading
from contextlib import closing
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
import redis
from sqlalchemy import text

from notify.alerts import lifecycle
from notify.core import alarms
from notify.core.db import forget_engine, transaction
from notify.core.settings import settings
from notify.models import Alert
from notify.models.states import AlertState
from notify.operations import jobs, scheduler, tasks
from notify.operations.jobs import launch, sweep
from tests.database import sql
from tests.factories import alert_draft, alert_ready, operator, sender, zone
from tests.locks import holders
from tests.owner import as_owner
from tests.waiting import until

NOW = datetime.now(UTC)


@pytest.fixture
def _redis_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOCSIN_REDIS_URL", "redis://127.0.0.1:9/0")
    settings.cache_clear()
    tasks.redis_client.forget()


def delivered(count: int) -> list[int]:
    """Launched alerts with nothing left to send."""
    with transaction() as s:
        zone(s, now=NOW)
        sender(s, now=NOW)
        numbers = [lifecycle.launch(s, alert_ready(s, now=NOW).id, operator(s), NOW).id for _ in range(count)]
        s.execute(text("UPDATE alerts SET fanout_done_at = launched_at"))
    return numbers


def state_of(alert: int) -> AlertState:
    with transaction() as s:
        return s.get_one(Alert, alert).state


@pytest.mark.usefixtures("database", "_redis_away")
def test_a_delivered_alert_is_finished_while_redis_is_away() -> None:
    (alert,) = delivered(1)
    try:
        with pytest.raises(redis.RedisError):
            sweep.run()
        assert state_of(alert) is AlertState.SENT
    finally:
        tasks.redis_client.forget()


def test_one_alert_that_cannot_be_finished_keeps_no_other(own_database: str, redis: "redis.Redis") -> None:
    bad, good = delivered(2)
    break_updates_of(bad)
    sweep.run()
    assert state_of(good) is AlertState.SENT
    with transaction() as s:
        assert [(one.kind, one.alert_id) for one in alarms.ringing(s)] == [("finish-failed", bad)]


def test_what_cannot_expire_keeps_nothing_from_its_launch(own_database: str, redis: "redis.Redis") -> None:
    at = NOW + timedelta(seconds=1)
    with transaction() as s:
        zone(s, now=NOW)
        sender(s, now=NOW)
        ready = alert_ready(s, now=NOW, launch_at=at).id
        lifecycle.launch(s, ready, operator(s), NOW)
        over = alert_draft(s, now=NOW - timedelta(hours=2), lasts=timedelta(hours=1)).id
    break_updates_of(over)
    until(lambda: datetime.now(UTC) > at, 60, "the time of the launch")
    launch.run()
    assert state_of(ready) is AlertState.SENDING


def break_updates_of(alert: int) -> None:
    as_owner(
        "CREATE FUNCTION break() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''broken''; END'",
        f"CREATE TRIGGER breaks BEFORE UPDATE ON alerts FOR EACH ROW WHEN (OLD.id = {alert}) EXECUTE FUNCTION break()",
    )


def test_the_lock_is_free_as_soon_as_a_leader_ends(database: str, redis: "redis.Redis") -> None:
    """Its connection went back to the pool with the lock, and nobody else could lead while that process lived."""
    stop = threading.Event()
    leader = threading.Thread(target=scheduler.run, args=(stop,))
    leader.start()
    try:
        until(lambda: holders(scheduler.LEADER_LOCK), 60, "it leads")
    finally:
        stop.set()
        leader.join()
    # PostgreSQL takes a moment to notice that a connection was closed.
    until(lambda: not holders(scheduler.LEADER_LOCK), 60, "the lock is free")


def test_of_two_schedulers_one_leads_and_the_other_takes_over(database: str, redis: "redis.Redis") -> None:
    stops = [threading.Event(), threading.Event()]
    schedulers = [threading.Thread(target=scheduler.run, args=(stop,)) for stop in stops]
    with closing(psycopg.connect(database, autocommit=True)) as other:

        def somebody_else_asked(first: int) -> bool:
            asked = """SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND pid <> %s
                          AND query LIKE 'SELECT pg_try_advisory_lock%%'"""
            return other.execute(asked, (first,)).fetchone() is not None

        try:
            schedulers[0].start()
            (first,) = until(lambda: holders(scheduler.LEADER_LOCK), 60, "the first leads")
            schedulers[1].start()
            until(lambda: somebody_else_asked(first), 60, "the second has asked for the lock")
            assert holders(scheduler.LEADER_LOCK) == [first]
            stops[0].set()
            schedulers[0].join(60)
            # PostgreSQL takes a moment to notice that the first one's connection was closed.
            until(lambda: holders(scheduler.LEADER_LOCK) not in ([], [first]), 60, "the second leads")
        finally:
            for stop, one in zip(stops, schedulers, strict=True):
                stop.set()
                if one.ident:
                    one.join(60)


def test_a_ledger_that_cannot_be_written_stops_no_job(own_database: str, redis: "redis.Redis") -> None:
    """As when the disk is full: what is due is still launched."""
    with transaction() as s:
        zone(s, now=NOW)
        sender(s, now=NOW)
        at = datetime.now(UTC) + timedelta(seconds=2)
        ready = alert_ready(s, now=NOW, launch_at=at).id
        lifecycle.launch(s, ready, operator(s), NOW)
    as_owner("ALTER TABLE jobs ADD CONSTRAINT refused CHECK (false) NOT VALID")
    stop = threading.Event()
    leader = threading.Thread(target=scheduler.run, args=(stop,))
    leader.start()
    try:
        until(lambda: state_of(ready) is AlertState.SENDING, 60, "it is launched")
        assert len(holders(scheduler.LEADER_LOCK)) == 1, "the same leader leads on"
    finally:
        stop.set()
        leader.join()


def test_an_error_of_a_job_is_its_outcome_and_names_no_resident(own_database: str) -> None:
    as_owner("DROP TABLE resident_changes CASCADE")
    run = scheduler.run_job("forget_changes")
    assert (run.job, run.error) == ("forget_changes", "UndefinedTable; the scheduler's log says more.")


@pytest.mark.usefixtures("database", "_redis_away")
def test_a_job_that_needs_redis_says_so() -> None:
    delivered(1)
    try:
        assert scheduler.run_job("sweep").error.startswith("Redis does not answer")
    finally:
        tasks.redis_client.forget()


def test_a_job_that_needs_the_database_says_so(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOCSIN_DATABASE_URL", "postgresql://nobody@127.0.0.1:9/none")
    settings.cache_clear()
    forget_engine()
    assert scheduler.run_job("launch").error == "The database does not answer."


def test_nightly_what_is_kept_for_a_while_only_is_deleted(database: str) -> None:
    with transaction() as s:
        operator(s)
        s.execute(
            text("""
                INSERT INTO sessions (token_hash, operator_id, device, how, began_at, seen_at, proven_at, ends_at)
                SELECT sha256(days::text::bytea), id, '', 'password', at, at, at, now() - make_interval(days => days)
                  FROM operators, (SELECT now() - interval '30 days') AS began (at), unnest(ARRAY[6, 8]) AS days""")
        )
    assert scheduler.run_job("retention").error == ""
    with transaction() as s:
        ended = s.execute(text("SELECT (now() - ends_at) FROM sessions")).scalars().all()
        assert [age.days for age in ended] == [6]


@pytest.mark.parametrize(("broken", "other"), [("sessions", "heartbeats"), ("heartbeats", "sessions")])
def test_what_cannot_be_deleted_keeps_nothing_else(own_database: str, broken: str, other: str) -> None:
    with transaction() as s:
        operator(s)
        s.execute(
            text("""
                WITH session AS (
                    INSERT INTO sessions (token_hash, operator_id, device, how, began_at, seen_at, proven_at, ends_at)
                    SELECT sha256('s'), id, '', 'password', at, at, at, now() - interval '20 days'
                      FROM operators, (SELECT now() - interval '30 days') AS began (at)
                )
                INSERT INTO heartbeats (kind, host, pid, lanes, at, unbroken_since)
                VALUES ('api', 'gone', 1, '{}', now() - interval '20 days', now() - interval '30 days')""")
        )
    as_owner(
        "CREATE FUNCTION break() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''broken''; END'",
        f"CREATE TRIGGER breaks BEFORE DELETE ON {broken} FOR EACH ROW EXECUTE FUNCTION break()",
    )
    assert scheduler.run_job("retention").error
    with transaction() as s:
        left = {name: s.execute(text(f"SELECT count(*) FROM {name}")).scalar_one() for name in (broken, other)}
    assert left == {broken: 1, other: 0}


def test_a_job_that_hangs_keeps_nobody_from_leading_again(
    own_database: str, redis: "redis.Redis", monkeypatch: pytest.MonkeyPatch
) -> None:
    """The only scheduler lost its connection while a job hung: it waited for that job, and nothing was launched."""
    ended, stop, launched = threading.Event(), threading.Event(), threading.Semaphore(0)
    for name in jobs.RUN:
        monkeypatch.setitem(jobs.RUN, name, lambda: None)
    monkeypatch.setitem(jobs.RUN, "sweep", ended.wait)
    monkeypatch.setitem(jobs.RUN, "launch", launched.release)
    leader = threading.Thread(target=scheduler.run, args=(stop,))
    leader.start()
    try:
        assert launched.acquire(timeout=60)
        (lead,) = holders(scheduler.LEADER_LOCK)
        sql("SELECT pg_terminate_backend(:pid)", pid=lead)
        # One or two may still be of the old lead.
        assert all(launched.acquire(timeout=60) for _ in range(5))
    finally:
        ended.set()
        stop.set()
        leader.join(60)
    assert not leader.is_alive()
