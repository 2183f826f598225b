"""A resident erases what is stored of them: with a code that comes once more, so that a page that was left open is not
enough."""

from datetime import datetime

from sqlalchemy.orm import Session

from notify.core import crypto
from notify.core.errors import NotFound, Refused
from notify.core.translation import gettext as _
from notify.models import Contact, Subscriber
from notify.subscribers import joining, serving
from notify.subscribers.own import BY_PAGE


def begin(
    s: Session, subscriber_id: int, contact_id: int, *, language: str, network: str, now: datetime, once: str = ""
) -> str:
    """Send a code to the phone or email that the resident signed in with, and return the token of the page that asks.

    Raises as `joining.begin`, and NotFound.
    """
    contact = s.get(Contact, contact_id)
    if contact is None or contact.subscriber_id != subscriber_id or contact.address_sealed is None:
        raise NotFound(_("This is not one of your phones and emails."))
    address = crypto.unseal(contact.address_sealed, contact.channel)
    return joining.begin(
        s, address, None, language=language, words="", network=network, now=now, erases=True, once=once
    )


def erase(s: Session, subscriber_id: int, token: str, code: str, now: datetime) -> None:
    """Erase the resident, if it is the code that came to them. Effective from its commit on, for what waits, too.

    Raises as `joining.confirm`: the caller commits a Refused.
    """
    if not joining.erases(s, token, now):
        raise _not_yours()
    joined = joining.confirm(s, token, code, now)
    if joined.subscriber_id != subscriber_id:
        raise _not_yours()
    serving.erase_own(s, subscriber_id, now, None, how=BY_PAGE)


def is_erased(s: Session, subscriber_id: int) -> bool:
    """Return whether it is done: the second press of a double click finds no page any more."""
    resident = s.get(Subscriber, subscriber_id)
    return resident is not None and resident.erased_at is not None


def _not_yours() -> Refused:
    return Refused(
        _("This code came to a phone or email that is not yours here."), hint=_("Begin again from your own page.")
    )
