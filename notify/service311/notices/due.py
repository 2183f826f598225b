"""What is collected where, for notices: in each zone, and at each house with days of its own."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from notify.models import Zone
from notify.service311 import calendars
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
    found = []
    for number, houses in zip(numbers, calendars.of_houses(s, now, *numbers), strict=True):
        of: dict[int | House, tuple[Collection, ...]] = {}
        of |= dict(calendars.of_zones(s, zones, now, number).items())
        of |= {house: one.collections for house, one in houses.items()}
        found.append(Due(of, frozenset(house for house, one in houses.items() if one.unsure)))
    return found
