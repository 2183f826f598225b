"""What other agencies say now, for readers."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from shapely.geometry.base import BaseGeometry
from sqlalchemy import case, select
from sqlalchemy.orm import Session

from notify.city.zones_met import zones_met
from notify.core import translation
from notify.core.errors import NotFound
from notify.core.translation import gettext as _
from notify.models import OutsideWarning
from notify.outside.messages import Words
from zones import gate
from zones.geometry import share

MOST = 200  # in force; the gravest, then the most recent ones
PART, WHOLE = 0.01, 0.99  # of an area, as in `told_there`


@dataclass(frozen=True, slots=True)
class Warned:
    """A warning of another agency. `zones`: the city's zones that it meets; () when its area is not known."""

    id: int
    agency: str
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


def in_force(s: Session, now: datetime) -> Sequence[Warned]:
    """Return those that nobody has ended and whose time is not over: the gravest first, then the newest."""
    rows = s.scalars(
        select(OutsideWarning)
        .where(OutsideWarning.ended_at.is_(None), OutsideWarning.ends_at > now)
        .order_by(_GRAVITY, OutsideWarning.sent_at.desc(), OutsideWarning.id.desc())
        .limit(MOST)
    )
    return [_warned(s, row) for row in rows]


_GRAVITY = case({"Extreme": 0, "Severe": 1, "Moderate": 2, "Minor": 3}, value=OutsideWarning.severity, else_=4)


def there(s: Session, shape: BaseGeometry, now: datetime) -> Sequence[WarnedThere]:
    """Return those in force whose area meets this one (WGS 84)."""
    found = []
    for one in in_force(s, now):
        part = share(shape, one.shape) if one.shape is not None else 0.0
        if part >= PART:
            found.append(WarnedThere(one, part >= WHOLE))
    return found


def find(s: Session, warning_id: int) -> Warned:
    """Return one, in force or not. Raises NotFound."""
    row = s.get(OutsideWarning, warning_id)
    if row is None or row.kind == "Cancel":
        raise NotFound(
            _("There is no warning %(number)s of another agency.", number=warning_id),
            hint=_("The page Now lists those in force; they are deleted a week after their end."),
        )
    return _warned(s, row)


def _warned(s: Session, row: OutsideWarning) -> Warned:
    words = tuple(Words(**one) for one in row.words)
    fields: dict[str, Any] = {name: getattr(row, name) for name in _SAME}
    return Warned(**fields, words=words, zones=zones_met(s, row.area) if row.area is not None else ())


_SAME = (
    "id", "agency", "sender", "identifier", "sent_at", "severity", "urgency", "certainty", "ends_at", "end_given",
    "place", "area", "ended_at",
)  # fmt: skip
