"""`tocsin jobs`."""

from datetime import UTC, datetime, timedelta

from notify.cli.commands import Commands, Json
from notify.cli.output import console, moment, print_json, table
from notify.core.db import transaction
from notify.operations import job_status
from notify.operations.job_status import JobStatus

commands = Commands()

STALE = timedelta(seconds=30)  # a leader would have updated the row by then


def jobs(as_json: Json = False) -> None:
    """List the timed jobs: what each does, how its last run went, when it runs next."""
    with transaction() as s:
        found = job_status.statuses(s)
    if as_json:
        print_json(found)
        return
    now = datetime.now(UTC)
    table(
        ("job", "what it does", "when", "last run", "took", "outcome", "next run"),
        [
            (job.name, job.does, job.when, _ago(job.last_run_at, now), _took(job), _outcome(job), _to_come(job, now))
            for job in found
        ],
    )
    for job in found:
        if job.outcome == "failed":
            console.print(f"{job.name} has been failing since {moment(job.failing_since)}: {job.error}")
        elif job.late:
            console.print(f"{job.name} is late. Last success: {moment(job.succeeded_at)}")
    if all(job.last_run_at is None for job in found):
        console.print("No scheduler has run yet. `tocsin scheduler` starts one.")


def _took(job: JobStatus) -> str | None:
    return None if job.seconds is None else f"{job.seconds:.3f} s"


def _outcome(job: JobStatus) -> str | None:
    return "late" if job.late and job.outcome == "ok" else job.outcome


def _ago(when: datetime | None, now: datetime) -> str | None:
    return None if when is None else f"{_span(now - when)} ago"


def _to_come(job: JobStatus, now: datetime) -> str | None:
    """Describe the next run. Rows are written every ten seconds, so a run slightly in the past has begun by now."""
    if job.next_run_at is None:
        return None
    if job.next_run_at > now:
        return f"in {_span(job.next_run_at - now)}"
    return "soon" if now - job.next_run_at < STALE else f"was due {_span(now - job.next_run_at)} ago"


def _span(time: timedelta) -> str:
    seconds = time.total_seconds()
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.0f} h"


commands.add("jobs", jobs)
