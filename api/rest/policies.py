"""`/api/v1/policies`: decisions not to use a channel."""

from datetime import UTC, date, datetime

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from api.auth import Reader
from api.ids import Id
from api.openapi import problems
from notify.alerts.readiness import channel_policies
from notify.alerts.readiness.channel_policies import Wanted
from notify.channels.channel import CHANNELS, ChannelName
from notify.core.db import transaction
from notify.models import Topic

router = APIRouter(prefix="/api/v1/policies", tags=["policies"])


class NewPolicy(BaseModel):
    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {
                "channel": next(iter(CHANNELS)),
                "topic": "collection",
                "owner": "City Communications",
                "reason": "Collection changes go by post card.",
                "review_on": "2099-06-30",
            }
        },
    )

    channel: ChannelName
    topic: Topic | None = Field(None, description="Null: for every topic.")
    owner: str = Field(max_length=2000, description="Who has decided it and answers for it; 100 characters at most.")
    reason: str = Field(max_length=2000, description="500 characters at most.")
    review_on: date = Field(description="When the decision is looked at again: a day to come.")


class PolicyOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: int
    channel: str
    topic: str | None = Field(description="Null: for every topic.")
    owner: str
    reason: str
    review_on: date
    made_at: datetime


class Policies(BaseModel):
    policies: list[PolicyOut]


@router.get("", summary="Channel policies", responses=problems())
def list_policies(caller: Reader) -> Policies:
    """Those that stand. New alerts that name no channels leave these out; an alert that names one may still use it."""
    with transaction() as s:
        return Policies(policies=[PolicyOut.model_validate(one) for one in channel_policies.standing(s)])


@router.post("", summary="Make a channel policy", status_code=201, responses=problems(403, 409, 422))
def add_policy(wanted: NewPolicy, caller: Reader) -> PolicyOut:
    """Needs the role admin. There is at most one for a channel and topic."""
    topic = wanted.topic.value if wanted.topic else ""
    asked = Wanted(wanted.channel, topic, wanted.owner, wanted.reason, wanted.review_on.isoformat())
    with transaction() as s:
        return PolicyOut.model_validate(channel_policies.add(s, asked, caller.acting, datetime.now(UTC)))


@router.post("/{policy_id}/end", summary="End a channel policy", responses=problems(403, 404, 422))
def end_policy(policy_id: Id, caller: Reader) -> Policies:
    """Needs the role admin. Returns the policies that still stand."""
    with transaction() as s:
        channel_policies.end(s, policy_id, caller.acting, datetime.now(UTC))
        return Policies(policies=[PolicyOut.model_validate(one) for one in channel_policies.standing(s)])
