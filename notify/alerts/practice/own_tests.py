"""Send an alert's words to oneself, marked TEST: to one's own verified contacts, and to nobody else.

Rows in the transaction of the act; the job that writes to operators sends them, by the senders and the throttle of
residents' messages (`delivery.direct_messages`).
"""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from notify.accounts import operators
from notify.alerts.reporting import reports
from notify.audience.wordings import GENERAL
from notify.channels.channel import CHANNELS
from notify.content.compose import readable
from notify.core import audit, operator_words
from notify.core.errors import Refused
from notify.core.settings import Settings
from notify.core.translation import gettext as _
from notify.delivery import exercise
from notify.models import Alert, DirectMessage, Operator, OperatorContact, StoredContent

A_MINUTE = 20  # numbers of steps within a minute: the languages


class Tested(NamedTuple):
    """A test that was sent to oneself."""

    channel: str
    state: str
    reason: str
    made_at: datetime


def send(s: Session, alert_id: int, by: Operator, now: datetime, settings: Settings) -> int:
    """Send the words of an alert to the operator, in each language; once a minute, however often it is asked for.

    Returns the number of messages. Raises NotFound; Refused without a verified contact on its channels, and for
    an exercise that would leave by a real provider.
    """
    operators.require(by, "draft")
    alert = reports.find_alert(s, alert_id)
    mine = select(OperatorContact.channel).where(
        OperatorContact.operator_id == by.id, OperatorContact.verified_at.is_not(None)
    )
    channels = [channel for channel in s.scalars(mine) if channel in alert.channels]
    if not channels:
        raise Refused(
            _("You have no confirmed contact on the channels of this alert."),
            hint=_("Add your phone or email under Your account, Contacts."),
        )
    exercise.require_simulators(s, channels, alert.status, settings)
    rows = _rows(s, alert, by, channels, now, settings)
    added = len(s.execute(insert(DirectMessage).on_conflict_do_nothing().returning(DirectMessage.id), rows).all())
    if added:
        audit.note(s, now=now, by=by, action="test", subject="alert", subject_id=alert_id, count=added)
    return added


def sent(s: Session, alert_id: int, by: Operator | None) -> Sequence[Tested]:
    """Return the newest tests that the operator was sent, by channel."""
    if by is None:
        return ()
    rows = s.execute(
        select(DirectMessage.channel, DirectMessage.state, DirectMessage.reason, DirectMessage.made_at)
        .where(DirectMessage.alert_id == alert_id, DirectMessage.kind == "test", DirectMessage.operator_id == by.id)
        .order_by(DirectMessage.id.desc())
        .limit(6)
    )
    return [Tested(*row) for row in rows]


def _rows(
    s: Session, alert: Alert, by: Operator, channels: Sequence[str], now: datetime, settings: Settings
) -> list[dict[str, object]]:
    marked = operator_words.of("test")
    order = {language: place for place, language in enumerate(settings.languages)}
    words = s.scalars(
        select(StoredContent).where(
            StoredContent.alert_id == alert.id,
            StoredContent.wording == GENERAL,
            StoredContent.channel.in_(channels),
        )
    )
    return [
        {
            "kind": "test", "alert_id": alert.id, "operator_id": by.id, "channel": one.channel, "state": "waiting",
            "step": int(now.timestamp()) // 60 * A_MINUTE + order.get(one.language, A_MINUTE - 2) + 1, "made_at": now,
            "subject": marked["subject"].format(subject=one.subject),
            "text": CHANNELS[one.channel].written(marked["text"].format(text=readable(one.text, one.language))),
        }
        for one in words
    ]  # fmt: skip
