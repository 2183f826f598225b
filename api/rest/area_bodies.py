"""The bodies of areas over REST: parts to unite, and parts to exclude."""

from typing import Any, Literal, Self

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, model_validator

from notify.city import area as city_area
from notify.city.parts import STREET_M, Along, Around, Circle, Drawn, InZone, Part, Segments

# An alert has `parts` and `without`, a count of an audience `include` and `exclude`; both accept either name.
PARTS, WITHOUT = AliasChoices("parts", "include"), AliasChoices("without", "exclude")
INCLUDE, EXCLUDE = AliasChoices("include", "parts"), AliasChoices("exclude", "without")
METRES = Field(gt=0, le=100_000)


class CircleIn(BaseModel):
    """A circle around a point, or around an address, a crossing or a landmark that is found with certainty."""

    model_config = ConfigDict(extra="forbid")

    lon: float | None = Field(None, ge=-180, le=180)
    lat: float | None = Field(None, ge=-90, le=90)
    address: str | None = Field(None, max_length=200)
    radius_m: float = METRES

    @model_validator(mode="after")
    def _one_middle(self) -> Self:
        if (self.lon is None) != (self.lat is None) or (self.lon is None) == (self.address is None):
            raise ValueError("Give lon and lat, or an address.")
        return self

    def as_part(self) -> Circle | Around:
        if self.lon is None or self.lat is None:
            return Around(self.address or "", self.radius_m)
        return Circle(self.lon, self.lat, self.radius_m)


class CorridorIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    line: dict[str, Any] = Field(description="GeoJSON: LineString, MultiLineString, Feature or FeatureCollection.")
    reach_m: float = METRES


class StreetIn(BaseModel):
    """A street or part of it, by name or by the city's id of a segment."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field("", max_length=100)
    external_id: str = Field("", max_length=100)
    first: int | None = Field(None, ge=0, lt=2**31, description="The first house number.")
    last: int | None = Field(None, ge=0, lt=2**31, description="The last house number.")
    side: Literal["left", "right", "even", "odd", "both"] = "both"
    reach_m: float = Field(STREET_M, gt=0, le=1_000, description="From the middle of the road.")


class PartIn(BaseModel):
    """A part of an area: exactly one of these."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"circle": {"lon": -70.55, "lat": 37.95, "radius_m": 500}}}
    )

    zone: str | None = Field(None, max_length=200, description="Its name, or kind:name.")
    area: dict[str, Any] | None = Field(
        None, description="GeoJSON: Polygon, MultiPolygon, Feature or FeatureCollection."
    )
    circle: CircleIn | None = None
    corridor: CorridorIn | None = Field(None, description="Everything near a line.")
    street: StreetIn | None = None

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        if len(self.model_dump(exclude_none=True)) != 1:
            raise ValueError("Give one of zone, area, circle, corridor and street.")
        return self

    def as_part(self) -> Part:
        if self.circle is not None:
            return self.circle.as_part()
        if self.corridor is not None:
            return Along(**dict(self.corridor))
        if self.street is not None:
            return Segments(**dict(self.street))
        return InZone(self.zone) if self.zone is not None else Drawn(self.area or {})


Parts = list[PartIn]
Confirmations = list[city_area.Confirmation]
