"""Alarms ask an operator to look at a problem, and ring until one has. A problem that recurs rings the same alarm."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TypeVar

import structlog
from sqlalchemy import ColumnElement, exists, select, text, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from notify.core import audit, db
from notify.core.errors import NotFound, Refused, TocsinError
from notify.core.translation import gettext as _
from notify.models import Alarm, Alert, Lane, Operator

log = structlog.get_logger()
T = TypeVar("T")

# The kinds (docs/alarms.md).
NOTICE_OUTDATED, NOTICE_UNCHECKED = "notice-outdated", "notice-unchecked"
REMINDERS_UNSENT = "reminders-unsent"
UNSENT, LAUNCHED_LATE, AUDIENCE_UNKNOWN = "alert-unsent", "launched-late", "audience-unknown"
LAUNCH_MISSED, OVERTAKEN = "launch-missed", "alert-overtaken"
EXPIRES_SOON, DECISION_DUE = "expires-soon", "decision-due"
NOT_APPROVED, BROKE_GLASS = "not-approved", "break-glass"
CHANNEL_SILENT = "channel-silent"
LAUNCH_FAILED, EXPIRY_FAILED, FINISH_FAILED = "launch-failed", "expiry-failed", "finish-failed"
SENDER_STOPPED = "sender-stopped"
EXERCISE_BARRED = "exercise-barred"
CRY_FOR_HELP = "cry-for-help"
WEBHOOK_REFUSED, WEBHOOK_UNREADABLE = "webhook-refused", "webhook-unreadable"
PROXY_NOT_TRUSTED = "proxy-not-trusted"
UNREADABLE_ROW, REFUSED_ROW = "unreadable-row", "refused-row"
UNREADABLE_ADDRESS, UNREADABLE_PLACE = "unreadable-address", "unreadable-place"  # the first is also a delivery's reason
FEED_FAILS = "feed-fails"
PUBLIC_PAGE_OLD = "public-page-old"
JOIN_BUDGET = "join-budget"
MANY_LOOKS = "desk-many-looks"
UNREADABLE_ACCOUNT = "unreadable-account"
NO_SCHEDULER, JOB_FAILS = "no-scheduler", "job-fails"
NO_WORKER = {lane: f"no-worker-{lane.value}" for lane in Lane}
SHOWN = 10  # ids in a message
TRY_AGAIN = timedelta(minutes=1)  # how long an alert whose step failed is set aside


def sound(
    s: Session,
    kind: str,
    message: str,
    now: datetime,
    *,
    sender_id: int | None = None,
    alert_id: int | None = None,
    about: str = "",
) -> None:
    """Ring an alarm, about a sender, an alert or something else. One that already rings is counted again."""
    values = {"kind": kind, "message": message, "now": now, "sender": sender_id, "alert": alert_id, "about": about}
    alarm_id, count = s.execute(text(_SOUND), values).one()
    if count == 1:
        log.error("alarm.rings", alarm=alarm_id, kind=kind, sender=sender_id, alert=alert_id, why=message)


_SOUND = """
    INSERT INTO alarms AS a (kind, sender_id, alert_id, about, message, since, last_seen)
    VALUES (:kind, :sender, :alert, :about, :message, :now, :now)
    ON CONFLICT (kind, sender_id, alert_id, about) WHERE resolved_at IS NULL DO UPDATE
       SET count = a.count + 1, last_seen = greatest(a.last_seen, excluded.last_seen), message = excluded.message
    RETURNING id, count
"""


def some(ids: Sequence[int]) -> str:
    """The first SHOWN ids, for a message."""
    return ", ".join(map(str, [*dict.fromkeys(ids)][:SHOWN])) + (" ..." if len(set(ids)) > SHOWN else "")


def refused_row(what: str, error: Exception, now: datetime, *, alert_id: int | None = None) -> None:
    """Ring an alarm about one row that PostgreSQL refused to change (`db.in_halves`). `what`: the act and its row."""
    cause = getattr(error, "orig", None) or error
    rule = getattr(getattr(cause, "diag", None), "constraint_name", None)
    why = db.reason(error) + (f": {rule}" if rule else "")
    log.error("row.refused", what=what, why=why, alert=alert_id)
    with db.transaction() as s:
        sound(
            s,
            REFUSED_ROW,
            f"PostgreSQL refuses to {what} ({why}). All other rows were changed; docs/alarms.md says what to do.",
            now,
            alert_id=alert_id,
        )


def mark_resolved(s: Session, alarm_id: int, now: datetime, by: Operator | None) -> Alarm:
    """Mark an alarm as looked at; `accounts.resolving` checks the role. Raises NotFound; Refused for a resolved one."""
    alarm = s.get(Alarm, alarm_id, with_for_update=True)
    if alarm is None:
        raise NotFound(
            _("There is no alarm %(alarm)s.", alarm=alarm_id),
            hint=_("`tocsin alarms list` shows the alarms that ring."),
        )
    if alarm.resolved_at is not None:
        raise Refused(_("Alarm %(alarm)s is already resolved.", alarm=alarm_id))
    alarm.resolved_at, alarm.resolved_by = max(now, alarm.since), by.id if by else None
    audit.note(s, now=now, by=by, action="resolve", subject="alarm", subject_id=alarm_id, kind=alarm.kind)
    return alarm


def silence_sender(s: Session, sender_id: int, now: datetime, by: Operator | None) -> None:
    """Resolve the alarms of a sender that was opened again. A problem that remains soon rings a new one."""
    s.execute(
        update(Alarm)
        .where(Alarm.sender_id == sender_id, Alarm.resolved_at.is_(None))
        .values(resolved_at=now, resolved_by=by.id if by else None)
        .execution_options(synchronize_session=False)
    )


def follow(s: Session, kind: str, troubles: Mapping[int | str, str], now: datetime) -> None:
    """Make the alarms of a kind match these troubles: messages by alert id, or by another subject (`Alarm.about`).

    Alarms whose trouble is over are resolved by Tocsin itself.
    """
    for alarm in s.scalars(select(Alarm).where(Alarm.kind == kind, Alarm.resolved_at.is_(None))):
        if (alarm.about if alarm.alert_id is None else alarm.alert_id) not in troubles:
            alarm.resolved_at = max(now, alarm.since)
            log.info("alarm.over", alarm=alarm.id, kind=kind, alert=alarm.alert_id)
    for of, message in troubles.items():
        if isinstance(of, int):
            sound(s, kind, message, now, alert_id=of)
        else:
            sound(s, kind, message, now, about=of)


def ringing(s: Session) -> Sequence[Alarm]:
    """The unresolved alarms, the oldest first."""
    return s.scalars(select(Alarm).where(Alarm.resolved_at.is_(None)).order_by(Alarm.since, Alarm.id)).all()


def recent(s: Session, most: int = 200) -> Sequence[Alarm]:
    """The latest alarms, resolved or not, the newest first."""
    return s.scalars(select(Alarm).order_by(Alarm.id.desc()).limit(most)).all()


def apart(
    s: Session, alert_id: int, failed: str, now: datetime, step: Callable[[Session, int, datetime], T]
) -> T | None:
    """Run a step of one alert in a savepoint. When it fails, an alarm of the kind `failed` rings and None is returned.

    One alert thus never stops the others. Raises when the connection is gone: then no other can be moved either.
    """
    try:
        with s.begin_nested():
            return step(s, alert_id, now)
    except Exception as error:
        if isinstance(error, DBAPIError) and error.connection_invalidated:
            raise
        expected = isinstance(error, TocsinError)
        why = str(error) if expected else f"{db.reason(error)}. The log says more."
        log.error("alert.set_aside", kind=failed, alert=alert_id, error=db.reason(error), exc_info=not expected)
        sound(
            s, failed, f"Alert {alert_id} could not be moved to its next state on time: {why}", now, alert_id=alert_id
        )
        return None


def set_aside(failed: str, now: datetime) -> ColumnElement[bool]:
    """Whether an alert failed at this step within the last minute and nobody has resolved that alarm since."""
    return exists().where(
        Alarm.kind == failed,
        Alarm.alert_id == Alert.id,
        Alarm.resolved_at.is_(None),
        Alarm.last_seen > now - TRY_AGAIN,
        Alarm.last_seen <= now,
    )
