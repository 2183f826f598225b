"""Watch for problems that would silently keep an alert from going out or from ending."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from notify.alerts import expiry_asks, situation
from notify.alerts.readiness import silent_channels
from notify.alerts.writing import times
from notify.core import alarms
from notify.core.city_time import shown
from notify.core.db import transaction
from notify.core.settings import settings
from notify.models import Alarm, Alert, Lane, WarnRequest
from notify.models.job import JobRow
from notify.models.states import AlertState
from notify.operations import heartbeat
from notify.operations.jobs.steps import each
from notify.operations.plan import JOBS

RESOLVED_WITHIN = timedelta(minutes=1)  # for the audience of a launched alert
FAILING_FOR = timedelta(seconds=30)


def run() -> None:
    """Ring alarms for problems, and resolve those that are over. A failed step does not stop the others."""
    each(
        _follow_workers,
        lambda: _follow(alarms.LAUNCH_MISSED, _missed),
        _follow_channels,
        lambda: _follow(alarms.AUDIENCE_UNKNOWN, _unresolved),
        lambda: _follow(alarms.JOB_FAILS, _failing),
        lambda: _follow(alarms.EXPIRES_SOON, _ending),
        _ask_to_extend,
        lambda: _follow(alarms.DECISION_DUE, _undecided),
    )


def _follow(kind: str, look: Callable[[Session], dict[int | str, str]]) -> None:
    with transaction() as s:
        alarms.follow(s, kind, look(s), datetime.now(UTC))


def _follow_channels() -> None:
    with transaction() as s:
        silent_channels.ring(s, datetime.now(UTC), settings())


def _follow_workers() -> None:
    with transaction() as s:
        idle = heartbeat.lanes_without_worker(s) if heartbeat.schedulers_hear(s) else []
        for lane, kind in alarms.NO_WORKER.items():
            alarms.follow(s, kind, {"": _no_worker(lane)} if lane in idle else {}, datetime.now(UTC))


def _no_worker(lane: Lane) -> str:
    return f"No worker serves the {lane} lane: none of its messages are sent. {heartbeat.start_worker(lane)}"


def _missed(s: Session) -> dict[int | str, str]:
    """By alert id: alerts that missed their launch time because they were not approved or launched. Drafts of tests and
    exercises do not count."""
    rows = s.scalars(
        select(Alert).where(
            Alert.state.in_([AlertState.DRAFT, AlertState.APPROVED]),
            or_(Alert.state == AlertState.APPROVED, Alert.status == "Actual"),
            Alert.launch_at < func.now() - times.LATE,
            Alert.expires_at > func.now(),
        )
    )
    return {alert.id: _was_to_launch(alert) for alert in rows}


def _was_to_launch(alert: Alert) -> str:
    assert alert.launch_at is not None  # noqa: S101  the query requires it
    step = "launched" if alert.state is AlertState.APPROVED else "approved"
    what_now = (  # after a restored backup it may be out already: written again, it would go out twice
        "Cancel it, and write it again if it is still to be sent."
        if alert.ask_since is None
        else "It was restored from a backup: docs/restore.md says what to do."
    )
    return (
        f"Alert {alert.id} ({alert.event}) was to be launched at {shown(alert.launch_at, settings().tz)}, and nobody"
        f" {step} it: nothing was sent. {what_now}"
    )


def _unresolved(s: Session) -> dict[int | str, str]:
    """By alert id: alerts whose audience is still not known long after the launch."""
    late = s.scalars(
        select(Alert.id).where(
            Alert.state == AlertState.SENDING,
            Alert.fanout_done_at.is_(None),
            Alert.launched_at < func.now() - RESOLVED_WITHIN,
        )
    )
    return {
        alert: f"Alert {alert} was launched more than a minute ago, and its audience is still not fully known."
        f" `tocsin alert show {alert}` shows whether there is progress. If not, check that a worker of its lane runs,"
        " and read its log."
        for alert in late
    }


def _ending(s: Session) -> dict[int | str, str]:
    """By alert id: alerts that end soon, or whose promised time comes, without a later word in their incident.

    Routine alerts that promise nothing may end by themselves. An alarm that an operator has resolved does not ring
    again.
    """
    now = datetime.now(UTC)
    asking = [one for one in situation.asking(s, now) if expiry_asks.concerns(one)]
    looked_at = _looked_at(s, alarms.EXPIRES_SOON, Alarm.alert_id.in_([one.id for one in asking]), Alarm.alert_id)
    return {one.id: _ends(one) for one in asking if one.id not in looked_at}


def _ends(one: situation.Item) -> str:
    zone = settings().tz
    promised = one.promised_at
    ends = (
        f"promises residents news by {shown(promised, zone)}"
        if promised is not None and promised < one.expires_at
        else f"ends at {shown(one.expires_at, zone)}"
    )
    return (
        f"Alert {one.id} ({one.event}, {one.area_description}) {ends}, and nothing follows it. Extend it by an update,"
        f" or close it by an all-clear: /console/incidents/{one.incident}."
    )


def _ask_to_extend() -> None:
    with transaction() as s:
        expiry_asks.ask(s, datetime.now(UTC), settings())


def _undecided(s: Session) -> dict[int | str, str]:
    """By request: requests to warn whose time to decide has passed."""
    late = s.scalars(
        select(WarnRequest).where(WarnRequest.closed_at.is_(None), WarnRequest.decide_by < func.now())
    ).all()
    about = {f"request {one.id}": one for one in late}
    looked_at = _looked_at(s, alarms.DECISION_DUE, Alarm.about.in_(about), Alarm.about)
    return {
        subject: f"Request to warn {one.id} was to be decided by {shown(one.decide_by, settings().tz)}."  # type: ignore[arg-type]
        " Warn now, as a precaution, or decline it: /console/requests."
        for subject, one in about.items()
        if subject not in looked_at
    }


def _looked_at(s: Session, kind: str, these: ColumnElement[bool], subject: InstrumentedAttribute[Any]) -> set[Any]:
    """The subjects whose alarm of this kind an operator has resolved."""
    return set(s.scalars(select(subject).where(Alarm.kind == kind, Alarm.resolved_by.is_not(None), these)))


def _failing(s: Session) -> dict[int | str, str]:
    """By name: why timed jobs fail or are late."""
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
