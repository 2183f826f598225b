"""The heartbeats of our processes, and what they know by them: whether workers and a scheduler are there.

Each process writes its row every BEAT_S. A process that runs the timed jobs looks for the workers (`jobs/watch.py`);
everybody else looks for the scheduler, which cannot tell of its own absence. All times are PostgreSQL's own.
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
BROKEN_S = 20.0  # after a longer silence, what others seem to have missed was perhaps the database
GONE_S = 45.0  # who was not heard for so long is not there: more than BROKEN_S, and a beat before and after
KEPT = "1 day"
START_SCHEDULER = "Start one: `tocsin scheduler`. Where one runs, its log says what it waits for."


class Heart:
    """Of this process. `beat` is called by its main loop, so that it stops when that hangs."""

    def __init__(self, kind: str, lanes: Sequence[Lane] = ()) -> None:
        """`kind`: api, scheduler or worker."""
        self._kind = kind
        served = [lane.value for lane in lanes]
        self._values = {"kind": kind, "host": socket.gethostname(), "pid": os.getpid(), "lanes": served}
        self._last_s = float("-inf")
        self._writer = threading.Thread()
        self._heard = True

    def beat(self) -> None:
        """Beat if it is time; returns at once."""
        if time.monotonic() - self._last_s < BEAT_S or self._writer.is_alive():
            return
        self._last_s = time.monotonic()
        self._writer = threading.Thread(target=self._write, name="heartbeat", daemon=True)
        self._writer.start()

    def beat_on(self) -> None:
        """For a process whose main loop is not ours: beat from a thread, for as long as it lives."""

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
        except Exception:  # nobody else would hear of it in this thread
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


# A process that was itself cut off from PostgreSQL lately says nothing of others.
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
    "No scheduler runs the timed jobs: nothing that is scheduled is launched, nothing that was lost is taken up again,"
    f" and no alert ends. {START_SCHEDULER}"
)


def lanes_without_worker(s: Session) -> list[Lane]:
    """Lanes that no worker has served lately."""
    rows = s.execute(
        text("""
            SELECT lane FROM unnest(CAST(:lanes AS text[])) AS lane
             WHERE NOT EXISTS (SELECT FROM heartbeats WHERE lane = ANY (lanes)
                                  AND at > now() - make_interval(secs => :gone))"""),
        {"lanes": [lane.value for lane in Lane], "gone": GONE_S},
    ).scalars()
    return [Lane(lane) for lane in rows]


def schedulers_hear(s: Session) -> bool:
    """Whether a scheduler has beaten without a break for so long that it would have heard any worker."""
    heard: bool = s.execute(
        text("""
            SELECT EXISTS (SELECT FROM heartbeats WHERE kind = 'scheduler'
                              AND at > now() - make_interval(secs => :broken)
                              AND unbroken_since < now() - make_interval(secs => :gone))"""),
        {"gone": GONE_S, "broken": BROKEN_S},
    ).scalar_one()
    return heard


def just_begun(s: Session) -> bool:
    """Whether the processes that are there have all begun a moment ago, so that what is missing may be on its way."""
    begun: bool = s.execute(
        text("""
            SELECT coalesce(min(unbroken_since) > now() - make_interval(secs => :gone), false) FROM heartbeats
             WHERE at > now() - make_interval(secs => :broken)"""),
        {"gone": GONE_S, "broken": BROKEN_S},
    ).scalar_one()
    return begun


def jobs_run(s: Session) -> bool:
    """Whether a scheduler has run the timed jobs lately."""
    run: bool = s.execute(
        text("""
            SELECT EXISTS (SELECT FROM jobs WHERE name = 'watch'
                              AND succeeded_at > now() - make_interval(secs => :gone))"""),
        {"gone": GONE_S},
    ).scalar_one()
    return run


def start_worker(lane: Lane) -> str:
    """What to do when there is none."""
    hint = "Where one runs, its log says whether it reaches PostgreSQL and Redis."
    return f"Start one: `tocsin worker --lane {lane}`. {hint}"


def forget_old(s: Session) -> None:
    """Delete the heartbeats of processes that are long gone."""
    s.execute(text("DELETE FROM heartbeats WHERE at < now() - CAST(:kept AS interval)"), {"kept": KEPT})
