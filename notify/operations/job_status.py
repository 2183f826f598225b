"""The status of the timed jobs, for people."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from notify.models.job import JobRow
from notify.operations.plan import JOBS, Job


@dataclass(frozen=True, slots=True)
class JobStatus:
    """`outcome`: ok, failed, or None before the first run; `late`: it should have succeeded by now."""

    name: str
    does: str
    when: str
    last_run_at: datetime | None
    seconds: float | None
    outcome: str | None
    error: str
    succeeded_at: datetime | None
    failing_since: datetime | None
    next_run_at: datetime | None
    late: bool


def statuses(s: Session) -> list[JobStatus]:
    """The status of every job, in the order of the plan. Without a leader, `next_run_at` is in the past."""
    rows = {row.name: row for row in s.scalars(select(JobRow))}
    now = s.scalar(select(func.now()))
    return [_status(job, rows.get(job.name), now) for job in JOBS]


def _status(job: Job, row: JobRow | None, now: datetime | None) -> JobStatus:
    if row is None:
        return JobStatus(job.name, job.does, str(job.when), None, None, None, "", None, None, None, late=False)
    outcome = None if row.started_at is None else "failed" if row.failing_since else "ok"
    return JobStatus(
        name=job.name,
        does=job.does,
        when=str(job.when),
        last_run_at=row.started_at,
        seconds=row.seconds,
        outcome=outcome,
        error=row.error,
        succeeded_at=row.succeeded_at,
        failing_since=row.failing_since,
        next_run_at=row.next_at,
        late=now is not None and row.late_after < now,
    )
