"""`/api/v1/alarms`: problems that operators must look at."""

from datetime import UTC, datetime

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from api.auth import Reader
from api.ids import Id
from api.openapi import problems
from notify.accounts import resolving
from notify.core import alarms
from notify.core.db import transaction

router = APIRouter(prefix="/api/v1/alarms", tags=["alarms"])


class AlarmOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: int
    kind: str = Field(examples=["sender-stopped"])
    sender_id: int | None = Field(description="The sender that it is about.")
    alert_id: int | None = Field(description="The alert that it is about.")
    message: str
    since: datetime
    last_seen: datetime
    count: int = Field(description="How often it was seen.")
    resolved_at: datetime | None


class Alarms(BaseModel):
    alarms: list[AlarmOut]


@router.get("", summary="Unresolved alarms", responses=problems(422))
def list_alarms(caller: Reader, all: bool = False) -> Alarms:  # noqa: A002  the name of the query parameter
    """Oldest first. With `all`, resolved ones too: newest first, 200 at most."""
    with transaction() as s:
        found = alarms.recent(s) if all else alarms.ringing(s)
        return Alarms(alarms=[AlarmOut.model_validate(one) for one in found])


@router.post("/{alarm_id}/resolve", summary="Resolve an alarm", responses=problems(403, 404, 409, 422))
def resolve_alarm(alarm_id: Id, caller: Reader) -> AlarmOut:
    """Needs the role author, approver or admin. If the problem occurs again, the alarm is raised again."""
    with transaction() as s:
        return AlarmOut.model_validate(resolving.resolve(s, alarm_id, datetime.now(UTC), caller.acting))
