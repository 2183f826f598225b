"""Channels on which no message of a launched alert has been accepted by a provider: somebody must be told, and soon.

A minute after the launch an alarm rings, and whoever launched the alert and whoever is on duty are written to on the
other channels. The alert's page offers to reach people by a channel that it has not used.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from notify.accounts import roster
from notify.alerts import operator_letters
from notify.alerts.reporting import reports
from notify.audience import unreached
from notify.core import alarms
from notify.core.city_time import shown
from notify.core.settings import Settings
from notify.models import Alarm, Alert, Audit, DirectMessage, Operator
from notify.models.states import AlertState

LOOKED_FOR = timedelta(hours=1)  # after a launch; an alarm that rings is followed for longer
RUNNING = (AlertState.SENDING, AlertState.SENT)


def of(s: Session, alert: Alert, now: datetime) -> Sequence[str]:
    """Return the channels of one alert that are silent; none within the first minute, or while it does not run."""
    if alert.state not in RUNNING or alert.launched_at is None or alert.expires_at <= now:
        return ()
    return unreached.silent_channels(s, [alert.id], now).get(alert.id, ())


def ring(s: Session, now: datetime, settings: Settings) -> None:
    """Ring about alerts with a silent channel and write to people, once for each alert; end alarms that are over.

    An alarm that an operator has resolved does not ring again.
    """
    ringing = select(Alarm.alert_id).where(Alarm.kind == alarms.CHANNEL_SILENT, Alarm.resolved_at.is_(None))
    running = s.scalars(
        select(Alert.id).where(
            Alert.state.in_(RUNNING),
            Alert.expires_at > now,
            or_(Alert.launched_at > now - LOOKED_FOR, Alert.id.in_(ringing)),
        )
    ).all()
    found = unreached.silent_channels(s, running, now) if running else {}
    seen = select(Alarm.alert_id).where(
        Alarm.kind == alarms.CHANNEL_SILENT, Alarm.resolved_by.is_not(None), Alarm.alert_id.in_(found)
    )
    looked_at = set(s.scalars(seen))
    found = {alert: channels for alert, channels in found.items() if alert not in looked_at}
    for alert_id, channels in found.items():
        _write(s, reports.find_alert(s, alert_id), channels, now)
    alarms.follow(s, alarms.CHANNEL_SILENT, _messages(s, found, settings), now)


def _messages(s: Session, found: Mapping[int, Sequence[str]], settings: Settings) -> dict[int | str, str]:
    return {
        one.id: f"Alert {one.id} ({one.event}, {one.area_description}) was launched at"
        f" {shown(one.launched_at or one.created_at, settings.tz)}, and no provider has accepted any of its"
        f" {operator_letters.named(found[one.id])} since. Its page says why, and offers another way:"
        f" /console/alerts/{one.id}."
        for one in s.scalars(select(Alert).where(Alert.id.in_(found)))
    }


def _write(s: Session, alert: Alert, channels: Sequence[str], now: datetime) -> None:
    """Write to whoever launched the alert and whoever is on duty, by channels that work; once for each alert."""
    written = select(DirectMessage.id).where(DirectMessage.alert_id == alert.id, DirectMessage.kind == "channel-silent")
    if s.scalar(written.limit(1)) is None:
        people = _people(s, alert, now)
        operator_letters.write(s, "channel-silent", alert, people, 1, now, author="", silent=channels)


def _people(s: Session, alert: Alert, now: datetime) -> Sequence[Operator]:
    launcher = s.scalar(
        select(Operator)
        .join(Audit, Audit.operator_id == Operator.id)
        .where(Audit.subject == "alert", Audit.subject_id == alert.id, Audit.action.in_(("launch", "schedule")))
        .order_by(Audit.id.desc())
        .limit(1)
    )
    present = roster.at(s, now).now
    people = {one.id: one for one in (launcher, present and present.operator) if one and one.disabled_at is None}
    return list(people.values())
