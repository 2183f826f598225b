"""Make the code that proves whose a phone or email is, at the moment in which it is sent to somebody who joins."""

from datetime import datetime

from sqlalchemy import update
from sqlalchemy.orm import Session

from notify.core import one_time_codes
from notify.models import Joining


def new_code(s: Session, joining_id: int, _channel: str, now: datetime) -> str | None:
    """Return a new code, in place of the one before. None if the joining has ended."""
    code = one_time_codes.new()
    made = s.execute(
        update(Joining)
        .where(Joining.id == joining_id, Joining.ended_at.is_(None))
        .values(
            code_hash=one_time_codes.hashed(whose(joining_id), code),
            code_ends_at=now + one_time_codes.LIVES,
            code_tries=0,
        )
        .returning(Joining.id)
    )
    return code if made.first() else None


def whose(joining_id: int) -> str:
    return f"joining.{joining_id}"
