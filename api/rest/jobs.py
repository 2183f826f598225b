"""`/api/v1/jobs`: the timed jobs, for operators."""

from datetime import datetime

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from api.auth import Reader
from api.openapi import problems
from notify.core.db import transaction
from notify.operations import job_status

router = APIRouter(prefix="/api/v1/jobs", tags=["jobs"])


class JobOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    name: str = Field(examples=["launch"])
    does: str
    when: str = Field(examples=["every 1 s", "daily at 03:30"])
    last_run_at: datetime | None = Field(description="Null until it has run. Written every ten seconds.")
    seconds: float | None = Field(description="How long that run took.")
    outcome: str | None = Field(description="ok or failed.", examples=["ok"])
    error: str
    succeeded_at: datetime | None
    failing_since: datetime | None
    next_run_at: datetime | None
    late: bool = Field(description="It should have succeeded by now, and there is an alarm.")


class Jobs(BaseModel):
    jobs: list[JobOut]


@router.get("", summary="Timed jobs", responses=problems())
def list_jobs(caller: Reader) -> Jobs:
    """What each job does, how its last run went, and when it runs next. Without a scheduler, these times are past."""
    with transaction() as s:
        return Jobs(jobs=[JobOut.model_validate(one) for one in job_status.statuses(s)])
