"""What is collected where, for notices: in each zone, and at each house with days of its own."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from notify.models import Zone
from notify.service311 import calendars
from notify.service311.calendars import Calendar, Edited, Edition
from notify.service311.edition_schedules import House
from notify.service311.rules import Collection


@dataclass(frozen=True, slots=True)
class Due:
    """`collections`: by the id of a zone, or by a house. `unsure`: houses of which not all days are known, because
    several have one point."""

    collections: dict[int | House, tuple[Collection, ...]]
    unsure: frozenset[House] = frozenset()

    @property
    def houses(self) -> frozenset[House]:
        return frozenset(one for one in self.collections if isinstance(one, House))


def of_editions(s: Session, zones: Sequence[Zone], now: datetime, *numbers: int) -> list[Due]:
    """Return what is due by each of these editions: of the same zones and houses."""
    return [
        _due(calendars.of_zones(s, zones, now, number), houses)
        for number, houses in zip(numbers, calendars.of_houses(s, now, *numbers), strict=True)
    ]


def of_edited(s: Session, zones: Sequence[Zone], now: datetime, edition: Edition, edited: Edited) -> Due:
    """Return what would be due by other rules than those of the edition, from `calendars.edited`."""
    (houses,) = calendars.of_houses(s, now, edition.number, edited=edited)
    return _due(calendars.of_zones(s, zones, now, edition.number, edited), houses)


def _due(zones: Mapping[int, tuple[Collection, ...]], houses: Mapping[House, Calendar]) -> Due:
    of: dict[int | House, tuple[Collection, ...]] = {}
    of |= dict(zones.items())
    of |= {house: one.collections for house, one in houses.items()}
    return Due(of, frozenset(house for house, one in houses.items() if one.unsure))
