"""A form of joining that comes twice, by a double click or after the Back button, counts once.

The browser shows only the answer to the second press, so that has to be the same as the first one.
"""

import re
import secrets
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from notify.core import crypto, db, keyring, one_time_codes
from notify.delivery.join_codes import whose
from notify.models import Contact, DirectMessage, Joining, Subscriber
from notify.subscribers import addresses
from notify.subscribers.enrolling import Joined

BEGUN_WITHIN, DONE_WITHIN = timedelta(minutes=1), timedelta(seconds=10)
_TOKEN = re.compile(r"[A-Za-z0-9_-]{32}")


def form_token() -> str:
    """Return what a form that asks for a code comes with: it becomes the token of the page that asks for the code."""
    return secrets.token_urlsafe(24)


def unused(s: Session, once: str, channel: str, address: str, now: datetime) -> str:
    """Return the token for a new joining; "" if the form has begun one just now, for the same address. `once`: what the
    form came with. Of two presses that are answered at the same time, both may get it."""
    if not _TOKEN.fullmatch(once):
        return form_token()
    begun = db.raw(s).execute(_BEGUN, {"token": crypto.hash_key(once)}).fetchone()
    if begun is None:
        return once
    keyring.hold(s)
    made_at, *about = begun
    is_same = about == [channel, addresses.index(channel, address), None]
    return "" if is_same and made_at > now - BEGUN_WITHIN else form_token()


_BEGUN = "SELECT made_at, channel, address_index, ended_at FROM joinings WHERE token_hash = %(token)s"


def is_code_waiting(s: Session, joining: Joining) -> bool:
    """Return whether a code for it waits to be sent."""
    waits = DirectMessage.kind == "join-code", DirectMessage.state == "waiting"
    return s.scalar(select(DirectMessage.id).where(DirectMessage.joining_id == joining.id, *waits).limit(1)) is not None


def just_done(s: Session, token: str, code: str, now: datetime) -> Joined | None:
    """Return what the same page and code have done a moment ago, or None. Changes nothing."""
    joining = s.scalar(select(Joining).where(Joining.token_hash == crypto.hash_key(token)))
    if joining is None or joining.ended_at is None or joining.ended_at < now - DONE_WITHIN or not joining.code_hash:
        return None
    contact = s.get(Contact, joining.contact_id)
    resident = s.get(Subscriber, contact.subscriber_id) if contact is not None else None
    if resident is None or contact is None or not one_time_codes.is_right(joining.code_hash, whose(joining.id), code):
        return None
    return Joined(resident.id, contact.id, is_new=resident.created_at == joining.ended_at)
