"""Sessions at the console. A key or a ticket starts one; signing out, time, or revoking the key ends it."""

import secrets
from datetime import datetime, timedelta

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from notify.accounts import operators
from notify.core import audit, crypto
from notify.core.errors import Invalid
from notify.models import ApiKey, SignIn

LIFE = timedelta(hours=12)
FORGOTTEN_AFTER = timedelta(days=7)  # far longer than a ticket is valid: a used one must be remembered


def begin(s: Session, key: ApiKey, now: datetime, ticket: str = "") -> str:
    """Start a session with this key and return its token. Raises Invalid for a ticket that was used before."""
    token = secrets.token_urlsafe(32)
    values = {
        "token": crypto.hash_key(token),
        "key": key.id,
        "ticket": _ticket_hash(ticket) if ticket else None,
        "now": now,
        "ends": now + LIFE,
    }
    begun = s.scalar(
        text("""INSERT INTO sessions (token_hash, key_id, ticket_hash, began_at, ends_at)
                VALUES (:token, :key, :ticket, :now, :ends) ON CONFLICT (ticket_hash) DO NOTHING RETURNING id"""),
        values,
    )
    if begun is None:
        raise _used()
    by = operators.of_key(s, key)
    audit.note(s, now=now, by=by, action="sign-in", subject="session", subject_id=begun, key=key.name)
    return token


def enter(s: Session, ticket: str, now: datetime) -> str:
    """Start a session with a ticket (`operators.ticket`), which works once. Raises Invalid."""
    return begin(s, operators.of_ticket(s, ticket, now), now, ticket)


def check_ticket(s: Session, ticket: str, now: datetime) -> ApiKey:
    """The key of a ticket, without using the ticket up. Raises Invalid."""
    key = operators.of_ticket(s, ticket, now)
    if s.scalar(select(SignIn.id).where(SignIn.ticket_hash == _ticket_hash(ticket))) is not None:
        raise _used()
    return key


def find(s: Session, token: str, now: datetime) -> ApiKey | None:
    """The key of a session, unless the session has ended or the key is revoked."""
    key_id = s.scalar(
        select(SignIn.key_id).where(
            SignIn.token_hash == crypto.hash_key(token), SignIn.ended_at.is_(None), SignIn.ends_at > now
        )
    )
    return None if key_id is None else operators.living_key(s, key_id)


def end(s: Session, token: str, now: datetime) -> None:
    """Sign out. The token is invalid from now on, wherever it was copied to."""
    s.execute(
        text("UPDATE sessions SET ended_at = :now WHERE token_hash = :token AND ended_at IS NULL"),
        {"now": now, "token": crypto.hash_key(token)},
    )


def end_all(s: Session, operator_id: int, now: datetime) -> int:
    """End every session of an operator. Returns their number."""
    ended = s.execute(
        text("""UPDATE sessions SET ended_at = :now FROM api_keys k
                 WHERE k.id = sessions.key_id AND k.operator_id = :operator
                   AND sessions.ended_at IS NULL AND sessions.ends_at > :now RETURNING sessions.id"""),
        {"now": now, "operator": operator_id},
    )
    return len(ended.all())


def forget_old(s: Session, now: datetime) -> None:
    """Delete sessions that ended long ago, and with them the record of their tickets."""
    s.execute(text("DELETE FROM sessions WHERE ends_at < :old"), {"old": now - FORGOTTEN_AFTER})


def _ticket_hash(ticket: str) -> bytes:
    """The hash of a ticket's content: several Base64 spellings stand for the same ticket."""
    return crypto.hash_key(crypto.read_token("ticket", ticket))


def _used() -> Invalid:
    return Invalid("This sign-in link has already been used.", hint=operators.ANOTHER_LINK)
