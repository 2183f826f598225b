"""`/api/v1/senders`: the identities that messages are sent from."""

from datetime import UTC, datetime
from typing import Annotated, Literal

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from api.auth import Reader
from api.ids import Id
from api.openapi import problems
from notify.core.db import transaction
from notify.delivery import senders
from notify.operations import tasks

router = APIRouter(prefix="/api/v1/senders", tags=["senders"])

Rate = Annotated[
    float,
    Field(
        ge=senders.LOWEST_RATE, le=senders.HIGHEST_RATE, description="SMS segments, email recipients or posts a second."
    ),
]
Cap = Annotated[int, Field(ge=0, lt=2**31, description="Messages a day; 0: no cap.")]


class BreakerOut(BaseModel):
    """Every request to the provider fails, so sending rests for a while and is then tried with one message."""

    model_config = ConfigDict(from_attributes=True)

    since: datetime
    why: str = Field(description="The provider's code.")
    next_trial_at: datetime


class SenderOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: int
    channel: str
    provider: str
    address: str = Field(description="The city's own number, From address or account.")
    rate_per_s: float
    daily_cap: int | None
    status: Literal["open", "stopped"]
    note: str = Field(description="Why it is stopped.")
    breaker: BreakerOut | None = Field(None, description="Its circuit breaker, while it is open.")


class Senders(BaseModel):
    senders: list[SenderOut]


class NewSender(BaseModel):
    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"example": {"provider": "twilio", "address": "+15555550100", "rate_per_s": 100}},
    )

    provider: str
    address: str = Field(min_length=1, max_length=320)
    rate_per_s: Rate
    daily_cap: Cap | None = None


class SenderChange(BaseModel):
    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"status": "stopped"}})

    rate_per_s: Rate | None = None
    daily_cap: Cap | None = None
    status: Literal["open", "stopped"] | None = None


@router.get("", summary="All senders", responses=problems())
def list_senders(caller: Reader) -> Senders:
    with transaction() as s:
        found = [SenderOut.model_validate(one) for one in senders.all_senders(s)]
    for sender_id, broken in tasks.breaks([one.id for one in found]).items():
        next(one for one in found if one.id == sender_id).breaker = BreakerOut.model_validate(broken)
    return Senders(senders=found)


@router.post("", summary="Add a sender", status_code=201, responses=problems(403, 422))
def add_sender(wanted: NewSender, caller: Reader) -> SenderOut:
    """Needs the role admin. The sender is used within a second."""
    with transaction() as s:
        added = senders.add(
            s,
            wanted.provider,
            wanted.address.strip(),
            wanted.rate_per_s,
            datetime.now(UTC),
            daily_cap=wanted.daily_cap or None,
            by=caller.acting,
        )
        return SenderOut.model_validate(added)


@router.patch("/{sender_id}", summary="Change, stop or open a sender", responses=problems(403, 404, 422))
def change_sender(sender_id: Id, wanted: SenderChange, caller: Reader) -> SenderOut:
    """Needs the role admin. It takes effect within a second, also for an alert that is being sent."""
    with transaction() as s:
        changed = senders.change(
            s,
            sender_id,
            datetime.now(UTC),
            rate_per_s=wanted.rate_per_s,
            daily_cap=wanted.daily_cap,
            status=wanted.status,
            by=caller.acting,
        )
        return SenderOut.model_validate(changed)
