"""`/api/v1/roster`: who is on duty."""

from datetime import UTC, datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from api.auth import Reader
from api.openapi import problems
from notify.accounts import roster
from notify.accounts.roster import Shift
from notify.core.db import transaction

router = APIRouter(prefix="/api/v1/roster", tags=["roster"])


class ShiftOut(BaseModel):
    id: int
    operator: str = Field(description="Who is on duty.", examples=["ann@example.org"])
    deputy: str = Field(examples=["ben@example.org"])
    starts_at: datetime
    ends_at: datetime
    note: str = Field(description="What the predecessor left to know.")


class RosterOut(BaseModel):
    on_duty: ShiftOut | None
    shifts: list[ShiftOut] = Field(description="The present shift and later ones, the earliest first.")


@router.get("", summary="The duty roster", responses=problems(422))
def read_roster(caller: Reader, days: Annotated[int, Query(ge=1, le=31)] = 7) -> RosterOut:
    """Who is on duty now, and the shifts of the next days."""
    now = datetime.now(UTC)
    with transaction() as s:
        present = roster.at(s, now).now
        shifts = roster.between(s, now, now + timedelta(days=days))
    return RosterOut(on_duty=_out(present) if present else None, shifts=[_out(one) for one in shifts])


def _out(shift: Shift) -> ShiftOut:
    duty = shift.duty
    return ShiftOut(
        id=duty.id,
        operator=shift.operator.email,
        deputy=shift.deputy.email,
        starts_at=duty.starts_at,
        ends_at=duty.ends_at,
        note=duty.note,
    )
