"""A caller proves who they are: a code goes to one of the resident's phones or emails, and the caller reads it back."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from notify.core import crypto
from notify.core.errors import Invalid, NotFound, Refused
from notify.core.translation import gettext as _
from notify.models import Contact, Operator, Subscriber
from notify.subscribers import consent, joining, serving
from notify.subscribers.enrolling import Joined

LIVES = timedelta(minutes=20)  # of what a code opens: about a call
PURPOSE = "desk-call"


@dataclass(frozen=True, slots=True)
class Proven:
    """A resident who is on the phone with this agent. `contact`: that which the code came to."""

    operator: int
    resident: int
    contact: int


def send_code(s: Session, subscriber_id: int, contact_id: int, now: datetime, by: Operator) -> str:
    """Send a code to one of a resident's contacts, and return the token with which it is confirmed.

    Raises NotFound, NotAllowed, TooManyTries, and Unavailable without a sender."""
    serving.require(by)
    contact = s.get(Contact, contact_id)
    if contact is None or contact.subscriber_id != subscriber_id or contact.address_sealed is None:
        raise NotFound(_("This is not a phone or email of this resident."))
    address = crypto.unseal(contact.address_sealed, contact.channel)
    language = s.get_one(Subscriber, subscriber_id).language
    network = f"operator {by.id}"
    return joining.begin(s, address, None, language=language, words="", network=network, now=now, by_call=True)


def confirm(s: Session, token: str, code: str, now: datetime, by: Operator, subscriber_id: int = 0) -> Joined:
    """Take the code that the caller read back. `subscriber_id`: the resident whom it must open, 0 for who signs up.

    Raises as `joining.confirm`: the caller commits a Refused, because it counts."""
    serving.require(by)
    try:
        joined = joining.confirm(s, token, code, now, how=consent.BY_CALL)
    except joining.NotTheirs:
        raise joining.NotTheirs(
            _("The code is right, but this phone or email has never been proved, or was silent for long."),
            hint=_(
                "It may have a new owner. Ask for an address that they signed up with, and sign them up with it again"
                " (X, N): all that they chose comes back."
            ),
        ) from None
    if subscriber_id and joined.subscriber_id != subscriber_id:
        raise Refused(_("This code came to somebody else."), hint=_("Look the caller up again."))
    serving.note(s, now, by, "prove by call", joined.subscriber_id, contact=joined.contact_id)
    return joined


def token(proven: Proven, now: datetime) -> str:
    """Return what the agent's browser keeps while the call lasts."""
    ends = int((now + LIVES).timestamp())
    return crypto.sign_token(PURPOSE, f"{proven.operator}.{proven.resident}.{proven.contact}.{ends}")


def read(given: str, by: Operator, now: datetime) -> Proven | None:
    """Return whom a token is about; None if it is not this agent's, or old."""
    try:
        operator, resident, contact, ends = map(int, crypto.read_token(PURPOSE, given).split("."))
    except (Invalid, ValueError):
        return None
    return Proven(operator, resident, contact) if operator == by.id and ends > now.timestamp() else None


def require(proven: Proven | None, subscriber_id: int) -> Proven:
    """Raise Refused unless the resident has read back a code in this call."""
    if proven is None or proven.resident != subscriber_id:
        raise Refused(
            _("The caller has not read back a code in this call."), hint=_("Send a code, and enter what they read.")
        )
    return proven
