"""The audit: who did what, when. Rows are added and never changed."""

from datetime import datetime
from typing import Any

from sqlalchemy import insert
from sqlalchemy.orm import Session

from notify.core.actor import on_command_line
from notify.models import Audit, Operator


def note(
    s: Session,
    *,
    now: datetime,
    by: Operator | None,
    action: str,
    subject: str,
    subject_id: int,
    **detail: Any,
) -> None:
    """Add a row to the audit, in the same transaction as what it tells of. Never with a resident's address in it.

    What was done by a command names the account that ran it, whoever it was done as.
    """
    if account := on_command_line.get():
        detail["command_line"] = account
    s.execute(
        insert(Audit).values(
            at=now,
            operator_id=by.id if by else None,
            action=action,
            subject=subject,
            subject_id=subject_id,
            detail=detail,
        )
    )
