"""The heartbeats of our processes, which show whether workers and a scheduler are running.

Each process writes its row every BEAT_S. The scheduler watches the workers (`jobs/watch.py`); all other processes
watch the scheduler, which cannot report its own absence. All times are PostgreSQL's.
"""

import os
import socket
import threading
import time
from collections.abc import Sequence
from datetime import UTC, datetime

import structlog
from sqlalchemy import text
from sqlalchemy.orm import Session

from notify.core import alarms, db
from notify.core.db import engine, transaction
from notify.models import Lane
from notify.operations import pulse

log = structlog.get_logger()

BEAT_S = 10.0
BROKEN_S = 20.0  # after a longer gap of our own, other processes may seem silent because the database was away
GONE_S = 45.0  # a process silent for this long is gone: more than BROKEN_S plus a beat before and after
KEPT = "1 day"
START_SCHEDULER = "Start one: `tocsin scheduler`. If one is running, its log says what it waits for."


class Heart:
    """The heartbeat of this process. Its main loop calls `beat`, so that the beats stop when the loop hangs."""

    def __init__(self, kind: str, lanes: Sequence[Lane] = ()) -> None:
        """`kind`: api, scheduler or worker."""
        self._kind = kind
        served = [lane.value for lane in lanes]
        self._values = {"kind": kind, "host": socket.gethostname(), "pid": os.getpid(), "lanes": served}
        self._last_s = float("-inf")
        self._writer = threading.Thread()
        self._heard = True

    def beat(self) -> None:
        """Write a beat in the background if one is due."""
        if time.monotonic() - self._last_s < BEAT_S or self._writer.is_alive():
            return
        self._last_s = time.monotonic()
        self._writer = threading.Thread(target=self._write, name="heartbeat", daemon=True)
        self._writer.start()

    def beat_on(self) -> None:
        """Beat from a thread until the process ends, when its main loop is not ours."""

        def beat() -> None:
            while True:
                self.beat()
                time.sleep(BEAT_S)

        threading.Thread(target=beat, name="heart", daemon=True).start()

    def _write(self) -> None:
        try:
            pulse.touch(self._kind)
        except OSError as error:
            log.warning("heartbeat.no_pulse", error=str(error))
        try:
            self._record()
        except db.AWAY as error:
            if self._heard:
                log.warning("heartbeat.database_away", error=db.reason(error))
            self._heard = False
        except Exception:  # otherwise it would be lost with this thread
            log.exception("heartbeat.broke")
        else:
            self._heard = True

    def _record(self) -> None:
        values = self._values | {"broken": BROKEN_S, "gone": GONE_S, "alarm": alarms.NO_SCHEDULER}
        with engine().connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            beat = connection.execute(text(_BEAT), values).one()
        if self._kind != "scheduler" and (beat.missed or (beat.rings and not beat.silent)):
            with transaction() as s:
                alarms.follow(s, alarms.NO_SCHEDULER, {"": _SILENT} if beat.silent else {}, datetime.now(UTC))


# A process that was recently cut off from PostgreSQL itself cannot judge the others.
_BEAT = """
    WITH heard AS (
        INSERT INTO heartbeats AS h (kind, host, pid, lanes, at, unbroken_since)
        VALUES (:kind, :host, :pid, :lanes, now(), now())
        ON CONFLICT (kind, host, pid) DO UPDATE
           SET at = now(), lanes = excluded.lanes,
               unbroken_since = CASE WHEN h.at < now() - make_interval(secs => :broken) THEN now()
                                     ELSE h.unbroken_since END
        RETURNING unbroken_since < now() - make_interval(secs => :gone) AS unbroken
    ), watch AS (
        SELECT NOT EXISTS (SELECT FROM jobs WHERE name = 'watch'
                              AND succeeded_at > now() - make_interval(secs => :gone)) AS silent
    )
    SELECT silent, silent AND unbroken AS missed,
           EXISTS (SELECT FROM alarms WHERE kind = :alarm AND resolved_at IS NULL) AS rings
      FROM heard, watch
"""
_SILENT = (
    "No scheduler runs the timed jobs: scheduled alerts are not launched, lost work is not resumed, and no alert ends."
    f" {START_SCHEDULER}"
)


def lanes_without_worker(s: Session) -> list[Lane]:
    """The lanes that no worker has served recently."""
    rows = s.execute(
        text("""
            SELECT lane FROM unnest(CAST(:lanes AS text[])) AS lane
             WHERE NOT EXISTS (SELECT FROM heartbeats WHERE lane = ANY (lanes)
                                  AND at > now() - make_interval(secs => :gone))"""),
        {"lanes": [lane.value for lane in Lane], "gone": GONE_S},
    ).scalars()
    return [Lane(lane) for lane in rows]


def schedulers_hear(s: Session) -> bool:
    """Whether a scheduler has beaten without a break for long enough to have seen a beat of every worker."""
    heard: bool = s.execute(
        text("""
            SELECT EXISTS (SELECT FROM heartbeats WHERE kind = 'scheduler'
                              AND at > now() - make_interval(secs => :broken)
                              AND unbroken_since < now() - make_interval(secs => :gone))"""),
        {"gone": GONE_S, "broken": BROKEN_S},
    ).scalar_one()
    return heard


def just_begun(s: Session) -> bool:
    """Whether all running processes started only a moment ago, so that missing ones may still be starting."""
    begun: bool = s.execute(
        text("""
            SELECT coalesce(min(unbroken_since) > now() - make_interval(secs => :gone), false) FROM heartbeats
             WHERE at > now() - make_interval(secs => :broken)"""),
        {"gone": GONE_S, "broken": BROKEN_S},
    ).scalar_one()
    return begun


def jobs_run(s: Session) -> bool:
    """Whether a scheduler has run the timed jobs recently."""
    run: bool = s.execute(
        text("""
            SELECT EXISTS (SELECT FROM jobs WHERE name = 'watch'
                              AND succeeded_at > now() - make_interval(secs => :gone))"""),
        {"gone": GONE_S},
    ).scalar_one()
    return run


def start_worker(lane: Lane) -> str:
    """The hint for a lane without a worker."""
    hint = "If one is running, its log says whether it reaches PostgreSQL and Redis."
    return f"Start one: `tocsin worker --lane {lane}`. {hint}"


def forget_old(s: Session) -> None:
    """Delete the heartbeats of processes that are long gone."""
    s.execute(text("DELETE FROM heartbeats WHERE at < now() - CAST(:kept AS interval)"), {"kept": KEPT})
