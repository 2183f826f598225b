"""Whether the channels of an alert work, for its page."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy.orm import Session

from notify.alerts.readiness import channel_policies, silent_channels
from notify.delivery import sender_status
from notify.delivery.forecast import Plan
from notify.delivery.sender_status import ChannelStatus
from notify.models import Alert, ChannelPolicy
from notify.operations import tasks


@dataclass(frozen=True, slots=True)
class Check:
    """One channel of the alert. `status`: None without any sender."""

    channel: str
    status: ChannelStatus | None

    @property
    def works(self) -> bool:
        return self.status is not None and self.status.works


@dataclass(frozen=True, slots=True)
class Preflight:
    checks: tuple[Check, ...]
    policies: Sequence[ChannelPolicy]  # that exclude a channel from alerts about its topic
    today: date

    @property
    def failing(self) -> frozenset[int]:
        """The senders whose provider fails now: the plan of the alert must not count on them."""
        seen = [one for check in self.checks if check.status for one in check.status.senders]
        return frozenset(one.id for one in seen if one.broken)

    def lost(self, plan: Plan) -> dict[str, int]:
        """The messages that do not count as reach, by channel: none of its senders can send now."""
        messages = {one.channel: one.messages for one in plan.channels}
        return {one.channel: messages.get(one.channel, 0) for one in self.checks if not one.works}


def read(s: Session, alert: Alert, now: datetime) -> Preflight:
    """Read it, in the order of the alert's channels."""
    policies = channel_policies.standing(s, alert.topic.value)
    return Preflight(_checks(s, alert.channels, now), policies, now.date())


def silent(s: Session, alert: Alert, now: datetime) -> tuple[Check, ...]:
    """Read the channels on which no message of the alert was accepted since its launch."""
    channels = silent_channels.of(s, alert, now)
    return _checks(s, channels, now) if channels else ()


def _checks(s: Session, channels: Sequence[str], now: datetime) -> tuple[Check, ...]:
    found = {one.channel: one for one in sender_status.read(s, tasks.redis_client(), now)}
    return tuple(Check(name, found.get(name)) for name in channels)
