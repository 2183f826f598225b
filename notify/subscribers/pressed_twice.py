"""A form of joining that comes twice, by a double click or after the Back button, counts once.

The browser shows only the answer to the second press, so that has to be the same as the first one.
"""

import json
import re
import secrets
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from notify.core import crypto, db, one_time_codes
from notify.core.errors import Refused
from notify.core.translation import gettext as _
from notify.delivery.join_codes import whose
from notify.models import Contact, DirectMessage, Joining, Subscriber
from notify.subscribers.enrolling import Joined

BEGUN_WITHIN, DONE_WITHIN = timedelta(minutes=1), timedelta(seconds=10)
_TOKEN = re.compile(r"[A-Za-z0-9_-]{32}")


def form_token() -> str:
    """Return what a form that asks for a code comes with: the token of the page that asks for
    the code is made of it."""
    return secrets.token_urlsafe(24)


def token_of(once: str, form: object) -> str:
    """Return the token that a form makes, however often it is sent: nobody can guess it. One that came without `once`
    makes another each time."""
    return crypto.hash_key(json.dumps([once, form])).hex() if _TOKEN.fullmatch(once) else form_token()


def token_for(s: Session, once: str, form: object, now: datetime) -> tuple[str, bool]:
    """Return the token of a joining, and whether the form has begun it just now. `once`: what the form came with;
    `form`: all that was filled in, as JSON. A form that was corrected is another one. Of two presses that are answered
    at the same time, neither may see the other."""
    token = token_of(once, form)
    begun = db.raw(s).execute(_BEGUN, {"token": crypto.hash_key(token)}).fetchone()
    if begun is None:
        return token, False
    made_at, ended_at = begun
    return (token, True) if ended_at is None and made_at > now - BEGUN_WITHIN else (form_token(), False)


_BEGUN = "SELECT made_at, ended_at FROM joinings WHERE token_hash = %(token)s"


def is_code_waiting(s: Session, joining: Joining) -> bool:
    """Return whether a code for it waits to be sent."""
    waits = DirectMessage.kind == "join-code", DirectMessage.state == "waiting"
    return s.scalar(select(DirectMessage.id).where(DirectMessage.joining_id == joining.id, *waits).limit(1)) is not None


def just_done(s: Session, token: str, code: str, now: datetime) -> Joined | None:
    """Return what the same page and code have done a moment ago, or None. Changes nothing.

    Raises Refused for another code, which the caller must commit: it counts.
    """
    asked = select(Joining).where(Joining.token_hash == crypto.hash_key(token)).with_for_update()
    joining = s.scalar(asked.execution_options(populate_existing=True))  # it may have been read before it was locked
    if joining is None or joining.ended_at is None or joining.ended_at < now - DONE_WITHIN or not joining.code_hash:
        return None
    contact = s.get(Contact, joining.contact_id)
    resident = s.get(Subscriber, contact.subscriber_id) if contact is not None else None
    if resident is None or contact is None or joining.code_tries >= one_time_codes.TRIES:
        return None
    if not one_time_codes.is_right(joining.code_hash, whose(joining.id), code):
        joining.code_tries += 1
        raise Refused(_("This is not the code that was sent."), hint=_("Enter the six digits of the newest message."))
    return Joined(resident.id, contact.id, is_new=resident.created_at == joining.ended_at)
