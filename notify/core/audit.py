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
    """Record an act in the transaction that performs it. Never put a resident's address into `detail`.

    An act of the command line also records the account that ran it, whatever operator it acted as.
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
