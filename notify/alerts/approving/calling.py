"""The phone numbers of those who were asked to approve an alert, for a colleague who wants to call them."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import and_, select
from sqlalchemy.orm import Session

from notify.accounts import operators
from notify.alerts.reporting import reports
from notify.channels.channel import SMS
from notify.core import audit, crypto
from notify.core.errors import Refused
from notify.core.translation import gettext as _
from notify.core.vocabulary import word
from notify.models import DirectMessage, Operator, OperatorContact
from notify.models.states import AlertState


class Called(NamedTuple):
    """Somebody who was asked. `phone`: "" without a confirmed one."""

    email: str
    phone: str


def phones(s: Session, alert_id: int, by: Operator, now: datetime) -> Sequence[Called]:
    """Return those who were asked to approve a draft, with their confirmed phone numbers. The audit records whose
    number was shown, and to whom.

    Raises NotFound; NotAllowed for somebody who may not write alerts; Refused when it is not a draft.
    """
    operators.require(by, "draft")
    alert = reports.find_alert(s, alert_id)
    if alert.state is not AlertState.DRAFT:
        told = _("Alert %(alert)s is %(state)s: nobody needs to approve it.", alert=alert_id, state=word(alert.state))
        raise Refused(told)
    asked = select(DirectMessage.operator_id).where(DirectMessage.alert_id == alert_id, DirectMessage.kind == "ask")
    own = and_(
        OperatorContact.operator_id == Operator.id,
        OperatorContact.channel == SMS.name,
        OperatorContact.verified_at.is_not(None),
    )
    rows = s.execute(
        select(Operator, OperatorContact.address_sealed)
        .outerjoin(OperatorContact, own)
        .where(Operator.id.in_(asked), Operator.disabled_at.is_(None))
        .order_by(Operator.email)
    ).all()
    for who, sealed in rows:
        if sealed:
            audit.note(s, now=now, by=by, action="show phone", subject="operator", subject_id=who.id, alert=alert_id)
    return [Called(who.email, crypto.unseal(sealed, SMS.name) if sealed else "") for who, sealed in rows]
