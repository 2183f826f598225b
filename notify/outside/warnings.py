"""What other agencies say now, for readers."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from shapely.geometry.base import BaseGeometry
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from notify.city.zones_met import zones_met
from notify.core import translation
from notify.core.errors import NotFound
from notify.core.translation import gettext as _
from notify.models import OutsideWarning
from notify.outside.messages import Words
from zones import gate
from zones.overlaps import share

MOST = 200  # in force; the gravest, then the most recent ones
PART, WHOLE = 0.01, 0.99  # of an area, as in `told_there`


@dataclass(frozen=True, slots=True)
class Warned:
    """A warning of another agency. `agencies`: those whose feeds carry it. `zones`: the city's zones that it meets; ()
    when its area is not known."""

    id: int
    agencies: tuple[str, ...]
    sender: str
    identifier: str
    sent_at: datetime
    severity: str
    urgency: str
    certainty: str
    ends_at: datetime
    end_given: bool
    place: str
    area: bytes | None
    words: tuple[Words, ...]
    ended_at: datetime | None
    zones: tuple[str, ...] = ()

    @property
    def agency(self) -> str:
        """Its agencies, for readers."""
        return _(" and ").join(self.agencies)

    def said(self, language: str = "") -> Words:
        """The words in a language (`es`), by default the reader's; the agency's own if it has none."""
        language = language or translation.language()
        given = [one for one in self.words if one.language.lower().partition("-")[0] == language]
        return next(iter([*given, *self.words]), Words("", "", "", "", ""))

    @property
    def shape(self) -> BaseGeometry | None:
        """Its area; None when it is not known, or damaged in the database."""
        found, _ = gate.readable_from_wkb([self.area] if self.area is not None else [])
        return found[0] if len(found) else None

    def minutes(self, now: datetime) -> int:
        """Its age."""
        return max(0, int((now - self.sent_at).total_seconds() // 60))

    def is_over(self, now: datetime) -> bool:
        return self.ended_at is not None or self.ends_at <= now


@dataclass(frozen=True, slots=True)
class WarnedThere:
    """A warning that meets an area. `whole`: it holds all of that area."""

    warning: Warned
    whole: bool


@dataclass(frozen=True, slots=True)
class InForce:
    """The gravest warnings first, then the newest. `left_out`: how many there are beyond MOST."""

    warnings: Sequence[Warned] = ()
    left_out: int = 0


def in_force(s: Session, now: datetime) -> InForce:
    """Return those that nobody has ended and whose time is not over. What several feeds carry is one warning."""
    found = s.execute(text(_IN_FORCE), {"now": now, "most": MOST}).all()
    rows = s.scalars(select(OutsideWarning).where(OutsideWarning.id.in_([one.id for one in found])))
    by_id = {row.id: row for row in rows}
    return InForce(
        [_warned(s, by_id[one.id], one.agencies) for one in found], found[0].number - len(found) if found else 0
    )


# All that makes two messages the same. Two that differ are two, though one has the other's identifier: no feed can put
# its words in the place of another's. The end is no part of it: the Weather Service's two formats name two.
_SAME = "key, sent_at, sender, severity, urgency, certainty, place, words"

_IN_FORCE = f"""
    SELECT (array_agg(id ORDER BY ends_at DESC, id))[1] AS id, array_agg(agency) AS agencies,
           count(*) OVER () AS number
      FROM outside_warnings WHERE ended_at IS NULL AND ends_at > :now
     GROUP BY {_SAME}, area
     ORDER BY array_position(ARRAY['Extreme', 'Severe', 'Moderate', 'Minor'], severity), sent_at DESC, max(id) DESC
     LIMIT :most
"""  # noqa: S608  names of ours
_CARRIED = f"""
    SELECT o.id, o.agency, o.ended_at FROM outside_warnings w
      JOIN outside_warnings o USING ({_SAME})
     WHERE w.id = :id AND w.kind <> 'Cancel' AND o.kind <> 'Cancel' AND o.area IS NOT DISTINCT FROM w.area
     ORDER BY o.ended_at IS NOT NULL, o.ends_at DESC, o.id
"""  # noqa: S608  names of ours


def there(s: Session, shape: BaseGeometry, now: datetime) -> Sequence[WarnedThere]:
    """Return those in force whose area meets this one (WGS 84)."""
    found = []
    for one in in_force(s, now).warnings:
        part = share(shape, one.shape) if one.shape is not None else 0.0
        if part >= PART:
            found.append(WarnedThere(one, part >= WHOLE))
    return found


def find(s: Session, warning_id: int) -> Warned:
    """Return one, in force or not; as another feed still carries it when its own has ended it. Raises NotFound."""
    carried = s.execute(text(_CARRIED), {"id": warning_id}).all()
    if not carried:
        raise NotFound(
            _("There is no warning %(number)s of another agency.", number=warning_id),
            hint=_("The page Now lists those in force; they are deleted a week after their end."),
        )
    first = carried[0]
    agencies = [one.agency for one in carried if (one.ended_at is None) == (first.ended_at is None)]
    return _warned(s, s.get_one(OutsideWarning, first.id), agencies)


def _warned(s: Session, row: OutsideWarning, agencies: Sequence[str]) -> Warned:
    words = tuple(Words(**one) for one in row.words)
    fields: dict[str, Any] = {name: getattr(row, name) for name in _FIELDS}
    return Warned(
        **fields,
        agencies=tuple(sorted(set(agencies))),
        words=words,
        zones=zones_met(s, row.area) if row.area is not None else (),
    )


_FIELDS = (
    "id", "sender", "identifier", "sent_at", "severity", "urgency", "certainty", "ends_at", "end_given",
    "place", "area", "ended_at",
)  # fmt: skip
