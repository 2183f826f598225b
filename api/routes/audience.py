"""`/api/v1/audience`: how many an area reaches, while it is being drawn."""

from datetime import UTC, datetime
from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from api.auth import Reader
from api.openapi import problems
from api.routes.alert_bodies import Channel
from api.routes.area_bodies import Confirmations, Parts
from api.seats import area_seat
from notify import where
from notify.db import transaction
from notify.models import Topic
from notify.pipeline import explanation
from notify.pipeline.headcount import headcount
from notify.where import Where
from zones.geometry import to_geojson
from zones.membership import Membership

router = APIRouter(prefix="/api/v1/audience", tags=["alerts"])


class Question(BaseModel):
    """All of `include` together, less all of `exclude`."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {"include": [{"circle": {"lon": -70.55, "lat": 37.95, "radius_m": 500}}], "topic": "storm"}
        },
    )

    include: Parts = Field(min_length=1, max_length=1000)
    exclude: Parts = Field(default=[], max_length=1000)
    confirmed: Confirmations = Field(default=[], description="Doubts about a drawn area that you answer with yes.")
    topic: Topic
    channels: list[Channel] = ["sms", "email", "social"]
    with_area: bool = Field(False, description="Answer with the area itself, too.")


class Count(BaseModel):
    """Whom a launch at this moment would reach, exactly."""

    residents: int = Field(description="With a place in the area.")
    total: int = Field(description="Contacts in the area, those left out included.")
    by_channel: dict[str, int] = Field(description="To be written to.")
    languages: dict[str, dict[str, int]] = Field(description="The same, by channel and language.")
    skipped: dict[str, int] = Field(description="Left out, by reason.")
    area_m2: float
    warnings: list[str] = Field(description="Sentences to read before.")
    area: dict[str, Any] | None = Field(None, description="GeoJSON: Polygon or MultiPolygon.")


@router.post("", summary="How many an area reaches", responses=problems(404, 409, 422, 429, 503))
def count_audience(asked: Question, caller: Reader) -> Count:
    """Nothing is kept of it. 409 means that a drawn area is outside the city or covers all of it: confirm that."""
    parts, without = ([one.as_part() for one in several] for several in (asked.include, asked.exclude))
    with area_seat(caller.key_id):
        with transaction() as s:
            gathered = where.gather(s, Where(parts, without, asked.confirmed))
        found = where.make(gathered)
    counted = headcount().count(Membership(found.shape), asked.topic.value, asked.channels, datetime.now(UTC))
    with transaction() as s:
        warned = explanation.warnings(s, counted.total, caller.operator.id if caller.operator else None)
    return Count(
        residents=counted.residents,
        total=counted.total,
        by_channel=counted.by_channel,
        languages=counted.languages,
        skipped=counted.skipped,
        area_m2=found.area_m2,
        warnings=warned,
        area=to_geojson(found.shape) if asked.with_area else None,
    )
