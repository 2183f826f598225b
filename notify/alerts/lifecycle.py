"""The steps in the life of an alert: approve, launch, pause, resume, cancel, expire.

Each function performs one step in its caller's transaction, and records it in the audit. The caller notifies the
workers after the commit (`tasks.ring_alert`).
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from notify.accounts import operators
from notify.alerts import outdated, standing, warn_requests, written_twice
from notify.alerts.approving import limits, two_people
from notify.alerts.approving.sent_to import SentTo
from notify.alerts.reporting import reports
from notify.alerts.words import linting
from notify.alerts.writing import times, told_before, wordings
from notify.core import alarms, states
from notify.core.counting import counted
from notify.core.errors import Refused, Unavailable
from notify.core.settings import Settings, settings
from notify.core.translation import gettext as _
from notify.core.vocabulary import word
from notify.delivery import exercise, senders
from notify.models import Alert, Batch, Operator, StoredContent
from notify.models.states import AlertState, BatchState
from zones.geometry import area_hash, from_wkb


def approve(s: Session, alert_id: int, by: Operator, now: datetime, settings: Settings) -> Alert:
    """Approve a draft, and freeze its area and words under one hash.

    Raises Unavailable when one of its channels could not send; Refused when it is not a draft, is too late (`times`) or
    outdated, needs another approver than its author, has errors in its words (`linting`), or is real and the approver
    is in exercise mode.
    """
    alert = reports.find_alert(s, alert_id)
    operators.require(by, two_people.act(alert, by))
    sent = limits.count(s, alert, by, now)
    alert = reports.find_alert(s, alert_id, lock=True)
    if alert.state is AlertState.SCHEDULED:
        raise Refused(_("Alert %(alert)s is scheduled: it is already approved.", alert=alert_id))
    exercise.require_mode(alert_id, alert.status, by)
    times.require_in_time(alert, now, settings.tz, or_at_once=two_people.is_composed_notice(alert))
    times.require_life(alert, now)
    outdated.require_current(s, alert)
    outdated.require_days(s, alert_id)
    two_people.require_foreseen(s, alert)
    two_people.require(s, alert, by, settings, sent)
    limits.require(s, alert, by, now, settings, sent)
    linting.require_no_errors(s, alert, by, now, settings)
    trouble = senders.trouble(s, alert.channels, settings)
    if trouble:
        raise Unavailable(
            _("Alert %(alert)s could not be sent on all its channels.", alert=alert_id),
            hint=_("Fix that, or write it for the other channels only."),
            details=trouble,
        )
    told = told_before.again(s, alert)
    states.move_alert(
        s,
        alert_id,
        AlertState.APPROVED,
        now=now,
        by=by,
        action="approve",
        approved_by=by.id,
        approved_at=now,
        approved_hash=frozen_hash(s, alert, told),
        **told_before.columns(told),
    )
    return _fresh(s, alert)


def launch(s: Session, alert_id: int, by: Operator | None, now: datetime) -> Alert:
    """Send an approved alert now or, if it has a later launch time, schedule it.

    The launch of an all-clear ends what is still being sent of the danger (`outdated.stop`). An alarm rings when a
    launch is more than a minute late. Raises Refused when it is not approved, was launched
    before, is too late (`times`) or outdated, has changed since the approval, ends an emergency that was launched after
    it was written, follows a paused alert, or is an exercise that would reach a real provider.
    """
    sent = SentTo()
    if by is not None:
        found = reports.find_alert(s, alert_id)
        operators.require(by, two_people.act_of_launch(found, by))
        sent = limits.count(s, found, by, now, launches=True)
    alert = reports.find_alert(s, alert_id, lock=True)
    _require_as_approved(s, alert)
    exercise.require_mode(alert_id, alert.status, by)
    times.require_in_time(alert, now, settings().tz, or_at_once=two_people.is_composed_notice(alert))
    outdated.require_current(s, alert)
    outdated.require_days(s, alert_id)
    two_people.require_foreseen(s, alert)
    written_twice.require_not_paused(s, alert)
    if by is not None:
        limits.require(s, alert, by, now, settings(), sent, launches=True)
    exercise.require_simulators(s, alert.channels, alert.status, settings())
    if alert.launch_at is not None and alert.launch_at > now:
        states.move_alert(s, alert_id, AlertState.SCHEDULED, now=now, by=by, action="schedule")
    else:
        _start(s, alert, by, now)
        _tell_if_late(s, alert, now)
        warn_requests.answer_at_launch(s, alert, by, now)
    return _fresh(s, alert)


def pause(s: Session, alert_id: int, by: Operator | None, now: datetime) -> Alert:
    """Send nothing more until the alert is resumed. Messages already at a provider are not recalled."""
    return _step(s, alert_id, AlertState.PAUSED, by, now, "pause")


def resume(s: Session, alert_id: int, by: Operator | None, now: datetime) -> Alert:
    """Resume a paused alert. Raises Refused when it is not paused, has expired, is outdated, or its follow-up goes to
    those who wait for it."""
    alert = reports.find_alert(s, alert_id, lock=True)
    if alert.state is not AlertState.PAUSED:
        raise Refused(_("Alert %(alert)s is %(state)s, not paused.", alert=alert_id, state=word(alert.state)))
    times.require_unexpired(alert, now)
    outdated.require_current(s, alert)
    written_twice.require_not_taken_over(s, alert)
    return _step(s, alert_id, AlertState.SENDING, by, now, "resume")


def cancel(s: Session, alert_id: int, by: Operator | None, now: datetime) -> Alert:
    """Stop an alert for good. After the commit no delivery is claimed; queued ones are closed soon afterwards
    (`recovery.end_leftovers`). Messages already sent are not recalled."""
    alert = _step(s, alert_id, AlertState.CANCELLED, by, now, "cancel", finished_at=now)
    if alert.launched_at is not None:
        standing.renew(s, alert.incident_id, alert.status, [alert_id])
    return alert


def withdraw(s: Session, alert_id: int, by: Operator, now: datetime) -> None:
    """Cancel a draft because another alert is made in its place, so that they do not both wait for approval.

    One that was cancelled or has expired meanwhile stays as it is. Raises Refused when it was approved meanwhile.
    """
    alert = reports.find_alert(s, alert_id, lock=True)
    if alert.state in {AlertState.CANCELLED, AlertState.EXPIRED}:
        return
    if alert.state is not AlertState.DRAFT:
        raise Refused(
            _(
                "Alert %(alert)s is %(state)s meanwhile, so it is not replaced. Nothing was made.",
                alert=alert_id,
                state=word(alert.state),
            ),
            hint=_("Write an update once it is launched, or cancel it first if it must not go out."),
        )
    states.move_alert(s, alert_id, AlertState.CANCELLED, now=now, by=by, action="withdraw", finished_at=now)


def expire_due(s: Session, now: datetime) -> list[int]:
    """Expire the alerts whose time is over, and return their ids. One that fails is set aside."""
    in_force = Alert.state.in_(states.alert_before(AlertState.EXPIRED))
    due = _due(s, alarms.EXPIRY_FAILED, now, in_force, Alert.expires_at <= now)
    return [one for one in due if alarms.apart(s, one, alarms.EXPIRY_FAILED, now, _expire)]


def launch_due(s: Session, now: datetime) -> list[Alert]:
    """Launch the scheduled alerts that are due, and return them. One that fails is set aside; one that a later alert
    has overtaken is cancelled."""
    due = _due(
        s,
        alarms.LAUNCH_FAILED,
        now,
        Alert.state == AlertState.SCHEDULED,
        Alert.launch_at <= now,
        Alert.expires_at > now,
    )
    tried = [alarms.apart(s, one, alarms.LAUNCH_FAILED, now, _launch) for one in due]
    return [alert for alert in tried if alert is not None]


def _due(s: Session, failed: str, now: datetime, *conditions: ColumnElement[bool]) -> Sequence[int]:
    """Lock the alerts that meet the conditions. One that failed is tried again after a while, or at once when its
    alarm is resolved."""
    return s.scalars(
        select(Alert.id)
        .where(*conditions, ~alarms.set_aside(failed, now))
        .order_by(Alert.incident_id, Alert.id)  # each launch locks its incident
        .with_for_update(skip_locked=True, key_share=True)
    ).all()


def _require_as_approved(s: Session, alert: Alert) -> None:
    """Raise Refused when the alert is not approved, was already launched, or has changed since its approval."""
    if alert.area is None:
        raise Refused(
            _("Alert %(alert)s has no area.", alert=alert.id),
            hint=_("Without an area nothing can be sent. Write it again."),
        )
    if alert.state is AlertState.DRAFT:
        raise Refused(
            _("Alert %(alert)s is not approved.", alert=alert.id), hint=f"`tocsin alert approve {alert.id} --as EMAIL`."
        )
    if alert.state not in states.alert_before(AlertState.SENDING) or alert.state is AlertState.PAUSED:
        raise Refused(
            _("Alert %(alert)s is %(state)s: it cannot be launched.", alert=alert.id, state=word(alert.state)),
            hint=states.what_now(alert.state),
        )
    frozen = area_hash(from_wkb(alert.area)), frozen_hash(s, alert, alert.answered)
    if frozen != (alert.area_hash, alert.approved_hash):
        raise Refused(
            _("Alert %(alert)s is not what was approved: its area or words have changed.", alert=alert.id),
            hint=_("Nothing was sent. Write it again and have it approved."),
        )


def _start(s: Session, alert: Alert, by: Operator | None, now: datetime) -> None:
    """Begin to send. The incident is locked (`outdated.require_current`)."""
    states.move_alert(
        s,
        alert.id,
        AlertState.SENDING,
        now=now,
        by=by,
        action="launch",
        launched_at=standing.next_moment(s, alert.incident_id, now),
        # Those who were warned since the approval must hear this, too.
        **told_before.columns(told_before.again(s, alert)),
    )
    standing.renew(s, alert.incident_id, alert.status, [alert.id])
    outdated.stop(s, alert.incident_id, alert.status, now)


def _tell_if_late(s: Session, alert: Alert, now: datetime) -> None:
    if alert.launch_at is not None and now - alert.launch_at > times.LATE:
        minutes = round((now - alert.launch_at).total_seconds() / 60)
        message = f"Alert {alert.id} was launched {counted(minutes, 'minute')} late."
        alarms.sound(s, alarms.LAUNCHED_LATE, message, now, alert_id=alert.id)


def _launch(s: Session, alert_id: int, now: datetime) -> Alert | None:
    """Launch a scheduled alert, or cancel it when a later one has overtaken it: it never can go out."""
    try:
        return launch(s, alert_id, None, now)
    except outdated.Overtaken as error:
        outdated.cancel(s, reports.find_alert(s, alert_id), error.later, now)
        return None


def _expire(s: Session, alert_id: int, now: datetime) -> int:
    """Expire an alert, with an alarm when not all of it was sent."""
    alert = reports.find_alert(s, alert_id, lock=True)
    unsent = _unsent(s, alert)
    states.move_alert(s, alert_id, AlertState.EXPIRED, now=now, by=None, action="expire", finished_at=now)
    if unsent:
        alarms.sound(
            s, alarms.UNSENT, f"Alert {alert_id} ({alert.event}) has expired {unsent}.", now, alert_id=alert_id
        )
    return alert_id


def _unsent(s: Session, alert: Alert) -> str:
    """How much was not sent, as the end of a sentence; empty when everything was. Drafts of tests do not count."""
    if alert.launched_at is None:
        forgotten = alert.state is AlertState.DRAFT and alert.status != "Actual"
        return "" if forgotten else f"unsent: it was {alert.state}"
    if alert.fanout_done_at is None:
        return "before its audience was known: not everybody was written to"
    left = s.scalar(
        select(func.coalesce(func.sum(Batch.size), 0)).where(
            Batch.alert_id == alert.id, Batch.state.in_([BatchState.WAITING, BatchState.HELD, BatchState.LEASED])
        )
    )
    return f"with up to {counted(left, 'message')} unsent" if left else ""


def frozen_hash(s: Session, alert: Alert, told: Mapping[int, Sequence[int]]) -> str:
    """SHA-256 of all that is approved: area, status, topic, words and who reads which, channels, lane, launch time,
    expiry, the alert that it follows, and those whose recipients it also goes to (`told`, as `told_before.find` returns
    it) or does not go to."""
    words = s.execute(
        select(
            StoredContent.channel, StoredContent.language, StoredContent.subject, StoredContent.text, StoredContent.html
        )
        .where(StoredContent.alert_id == alert.id)
        .order_by(StoredContent.wording, StoredContent.channel, StoredContent.language)
    ).all()
    apart = wordings.frozen(s, alert.id)
    approved = [
        alert.area_hash,
        alert.status,
        alert.topic.value,
        alert.lane.value,
        sorted(alert.channels),
        alert.launch_at.isoformat() if alert.launch_at else None,
        alert.expires_at.isoformat(),
        [list(row) for row in words],
        *([] if alert.follows is None else [alert.follows]),
        *([[*told]] if told else []),
        *([[*map(list, told.values())]] if any(told.values()) else []),
        *([apart] if apart else []),
        *([{"spares": sorted(alert.spares)}] if alert.spares else []),
    ]
    return hashlib.sha256(json.dumps(approved, ensure_ascii=False).encode()).hexdigest()


def _step(
    s: Session, alert_id: int, to: AlertState, by: Operator | None, now: datetime, action: str, **columns: Any
) -> Alert:
    if by is not None:
        operators.require(by, two_people.act_of_stop(reports.find_alert(s, alert_id), by))
    states.move_alert(s, alert_id, to, now=now, by=by, action=action, **columns)
    return _fresh(s, reports.find_alert(s, alert_id, lock=True))


def _fresh(s: Session, alert: Alert) -> Alert:
    s.refresh(alert)
    return alert
