"""`/api/v1/lint`: check the words of an alert, or any words, before they are approved."""

from datetime import datetime
from typing import Literal, Self

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field, model_validator

from api.auth import Reader
from api.openapi import problems
from api.rest.alert_bodies import AlertOut, Description, Phase
from notify.alerts.reporting import reports
from notify.alerts.words import linting
from notify.channels.channel import CHANNELS, ChannelName
from notify.content.linter import Message
from notify.core.db import transaction
from notify.core.settings import settings

router = APIRouter(prefix="/api/v1/lint", tags=["alerts"])

LONGEST = 20_000  # characters of a text


class MessageIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    channel: ChannelName
    language: str = Field("en", pattern="^[a-z]{2,3}$")
    subject: str = Field("", max_length=1000)
    text: str = Field(max_length=LONGEST)


class ToCheck(BaseModel):
    """Give `alert`, or `messages` and what they are about."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {
                "messages": [
                    {
                        "channel": next(iter(CHANNELS)),
                        "text": "City of Tocsin: Tornado danger in Riverside. Go inside now.",
                    }
                ],
                "lane": "emergency",
                "area_description": "Riverside",
            }
        },
    )

    alert: int | None = Field(None, ge=1, lt=2**63)
    messages: list[MessageIn] = Field(default=[], max_length=20)
    lane: Literal["emergency", "routine"] = "emergency"
    status: Literal["Actual", "Exercise", "Test"] = "Actual"
    phase: Phase = "issue"
    area_description: Description | dict[str, Description] = Field(
        "", description="The name that must be in the text; by default any place is accepted."
    )

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        if (self.alert is None) == (not self.messages):
            raise ValueError("give either `alert` or `messages`")
        return self


class FindingOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    key: str = Field(description="SHA-256 of the rule and the text, in hexadecimal.")
    rule: str
    level: Literal["error", "warning"] = Field(
        description="An alert with an error cannot be approved; only `stale-translation` can be acknowledged."
    )
    channel: str
    language: str
    found: str = Field(description="The words that it is about; empty when something is missing.")
    wrong: str
    instead: str = Field(description="What to write instead.")
    blank: str | None = Field(
        None, description="The blank that the words come from, or that their translation is missing in: `shelter.es`."
    )
    acknowledged_by: str | None = Field(None, description="The operator who read it and let it stand.")
    acknowledged_at: datetime | None = None
    wording: int = Field(0, description="Of which of the alert's wordings; 0: the general one.")


class SimilarOut(BaseModel):
    """An alert of another incident, about the same event in an overlapping area."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    incident: int = Field(description="An update with this `incident` goes to those who got that alert.")
    state: str
    phase: str
    area_description: str
    created_at: datetime
    launched_at: datetime | None
    expires_at: datetime


class AlertWithFindings(AlertOut):
    """The progress of an alert, what the check of its words has found, and alerts that it may repeat."""

    similar: list[SimilarOut] = Field(description="Of the last 12 hours; empty after the launch, and for an exercise.")
    findings: list[FindingOut] = Field(description="Errors first; with an error it cannot be approved.")


class Findings(BaseModel):
    errors: int
    warnings: int
    findings: list[FindingOut] = Field(description="Errors first.")

    @classmethod
    def of(cls, checked: list[linting.Checked]) -> Self:
        errors = sum(one.level == "error" for one in checked)
        found = [FindingOut.model_validate(one) for one in checked]
        return cls(errors=errors, warnings=len(checked) - errors, findings=found)


@router.post("", summary="Check the words of an alert", responses=problems(404, 422))
def check_words(wanted: ToCheck, caller: Reader) -> Findings:
    """Finds what is missing, hard to understand or costly, and says what to write instead. Nothing is stored."""
    if wanted.alert is not None:
        with transaction() as s:
            return Findings.of(linting.findings(s, reports.find_alert(s, wanted.alert), settings()))
    messages = [Message(one.channel, one.language, one.subject, one.text) for one in wanted.messages]
    linting.require_messages(messages)
    about = linting.about_words(
        settings(),
        emergency=wanted.lane == "emergency",
        status=wanted.status,
        phase=wanted.phase,
        area=wanted.area_description,
    )
    return Findings.of(linting.check(messages, about))
