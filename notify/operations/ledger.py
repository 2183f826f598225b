"""The record of the timed jobs: one row per job, written by the leader and read by `job_status.py`.

Its times are PostgreSQL's. The leader passes only how long ago something was, by its monotonic clock.
"""

import time
from collections.abc import Iterable

from sqlalchemy import Connection, text

from notify.operations.plan import Job
from notify.operations.planner import Planner, Run

KEEP_S = 10.0


class Ledger:
    """The leader's record. It is written every KEEP_S, and at once after the first run of a job, or when one starts
    or stops failing."""

    def __init__(self, connection: Connection, jobs: Iterable[Job], planner: Planner) -> None:
        self._connection = connection
        self._jobs = {job.name: job for job in jobs}
        self._planner = planner
        self._last: dict[str, Run] = {}
        self._succeeded: dict[str, Run] = {}
        self._failing: dict[str, Run] = {}  # the first failed run since the last success
        self._late_s = {name: self._late_from_now_s(name) for name in self._jobs}
        self._kept_s = float("-inf")

    def note(self, run: Run) -> None:
        """Record a run that has ended."""
        if run.job not in self._last or bool(run.error) != (run.job in self._failing):
            self._kept_s = float("-inf")
        if run.error:
            self._failing.setdefault(run.job, run)
        else:
            self._failing.pop(run.job, None)
            self._succeeded[run.job] = run
            self._late_s[run.job] = self._late_from_now_s(run.job)
        self._last[run.job] = run

    def is_due(self) -> bool:
        """Whether the rows should be written again."""
        return time.monotonic() >= self._kept_s + KEEP_S

    def keep(self) -> None:
        """Write all rows in one statement."""
        self._kept_s = time.monotonic()
        rows = [self._row(name) for name in self._jobs]
        self._connection.execute(text(_KEEP), {column: [row[column] for row in rows] for column in rows[0]})

    def _late_from_now_s(self, name: str) -> float:
        return time.monotonic() + self._planner.next_in_s(name) + self._jobs[name].patience_s

    def _row(self, name: str) -> dict[str, str | float | None]:
        last, succeeded, failing = (seen.get(name) for seen in (self._last, self._succeeded, self._failing))
        now_s = time.monotonic()
        return {
            "name": name,
            "started_ago": now_s - last.began_s if last else None,
            "seconds": last.ended_s - last.began_s if last else None,
            "error": last.error if last else None,
            "succeeded_ago": now_s - succeeded.ended_s if succeeded else None,
            "failing_ago": now_s - failing.began_s if failing else None,
            "next_in": self._planner.next_in_s(name),
            "late_in": self._late_s[name] - now_s,
        }


def overdue(connection: Connection) -> list[str]:
    """The jobs that became due while there was no leader."""
    return list(connection.execute(text("SELECT name FROM jobs WHERE next_at <= now()")).scalars())


# Values that this leader does not know yet stay as its predecessor wrote them.
_KEEP = """
    INSERT INTO jobs AS j (name, started_at, seconds, error, succeeded_at, failing_since, next_at, late_after)
    SELECT name, now() - make_interval(secs => started_ago), seconds, coalesce(error, ''),
           now() - make_interval(secs => succeeded_ago), now() - make_interval(secs => failing_ago),
           now() + make_interval(secs => next_in), now() + make_interval(secs => late_in)
      FROM unnest(CAST(:name AS text[]), CAST(:started_ago AS float8[]), CAST(:seconds AS float8[]),
                  CAST(:error AS text[]), CAST(:succeeded_ago AS float8[]), CAST(:failing_ago AS float8[]),
                  CAST(:next_in AS float8[]), CAST(:late_in AS float8[]))
           AS t (name, started_ago, seconds, error, succeeded_ago, failing_ago, next_in, late_in)
    ON CONFLICT (name) DO UPDATE SET
        started_at = coalesce(excluded.started_at, j.started_at),
        seconds = coalesce(excluded.seconds, j.seconds),
        error = CASE WHEN excluded.started_at IS NULL THEN j.error ELSE excluded.error END,
        succeeded_at = coalesce(excluded.succeeded_at, j.succeeded_at),
        failing_since = CASE WHEN excluded.started_at IS NULL THEN j.failing_since ELSE excluded.failing_since END,
        next_at = excluded.next_at,
        late_after = excluded.late_after
"""
