"""`/api/v1/audience`: count the residents in an area while it is being drawn."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from api.auth import Reader
from api.openapi import problems
from api.rest.area_bodies import EXCLUDE, INCLUDE, Confirmations, Parts
from api.rest.tallies import Tally, by_language, exactly, many_told, parts_told, sum_told, told
from api.seats import area_seat
from notify.accounts import operators
from notify.alerts.approving import explanation
from notify.audience.everywhere import InCity
from notify.audience.live_count import live_count
from notify.channels.channel import CHANNELS, ChannelName
from notify.city import area as city_area
from notify.city.area import Where
from notify.city.whole import is_whole
from notify.core.db import transaction
from notify.models import Topic
from zones.geometry import to_geojson

router = APIRouter(prefix="/api/v1/audience", tags=["alerts"])


class Question(BaseModel):
    """The union of `include`, minus `exclude`; the names `parts` and `without`, as in alerts, are accepted too."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {"include": [{"circle": {"lon": -70.55, "lat": 37.95, "radius_m": 500}}], "topic": "storm"}
        },
    )

    include: Parts = Field(min_length=1, max_length=1000, validation_alias=INCLUDE)
    exclude: Parts = Field(default=[], max_length=1000, validation_alias=EXCLUDE)
    confirmed: Confirmations = Field(default=[], description="Doubts about a drawn area that you confirm.")
    topic: Topic
    channels: list[ChannelName] = Field(
        default_factory=lambda: list(CHANNELS), json_schema_extra=lambda schema: schema.update(default=list(CHANNELS))
    )
    with_area: bool = Field(False, description="Return the area itself too.")


class Count(BaseModel):
    """Whom a launch now would reach: exact numbers, except that small ones, which could reveal homes, are not given.
    What would reveal them is in tens: the total, whom it leaves out, and languages of which one has so few."""

    residents: Tally = Field(description="With a place in the area; of the whole city, those without a place, too.")
    total: Tally = Field(description="Contacts in the area, including those left out.")
    by_channel: dict[str, Tally] = Field(description="Contacts that would get a message.")
    languages: dict[str, dict[str, int]] = Field(description="The same by language; small numbers are left out.")
    skipped: dict[str, int] = Field(description="Contacts left out, by reason; small numbers are left out.")
    no_contact: Tally = Field(description="Residents in the area without a contact on these channels.")
    nothing: dict[str, int] = Field(
        description="Other residents who would get nothing, because all their contacts are left out: by the first "
        "reason; small numbers are left out."
    )
    area_m2: float
    warnings: list[str] = Field(description="Sentences to read before the launch.")
    area: dict[str, Any] | None = Field(None, description="GeoJSON: Polygon or MultiPolygon.")


@router.post("", summary="Count the audience of an area", responses=problems(403, 404, 409, 422, 429, 503))
def count_audience(asked: Question, caller: Reader) -> Count:
    """Needs the role author, approver or admin. The audit log records who asked and for which area.

    409: a drawn area is outside the city or covers all of it, which must be confirmed.
    """
    by = caller.acting
    operators.require(by, "count")
    parts, without = ([one.as_part() for one in several] for several in (asked.include, asked.exclude))
    with area_seat(caller.program):
        live_count().prepare(asked.topic.value)
        with transaction() as s:
            gathered = city_area.gather(s, Where(parts, without, asked.confirmed))
        found = city_area.make(gathered)
        with transaction() as s:
            whole = is_whole(s, found.shape)
    counted = live_count().count(InCity(found.shape, whole=whole), asked.topic.value, asked.channels, datetime.now(UTC))
    with transaction() as s:
        warned = explanation.warnings(s, counted.total, by.id)
        explanation.note_count(
            s, found.shape, exactly(counted.residents), datetime.now(UTC), by=by, key_id=caller.program
        )
    return Count(
        residents=exactly(counted.residents),
        total=told(counted.total),
        by_channel={name: sum_told(by_language(counted, name)) for name in asked.channels},
        languages={name: _named(parts_told(by_language(counted, name))) for name in asked.channels},
        skipped=many_told(counted.skipped),
        no_contact=told(counted.no_contact),
        nothing=many_told(counted.nothing),
        area_m2=found.area_m2,
        warnings=warned,
        area=to_geojson(found.shape) if asked.with_area else None,
    )


def _named(found: Mapping[str, Tally]) -> dict[str, int]:
    """The languages with at least ten. That a smaller one is named at all would reveal that it is not 0."""
    return {name: number for name, number in found.items() if isinstance(number, int)}
