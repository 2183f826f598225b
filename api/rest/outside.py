"""`/api/v1/outside-warnings`: what other agencies say now."""

from datetime import UTC, datetime
from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from api.auth import Reader
from api.openapi import problems
from notify.core.db import transaction
from notify.outside import feeds, warnings
from notify.outside.warnings import Warned
from zones.geometry import to_geojson

router = APIRouter(prefix="/api/v1/outside-warnings", tags=["outside warnings"])


class OutsideWords(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    language: str = Field(examples=["en-US"])
    event: str = Field(examples=["Flood Warning"])
    headline: str
    description: str
    instruction: str


class OutsideWarningOut(BaseModel):
    id: int
    agency: str = Field(description="The name of its feed in the settings.", examples=["National Weather Service"])
    agencies: list[str] = Field(description="Those of all feeds that carry the same message.")
    sender: str
    identifier: str = Field(description="The agency's own, as in CAP.")
    sent_at: datetime
    severity: str
    urgency: str
    certainty: str
    ends_at: datetime | None = Field(description="null: the agency gives no end. It is then shown for 24 hours.")
    place: str = Field(description="In the agency's words.")
    zones: list[str] = Field(description="The city's zones that it meets; none when its area is not known.")
    area: dict[str, Any] | None = Field(description="GeoJSON geometry; null when only codes of places are given.")
    words: list[OutsideWords] = Field(description="One for each language, the agency's own first.")


class OutsideFeedOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    agency: str
    address: str
    read_at: datetime | None = Field(description="When it last answered.")
    failures: int = Field(description="In a row; 0 when it answers.")
    error: str
    unreadable: list[str] = Field(description="Messages of it that cannot be read, and why.")


class OutsideWarnings(BaseModel):
    warnings: list[OutsideWarningOut]
    left_out: int = Field(description="How many are in force besides these, of which there are at most 200.")
    feeds: list[OutsideFeedOut]


@router.get("", summary="What other agencies say now", responses=problems())
def list_outside_warnings(caller: Reader) -> OutsideWarnings:
    """Warnings in force that concern the city, the gravest first, and how the feeds do. The text is the agencies'."""
    with transaction() as s:
        found = warnings.in_force(s, datetime.now(UTC))
        return OutsideWarnings(
            warnings=[_out(one) for one in found.warnings],
            left_out=found.left_out,
            feeds=[OutsideFeedOut.model_validate(one) for one in feeds.states(s)],
        )


def _out(one: Warned) -> OutsideWarningOut:
    return OutsideWarningOut(
        id=one.id,
        agency=one.agencies[0],
        agencies=list(one.agencies),
        sender=one.sender,
        identifier=one.identifier,
        sent_at=one.sent_at,
        severity=one.severity,
        urgency=one.urgency,
        certainty=one.certainty,
        ends_at=one.ends_at if one.end_given else None,
        place=one.place,
        zones=list(one.zones),
        area=to_geojson(one.shape) if one.shape is not None else None,
        words=[OutsideWords.model_validate(words) for words in one.words],
    )
