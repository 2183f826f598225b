"""Run the timed jobs, as the leader of all schedulers.

Several schedulers may run. The leader holds an advisory lock, which PostgreSQL frees when its connection is gone. The
jobs are nevertheless safe to run twice.
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
LOOK_S = 1.0  # how often a standby tries to become the leader


def run(stop: threading.Event) -> None:
    """Lead when no other scheduler does, until `stop` is set."""
    heart = Heart("scheduler")
    while not stop.is_set():
        heart.beat()
        try:
            with engine().connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                if _leads(connection):
                    connection.detach()  # close it instead of returning it to the pool, or the lock would stay
                    _lead(connection, heart, stop)
        except SQLAlchemyError as error:
            log.warning("scheduler.database_away", error=db.reason(error))
        stop.wait(LOOK_S)


def _leads(connection: Connection) -> bool:
    leads: bool = connection.execute(text("SELECT pg_try_advisory_lock(:lock)"), {"lock": LEADER_LOCK}).scalar_one()
    return leads


def _lead(connection: Connection, heart: Heart, stop: threading.Event) -> None:
    """Run the jobs until the connection that holds the lock is gone or `stop` is set."""
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
        # After losing the lead, do not wait for a job that hangs: there may be no other scheduler to lead.
        planner.shutdown(wait=stop.is_set())


def _hold(connection: Connection, book: Ledger) -> None:
    """Use the connection, so that this raises when it and its lock are gone."""
    if book.is_due():
        _keep(book)
    else:
        connection.execute(text("SELECT 1"))


def _keep(book: Ledger) -> None:
    """Write the ledger. A failure, such as a full disk, must not stop the jobs."""
    try:
        book.keep()
    except DBAPIError as error:
        if error.connection_invalidated:
            raise
        log.warning("scheduler.jobs_not_kept", error=db.reason(error))


def run_job(name: str) -> Run:
    """Run a job and return its outcome. An error of the job is part of it and is not raised.

    The log and the row name only the kind of a database error: its message could show a resident's data (law 9).
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
