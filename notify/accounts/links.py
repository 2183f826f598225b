"""Links that work once: to join (choose a password and set up the app), or to enter the training city.

Of a link only the hash of its secret is stored.
"""

import secrets
from datetime import datetime, timedelta

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from notify.core import audit, crypto
from notify.core.errors import Invalid
from notify.core.settings import settings
from notify.core.translation import gettext as _
from notify.models import Operator, SignInLink
from notify.models.session import Purpose

LIFE: dict[Purpose, timedelta] = {
    "join": timedelta(days=3),  # made on a Friday, it still works on Monday morning
    "training": timedelta(minutes=15),
}
FORGOTTEN_AFTER = timedelta(days=30)
PATHS: dict[Purpose, str] = {"join": "/console/join", "training": "/console/enter"}
HINTS: dict[Purpose, str] = {
    "join": "Ask an administrator for a new link; `tocsin operators invite EMAIL` prints one.",
    "training": "`tocsin where` prints a new link.",
}


def make(
    s: Session, operator: Operator, purpose: Purpose, now: datetime, by: Operator | None = None, *, mailed: bool = False
) -> str:
    """Make a link and return its path. A new link to join ends the one before it.

    The audit records links to join that somebody is shown. One that is `mailed` belongs to the act that asked for it.
    """
    token = secrets.token_urlsafe(32)
    if purpose == "join":
        end_all(s, operator.id, now)
    link = SignInLink(
        token_hash=crypto.hash_key(token),
        operator_id=operator.id,
        purpose=purpose,
        made_at=now,
        ends_at=now + LIFE[purpose],
    )
    s.add(link)
    s.flush()
    if purpose == "join" and not mailed:
        audit.note(s, now=now, by=by, action="link", subject="operator", subject_id=operator.id)
    return f"{PATHS[purpose]}?link={token}"


def address(path: str) -> str:
    """The whole link."""
    return settings().public_url + path


def find(s: Session, token: str, purpose: Purpose, now: datetime) -> Operator:
    """The operator of a link, without using the link up. Raises Invalid when it is unknown, used or too old."""
    row = s.execute(
        select(SignInLink, Operator)
        .join(Operator, Operator.id == SignInLink.operator_id)
        .where(SignInLink.token_hash == crypto.hash_key(token), SignInLink.purpose == purpose)
    ).first()
    if row is None:
        raise Invalid(_("This link is not complete."), hint=_("Copy the whole link and try again."))
    link, operator = row
    if link.used_at is not None:
        raise Invalid(_("This link has already been used, or a newer one has replaced it."), hint=HINTS[purpose])
    if link.ends_at <= now or operator.disabled_at is not None:
        raise Invalid(_("This link is too old."), hint=HINTS[purpose])
    return operator


def use(s: Session, token: str, purpose: Purpose, now: datetime) -> None:
    """Use a link up, which only one caller can. Raises Invalid. The operator's row must be locked before."""
    used = s.execute(
        text("""UPDATE sign_in_links SET used_at = :now
                 WHERE token_hash = :token AND purpose = :purpose AND used_at IS NULL AND ends_at > :now
             RETURNING id"""),
        {"now": now, "token": crypto.hash_key(token), "purpose": purpose},
    )
    if used.first() is None:
        raise Invalid(_("This link has already been used, or a newer one has replaced it."), hint=HINTS[purpose])


def end_all(s: Session, operator_id: int, now: datetime) -> None:
    """End every unused link of an operator."""
    s.execute(
        text("UPDATE sign_in_links SET used_at = :now WHERE operator_id = :operator AND used_at IS NULL"),
        {"now": now, "operator": operator_id},
    )


def forget_old(s: Session, now: datetime) -> None:
    s.execute(text("DELETE FROM sign_in_links WHERE ends_at < :old"), {"old": now - FORGOTTEN_AFTER})
