"""Several wordings of one alert: who has places in some parts of its area reads words of their own.

An operator approves all of them at once. `Wording.parts` is a set, because a resident with places in two parts gets one
message, which says both. Ask `occurring` which sets there are, and write a wording for each.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from shapely.geometry.base import BaseGeometry
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from notify.audience.cache import ROUTINE, Precedence
from notify.audience.everywhere import InCity
from notify.audience.live_count import live_count
from notify.audience.part_sets import MOST_PARTS, parts_of_bits
from notify.audience.wordings import GENERAL
from notify.content import compose
from notify.core.errors import Invalid
from notify.core.translation import gettext as _
from notify.models import Alert, StoredWording, WordingPart
from zones.geometry import from_wkb, to_wkb
from zones.membership import Membership

MOST = 200  # wordings of one alert


@dataclass(frozen=True, slots=True)
class Part:
    """A part of an alert's area, in WGS 84. `number`: 1 to 60; `label`: what staff call it."""

    number: int
    area: BaseGeometry
    label: str


@dataclass(frozen=True, slots=True)
class Wording:
    """The words for those who have places in exactly these parts: the alert's template, with these blanks in place of
    the general ones. `area`: how these words name the area, for all languages or by language; "": as the alert does."""

    parts: frozenset[int]
    blanks: Mapping[str, str] = field(default_factory=dict)
    area: compose.Words = ""


@dataclass(frozen=True, slots=True)
class Reading:
    """A wording as staff see it. `parts`: the labels of its parts; none for the general wording, 0."""

    number: int
    parts: tuple[str, ...] = ()


def occurring(
    area: BaseGeometry, parts: Sequence[Part], topic: str, *, whole: bool = False, precedence: Precedence = ROUTINE
) -> dict[frozenset[int], int]:
    """Return which sets of parts residents of an area have places in, and how many residents each. The empty set: they
    have none in any part.

    `area`: that of the alert, WGS 84; `whole`: it is the whole city. Residents in memory are asked (`live_count`), who
    are as recent as the last commit: a second for a million.
    """
    spoken = [(one.number, Membership(one.area)) for one in parts]
    counts = live_count().sets(InCity(area, whole=whole), spoken, topic, precedence)
    return {parts_of_bits(bits): count for bits, count in counts.items()}


def filled(
    event: compose.Event,
    phase: str,
    blanks: Mapping[str, str],
    parts: Sequence[Part],
    wordings: Sequence[Wording],
) -> list[compose.Filled]:
    """Return the blanks of each wording, the general ones where it has none of its own. Raises Invalid."""
    _require(parts, wordings)
    return [compose.fill(event, phase, {**blanks, **one.blanks}) for one in wordings]


def _require(parts: Sequence[Part], wordings: Sequence[Wording]) -> None:
    numbers = [one.number for one in parts]
    sets = [one.parts for one in wordings]
    wrong = [
        _("The parts of the area are numbered twice, or not from 1 to %(most)s.", most=MOST_PARTS)
        if len(set(numbers)) < len(numbers) or not all(1 <= one <= MOST_PARTS for one in numbers)
        else "",
        _("Two wordings are for the same parts.") if len(set(sets)) < len(sets) else "",
        _("A wording is for no part, or for one that there is not.")
        if any(not one or not one <= set(numbers) for one in sets)
        else "",
        _("There are more than %(most)s wordings.", most=MOST) if len(wordings) > MOST else "",
    ]
    if any(wrong):
        raise Invalid(_("The message cannot be written."), details=tuple(filter(None, wrong)))


def keep(s: Session, alert: Alert, parts: Sequence[Part], wordings: Sequence[Wording]) -> None:
    """Store who reads which of an alert's wordings. They are numbered from 1, in their order."""
    if not wordings:
        return
    s.add_all(WordingPart(alert_id=alert.id, part=one.number, area=to_wkb(one.area), label=one.label) for one in parts)
    s.add_all(
        StoredWording(
            alert_id=alert.id,
            wording=number,
            parts=sorted(one.parts),
            blanks=dict(one.blanks),
            area={"": one.area} if isinstance(one.area, str) and one.area else dict(one.area or {}),
        )
        for number, one in enumerate(wordings, start=1)
    )
    s.flush()


def parts_of(s: Session, alert_id: int) -> list[Part]:
    """Return the parts of an alert's area that decide who reads which wording."""
    stored = s.scalars(select(WordingPart).where(WordingPart.alert_id == alert_id).order_by(WordingPart.part))
    return [Part(one.part, from_wkb(one.area), one.label) for one in stored]


def stored(s: Session, alert_id: int) -> list[Wording]:
    """Return the wordings of an alert besides the general one, in the order of their numbers."""
    return [Wording(frozenset(one.parts), one.blanks, one.area.get("") or one.area or "") for one in _rows(s, alert_id)]


def readings(s: Session, alert_id: int) -> list[Reading]:
    """Return the wordings of an alert, the general one first; [] if there is no other."""
    rows = _rows(s, alert_id)
    parts = s.scalars(select(WordingPart).where(WordingPart.alert_id == alert_id))
    labels = {one.part: one.label for one in parts}
    others = [Reading(one.wording, tuple(labels[part] for part in one.parts)) for one in rows]
    return [Reading(GENERAL), *others] if others else []


def labels(s: Session, alert_id: int) -> dict[int, str]:
    """Return what staff call each wording; {} if there is only the general one, which has no name."""
    return labels_of(s, [alert_id]).get(alert_id, {})


def labels_of(s: Session, alerts: Sequence[int]) -> dict[int, dict[int, str]]:
    """Return the same of several alerts, in one statement; those with only the general one are left out."""
    found: dict[int, dict[int, str]] = {}
    for row in s.execute(text(_LABELS), {"alerts": list(alerts)}) if alerts else ():
        found.setdefault(row.alert_id, {GENERAL: ""})[row.wording] = row.label
    return found


_LABELS = """
    SELECT w.alert_id, w.wording, string_agg(p.label, ' + ' ORDER BY p.part) AS label
      FROM wordings w JOIN wording_parts p ON p.alert_id = w.alert_id AND p.part = ANY(w.parts)
     WHERE w.alert_id = ANY(:alerts) GROUP BY w.alert_id, w.wording ORDER BY w.alert_id, w.wording
"""


def counted(s: Session, alert_id: int) -> "Counts | None":
    """Return what `Counts.read` needs, outside of this transaction; None if there is only the general wording."""
    if not (rows := _rows(s, alert_id)):
        return None
    return Counts(tuple(parts_of(s, alert_id)), {frozenset(one.parts): one.wording for one in rows})


@dataclass(frozen=True, slots=True)
class Counts:
    """The parts of an alert's area, and the numbers of its wordings by their parts."""

    parts: tuple[Part, ...]
    by_set: Mapping[frozenset[int], int]

    def read(self, alert: Alert) -> dict[int, int]:
        """Return how many residents of its area would read each wording if it were launched now. Takes a connection of
        its own."""
        if alert.area is None:
            return {}
        found = occurring(from_wkb(alert.area), self.parts, alert.topic.value, whole=alert.whole_city)
        counts: dict[int, int] = {}
        for parts, residents in found.items():
            number = self.by_set.get(parts, GENERAL)
            counts[number] = counts.get(number, 0) + residents
        return counts


def frozen(s: Session, alert_id: int) -> list[object]:
    """Return who reads which wording, in values that a hash can be taken of; [] if all read the general one."""
    rows = _rows(s, alert_id)
    parts = s.scalars(select(WordingPart).where(WordingPart.alert_id == alert_id).order_by(WordingPart.part)).all()
    areas = [[one.part, hashlib.sha256(one.area).hexdigest()] for one in parts]
    return [areas, *([one.wording, list(one.parts)] for one in rows)] if rows else []


def _rows(s: Session, alert_id: int) -> Sequence[StoredWording]:
    found = select(StoredWording).where(StoredWording.alert_id == alert_id).order_by(StoredWording.wording)
    return s.scalars(found).all()
