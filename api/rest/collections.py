"""`/api/v1/collections`: on which days waste is collected, as published. Addresses are sent in bodies, so that they
appear in no URL and no log."""

from datetime import UTC, datetime, time
from datetime import date as Date  # noqa: N812  a field is called date
from typing import Self

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field, model_validator
from sqlalchemy.orm import Session

from api.auth import Reader
from api.ids import Id
from api.openapi import problems
from api.rest.addresses import MatchOut
from notify.city import geocoder
from notify.city import zones as city_zones
from notify.city.geocoder.finding import LONGEST
from notify.core.db import transaction
from notify.core.errors import NotFound
from notify.service311 import calendars
from notify.service311.calendars import Calendar
from notify.service311.rules import Cause, Collection, State

router = APIRouter(prefix="/api/v1/collections", tags=["collections"])

NOT_PUBLISHED = "There are no published collection days."


class Place(BaseModel):
    """Either an address as somebody wrote it, or a point."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"address": "120 Main St"}})

    address: str = Field("", max_length=LONGEST)
    lon: float | None = Field(None, ge=-180, le=180)
    lat: float | None = Field(None, ge=-90, le=90)

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if bool(self.address.strip()) == (self.lon is not None and self.lat is not None):
            raise ValueError("give an address, or lon and lat")
        return self


class CollectionOut(BaseModel):
    """One collection. (zone, stream, nominal) is its identity, however often it moves."""

    zone: str = Field(description="The id of the zone.")
    stream: str
    nominal: Date = Field(description="The date of the schedule, without holidays.")
    date: Date | None = Field(description="The date of the truck; null if none is known.")
    state: State
    cause: Cause = Field(description="Why it is so, as a key.")
    holidays: list[str]
    reason: str = Field(description="What staff wrote who changed this day.")
    next: Date | None = Field(description="Of one that is suspended: the date of the next.")
    set_out_on: Date | None
    set_out_at: time | None = Field(description="On the city's clocks: the time from which, or on the day itself by"
                                                " which it must be out.")  # fmt: skip


class ZoneName(BaseModel):
    id: int
    name: str


class CalendarOut(BaseModel):
    """A published calendar, from a month ago to a year ahead."""

    edition: int
    published_at: datetime
    until: Date | None = Field(description="The last day for which holidays are listed; there are no dates after it.")
    zones: list[ZoneName]
    address: str = Field(description="Of a house with days of its own.")
    unsure: list[str] = Field(description="Streams for which zones of this place contradict each other.")
    collections: list[CollectionOut]


class FoundDays(BaseModel):
    """The calendar of a place, or the places that the address may mean: ask which, and send the point."""

    calendar: CalendarOut | None
    place: MatchOut | None = Field(description="What the address was understood as.")
    matches: list[MatchOut]
    message: str = Field(description="What the person who typed it should do next; empty if nothing.")


@router.get("/zones", summary="Zones that have collection days", responses=problems())
def list_zones(caller: Reader) -> list[ZoneName]:
    with transaction() as s:
        return [ZoneName(id=zone.id, name=zone.name) for zone in calendars.zones_with_days(s)]


@router.get("/zones/{zone_id}", summary="The collection days of a zone", responses=problems(404, 422))
def of_zone(zone_id: Id, caller: Reader) -> CalendarOut:
    with transaction() as s:
        calendar = calendars.of_zone(s, city_zones.of_id(s, zone_id), datetime.now(UTC))
    if calendar is None:
        raise NotFound(NOT_PUBLISHED, hint="`tocsin collections publish` publishes them.")
    return _out(calendar)


@router.post("/find", summary="The collection days of an address", responses=problems(404, 413, 422))
def find(body: Place, caller: Reader) -> FoundDays:
    """An address that is not certain gives no calendar but the places that it may mean: its neighbour may have another
    day."""
    now = datetime.now(UTC)
    with transaction() as s:
        if body.lon is not None and body.lat is not None:
            return FoundDays(calendar=_of_place(s, body.lon, body.lat, now), place=None, matches=[], message="")
        found = geocoder.find(s, body.address)
        matches = [MatchOut.model_validate(match, from_attributes=True) for match in found.matches]
        if not found.certain:
            return FoundDays(calendar=None, place=None, matches=matches, message=found.message)
        calendar = _of_place(s, matches[0].lon, matches[0].lat, now, matches[0].label)
        return FoundDays(calendar=calendar, place=matches[0], matches=[], message="")


def _of_place(s: Session, lon: float, lat: float, now: datetime, label: str = "") -> CalendarOut:
    calendar = calendars.of_place(s, lon, lat, now, label)
    if calendar is None:
        raise NotFound(NOT_PUBLISHED, hint="`tocsin collections publish` publishes them.")
    return _out(calendar)


def _out(calendar: Calendar) -> CalendarOut:
    return CalendarOut(
        edition=calendar.edition.number,
        until=calendar.edition.until,
        published_at=calendar.edition.published_at,
        zones=[ZoneName(id=zone_id, name=name) for zone_id, name in calendar.zones],
        address=calendar.address,
        unsure=list(calendar.unsure),
        collections=[_collection(one) for one in calendar.collections],
    )


def _collection(one: Collection) -> CollectionOut:
    return CollectionOut(
        zone=one.zone,
        stream=one.stream,
        nominal=one.nominal,
        date=one.effective,
        state=one.state,
        cause=one.why.cause,
        holidays=list(one.why.holidays),
        reason=one.why.reason,
        next=one.why.until,
        set_out_on=one.set_out and one.set_out.day,
        set_out_at=one.set_out and one.set_out.at,
    )
