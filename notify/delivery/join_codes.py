"""Make the code that proves whose a phone or email is, and the link that may be pressed instead, at the moment in which
they are sent to somebody who joins."""

import secrets
from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import update
from sqlalchemy.orm import Session

from notify.core import crypto, one_time_codes
from notify.core.settings import settings
from notify.models import Joining

CODE, LINK = "{code}", "{link}"  # their places in the words until they are sent
LINK_BYTES, LINK_LETTERS = 12, 16


def new_code(s: Session, joining_id: int, channel: str, now: datetime) -> str | None:
    """Return a new code, in place of the one before. None if the joining has ended."""
    made = new_secrets(s, joining_id, channel, now)
    return made[CODE] if made else None


def new_secrets(s: Session, joining_id: int, _channel: str, now: datetime) -> Mapping[str, str] | None:
    """Return a new code and link, by their places in the words; those before end. None if the joining has ended."""
    code, link = one_time_codes.new(), secrets.token_urlsafe(LINK_BYTES)
    made = s.execute(
        update(Joining)
        .where(Joining.id == joining_id, Joining.ended_at.is_(None))
        .values(
            code_hash=one_time_codes.hashed(whose(joining_id), code),
            link_hash=crypto.hash_key(link),
            code_ends_at=now + one_time_codes.LIVES,
            code_tries=0,
        )
        .returning(Joining.id)
    )
    return {CODE: code, LINK: f"{settings().public_url}/j/{link}"} if made.first() else None


def whose(joining_id: int) -> str:
    return f"joining.{joining_id}"
