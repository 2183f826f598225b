"""What would keep an alert from going out, or from ending, without anybody noticing."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from notify.core import alarms
from notify.core.db import transaction
from notify.models import Alert, Lane
from notify.models.job import JobRow
from notify.models.states import AlertState
from notify.operations import heartbeat
from notify.operations.plan import JOBS

RESOLVED_WITHIN = timedelta(minutes=1)  # a launched alert's audience
FAILING_FOR = timedelta(seconds=30)


def run() -> None:
    """Let alarms ring for what is wrong, and resolve those whose trouble is over."""
    now = datetime.now(UTC)
    with transaction() as s:
        idle = heartbeat.lanes_without_worker(s) if heartbeat.schedulers_hear(s) else []
        for lane, kind in alarms.NO_WORKER.items():
            alarms.follow(s, kind, {"": _no_worker(lane)} if lane in idle else {}, now)
        alarms.follow(s, alarms.AUDIENCE_UNKNOWN, _unresolved(s), now)
        alarms.follow(s, alarms.JOB_FAILS, _failing(s), now)


def _no_worker(lane: Lane) -> str:
    return f"No worker serves the {lane} lane: nothing of it is sent. {heartbeat.start_worker(lane)}"


def _unresolved(s: Session) -> dict[int | str, str]:
    """By alert."""
    late = s.scalars(
        select(Alert.id).where(
            Alert.state == AlertState.SENDING,
            Alert.fanout_done_at.is_(None),
            Alert.launched_at < func.now() - RESOLVED_WITHIN,
        )
    )
    return {
        alert: f"Alert {alert} was launched more than a minute ago, and whom it reaches is still not fully known."
        f" `tocsin alert show {alert}` shows whether it goes on. If it does not: does a worker of its lane run, and"
        " what does its log say?"
        for alert in late
    }


def _failing(s: Session) -> dict[int | str, str]:
    """Of the jobs that do not do their work: why, by name."""
    rows = s.execute(
        select(JobRow.name, JobRow.error, JobRow.failing_since.is_not(None).label("failed"), JobRow.succeeded_at)
        .where(JobRow.name.in_([job.name for job in JOBS]))
        .where((JobRow.late_after < func.now()) | (JobRow.failing_since < func.now() - FAILING_FOR))
        .order_by(JobRow.name)
    ).all()
    return {
        row.name: f"The timed job {row.name} does not succeed:"
        f" {row.error if row.failed else 'it hangs, or its runs take too long.'} `tocsin jobs` shows since when."
        for row in rows
    }
