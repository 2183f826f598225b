"""Leads the timed jobs when nobody else does.

Several schedulers may run; one leads, by an advisory lock that PostgreSQL frees when its connection is gone. The jobs
are safe to run twice all the same.
"""

import threading
import time

import redis
import structlog
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from notify.core import db
from notify.core.db import engine
from notify.core.settings import settings
from notify.operations import jobs, ledger
from notify.operations.heartbeat import Heart
from notify.operations.ledger import Ledger
from notify.operations.plan import JOBS
from notify.operations.planner import Planner, Run

log = structlog.get_logger()

LEADER_LOCK = 7460
LOOK_S = 1.0  # a standby looks this often whether the leader is gone


def run(stop: threading.Event) -> None:
    """Lead when nobody else does, until `stop` is set."""
    heart = Heart("scheduler")
    while not stop.is_set():
        heart.beat()
        try:
            with engine().connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                if _leads(connection):
                    connection.detach()  # closed and not given back, or the lock would stay with the pool
                    _lead(connection, heart, stop)
        except SQLAlchemyError as error:
            log.warning("scheduler.database_away", error=db.reason(error))
        stop.wait(LOOK_S)


def _leads(connection: Connection) -> bool:
    leads: bool = connection.execute(text("SELECT pg_try_advisory_lock(:lock)"), {"lock": LEADER_LOCK}).scalar_one()
    return leads


def _lead(connection: Connection, heart: Heart, stop: threading.Event) -> None:
    """Run the jobs for as long as the connection that holds the lock lives."""
    log.info("scheduler.leads")
    planner = Planner(JOBS, run_job, settings().tz, ledger.overdue(connection))
    planner.start()
    book = Ledger(connection, JOBS, planner)
    try:
        while not stop.is_set():
            planner.turn(LOOK_S)
            for ended in planner.ended():
                book.note(ended)
            heart.beat()
            _hold(connection, book)
        _keep(book)
    finally:
        # Who only lost the lead must not wait for a job that hangs: nobody else may be there to lead.
        planner.shutdown(wait=stop.is_set())


def _hold(connection: Connection, book: Ledger) -> None:
    """Raise when the connection is gone, and the lock with it."""
    if book.is_due():
        _keep(book)
    else:
        connection.execute(text("SELECT 1"))


def _keep(book: Ledger) -> None:
    """A ledger that cannot be written, as when the disk is full, is no reason to stop the jobs."""
    try:
        book.keep()
    except DBAPIError as error:
        if error.connection_invalidated:
            raise
        log.warning("scheduler.jobs_not_kept", error=db.reason(error))


def run_job(name: str) -> Run:
    """Run a job and tell what came of it; an error of it is its outcome, and no more.

    What the log and the row say of a database error is its kind: its message could show a resident's data (law 9).
    """
    began_s, error = time.monotonic(), ""
    try:
        jobs.RUN[name]()
    except redis.RedisError as failure:
        error = f"Redis does not answer ({type(failure).__name__})."
        log.warning("scheduler.job_failed", job=name, error=db.reason(failure))
    except db.AWAY as failure:
        error = db.unavailable(failure).message
        log.warning("scheduler.job_failed", job=name, error=db.reason(failure))
    except Exception as failure:
        error = f"{db.reason(failure)}; the scheduler's log says more."
        log.exception("scheduler.job_broke", job=name)
    return Run(name, began_s, time.monotonic(), error)
