"""Timed jobs: launch and expire alerts, sweep what workers left behind, apply receipts.

Several may run; one leads, by an advisory lock that PostgreSQL frees when its connection is gone. The jobs are safe to
run twice all the same.
"""

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime

import redis
import structlog
from sqlalchemy import Connection, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from notify import alerts, db, tasks
from notify.db import engine, transaction
from notify.models import Lane
from notify.pipeline import forecast, headcount, receipts, settling
from notify.settings import settings

log = structlog.get_logger()

LEADER_LOCK = 7460
LOOK_S = 1.0  # a standby looks this often whether the leader is gone
SWEEP_S = 1.0
RECEIPTS_S = 0.5
REMEMBERED = "tocsin:remembers"  # a key that only a wiped Redis does not have


def run(stop: threading.Event) -> None:
    """Lead when nobody else does, until `stop` is set."""
    while not stop.is_set():
        try:
            with engine().connect() as connection:
                if _leads(connection):
                    connection.detach()  # closed and not given back, or the lock would stay with the pool
                    _lead(connection, stop)
        except SQLAlchemyError as error:
            log.warning("scheduler.database_away", error=db.reason(error))
        stop.wait(LOOK_S)


def _leads(connection: Connection) -> bool:
    leads: bool = connection.execute(text("SELECT pg_try_advisory_lock(:lock)"), {"lock": LEADER_LOCK}).scalar_one()
    connection.commit()
    return leads


def _lead(connection: Connection, stop: threading.Event) -> None:
    """Run the jobs for as long as the connection that holds the lock lives."""
    log.info("scheduler.leads")
    ending = threading.Event()
    jobs = [
        threading.Thread(target=_repeat, args=(job, seconds, ending), name=job.__name__)
        for job, seconds in (
            (launch, SWEEP_S),
            (sweep, SWEEP_S),
            (end_leftovers, SWEEP_S),
            (apply_receipts, RECEIPTS_S),
        )
    ]
    for job in jobs:
        job.start()
    try:
        while not stop.wait(LOOK_S):
            connection.execute(text("SELECT 1"))
            connection.commit()
    finally:
        ending.set()
        for job in jobs:
            job.join()


def _repeat(job: Callable[[], None], seconds: float, ending: threading.Event) -> None:
    """Do a job at once and then so often, by a clock that nobody can set: with the wall clock put back by an hour,
    nothing would be swept up for an hour.

    One that fails because a server is away says so in a line, and is done again next time.
    """
    due_s = time.monotonic()
    while not ending.wait(max(0.0, due_s - time.monotonic())):
        due_s = max(due_s + seconds, time.monotonic())
        try:
            job()
        except (*db.AWAY, SQLAlchemyError, redis.RedisError) as error:
            log.warning("scheduler.job_failed", job=job.__name__, error=db.reason(error))
        except Exception:
            log.exception("scheduler.job_broke", job=job.__name__)


def launch() -> None:
    """Launch what is due, expire what is over."""
    now = datetime.now(UTC)
    _each(lambda: _expire(now), lambda: _launch(now))


def _expire(now: datetime) -> None:
    with transaction() as s:
        alerts.expire_due(s, now)


def _launch(now: datetime) -> None:
    with transaction() as s:
        due = alerts.launch_due(s, now)
    for alert in due:
        tasks.ring_alert(alert)


def sweep() -> None:
    """Take up what was dropped: a dead worker's batches, lost doorbells, unknown outcomes, finished alerts."""
    now = datetime.now(UTC)
    _each(
        settling.take_back_expired_leases,
        lambda: tasks.ring_unresolved(settling.unresolved_alerts(now)),
        _ring_batches,
        lambda: settling.finish_alerts(now),
        lambda: _in_transaction(forecast.measure),
        lambda: _in_transaction(headcount.forget_changes),
    )


def _each(*steps: Callable[[], object]) -> None:
    """Every step, whatever becomes of the others; then the first error is raised."""
    errors: list[Exception] = []
    for step in steps:
        try:
            step()
        except Exception as error:
            if errors:  # `_repeat` reports the first one
                log.warning("scheduler.step_failed", error=db.reason(error), exc_info=True)
            errors.append(error)
    if errors:
        raise errors[0]


def _ring_batches() -> None:
    wiped, idle = _redis_state()
    old_s = settings().reconcile_after_s
    _each(
        lambda: tasks.ring_batches(settling.unrung_batches(wiped=wiped, idle=idle)),
        lambda: tasks.ring_unsettled(settling.unsettled_batches(old_s, wiped=wiped, idle=idle)),
    )


def _in_transaction(work: Callable[[Session], object]) -> None:
    with transaction() as s:
        work(s)


def end_leftovers() -> None:
    """Beside the others, because it may take long."""
    settling.end_leftovers(datetime.now(UTC))


def apply_receipts() -> None:
    while receipts.apply(datetime.now(UTC)) == receipts.AT_ONCE:
        pass


def _redis_state() -> tuple[bool, list[Lane]]:
    """Whether Redis has lost its memory since the last sweep, and the lanes whose queue is empty."""
    memory = tasks.memory()
    wiped = bool(memory.set(REMEMBERED, 1, nx=True))
    if wiped:
        log.warning("redis.wiped")
    return wiped, [lane for lane in Lane if memory.llen(lane.value) == 0]
