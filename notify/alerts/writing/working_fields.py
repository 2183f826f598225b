"""The fields of a working draft: which there are, and the alert that they describe. Pure; all values are text."""

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from notify.alerts.writing import drafting
from notify.alerts.writing.drafting import Draft
from notify.channels.channel import CHANNELS
from notify.city.parts import Around, Circle, Drawn, InZone, Part, circle_from, segments_from
from notify.content.blanks import TRANSLATED
from notify.content.events import Event
from notify.core import translation
from notify.core.characters import visible
from notify.core.city_time import moment, span
from notify.core.errors import Invalid
from notify.core.translation import gettext as _

LONGEST = 5_000  # characters of a field
LONGEST_AREA = 500_000  # of one with GeoJSON: 20,000 corners
FURTHEST_M = 100_000
MOST_LINES = 200
AREAS = ("area", "but_area")
CONFIRMATIONS = ("outside-city", "whole-city", "swapped")
WHERE = ("earlier", "streets", "around", "radius", "but_streets", *AREAS)
OTHERS = ("area_name", "severity", "urgency", "certainty", "status", "lasts", "expires_at", "launch_at")
STATUSES = ("Actual", "Exercise", "Test")
T = TypeVar("T")


@dataclass
class Reading:
    """What the fields say. `problems`: sentences by section of the form: what, where, who or when."""

    wanted: Draft
    problems: dict[str, list[str]] = field(default_factory=dict)


def canonical(value: str) -> str:
    """Return a value as it is stored: browsers send line ends as CRLF in forms and as LF from scripts."""
    words = value.encode("utf-8", "ignore").decode()  # a lone surrogate cannot be stored
    return words.replace("\r\n", "\n").replace("\r", "\n").replace("\x00", "")


def digest(value: str) -> str:
    """A short fingerprint of a value, by which a form shows later what it was filled with; "" of an empty one."""
    return hashlib.sha256(value.encode()).hexdigest()[:16] if value else ""


def require_known(name: str, value: str, event: Event, phase: str, zones: Iterable[int]) -> None:
    """Raise Invalid for a field that the form does not have, or a value that is too long for it."""
    start, _dot, rest = name.partition(".")
    match start:
        case "blank":
            known = rest in _blanks(event, phase)
        case "zone" | "but":
            known = rest.isascii() and rest.isdecimal() and len(rest) < 19 and int(rest) in zones
        case "channel":
            known = rest in CHANNELS
        case "confirm":
            known = rest in CONFIRMATIONS
        case "area_name":
            known = not rest or rest in event.languages
        case _:
            known = name in WHERE or name in OTHERS
    if not known:
        raise Invalid(
            _("There is no field %(name)s in this form.", name=repr(name[:60])), hint=_("Open the page again.")
        )
    longest = LONGEST_AREA if name in AREAS else LONGEST
    if len(value) > longest:
        raise Invalid(
            _(
                "The field %(name)s has %(count)s characters; the most is %(longest)s.",
                name=name,
                count=translation.number(len(value)),
                longest=translation.number(longest),
            ),
            hint=_("Make it shorter."),
        )


def _blanks(event: Event, phase: str) -> set[str]:
    blanks = event.asked(phase)
    return {blank.name for blank in blanks} | {
        f"{blank.name}.{language}" for blank in blanks if blank.type in TRANSLATED for language in event.languages
    }


def area_digest(values: Mapping[str, str]) -> str:
    """A fingerprint of all that the area is made of. A doubt is confirmed for this area, and for no other."""
    own = {name: words for name, words in values.items() if words and (_is_zone(name) or name in WHERE)}
    return digest(repr(sorted(own.items())))


def _is_zone(name: str) -> bool:
    return name.startswith(("zone.", "but."))


def read(
    event: Event,
    phase: str,
    incident: int | None,
    values: Mapping[str, str],
    zones: Mapping[int, str],
    tz: ZoneInfo,
    first: str,
) -> Reading:
    """Read the fields. `zones`: the names of current zones (`kind:name`) by id; `first`: the city's first language."""
    reader = _Reader(values, zones, tz, first)
    own = area_digest(values)
    lasts = values.get("lasts", "").strip()
    reading = Reading(
        Draft(
            event=event.name,
            phase=phase,
            zones=reader.zones("zone"),
            parts=reader.parts(),
            without=reader.without(),
            keeps_earlier=incident is not None and bool(values.get("earlier")),
            confirmed=[kind for kind in CONFIRMATIONS if values.get(f"confirm.{kind}") == own],
            area_description=reader.area_name(),
            blanks={name[6:]: words for name, words in values.items() if name.startswith("blank.") and words.strip()},
            channels=[name for name in CHANNELS if values.get(f"channel.{name}")],
            severity=values.get("severity") or None,
            urgency=values.get("urgency") or None,
            certainty=values.get("certainty") or None,
            status=reader.status(),
            lasts=reader.tried("when", lambda: _span(lasts)) if lasts else None,
            expires_at=reader.time("expires_at"),
            launch_at=reader.time("launch_at"),
            incident=incident,
        ),
        reader.problems,
    )
    if incident is not None and values.get("earlier") == "" and not drafting.parts_of(reading.wanted):
        reader.say("where", _("Choose where: the earlier area, zones, streets, a circle or a drawn area."))
    if not reading.wanted.channels:
        reader.say("who", _("No channel is chosen. Tick at least one."))
    return reading


def _span(words: str) -> Any:
    found = span(words)
    if found is None:
        raise Invalid(_("%(words)s is not a duration.", words=repr(words[:40])), hint=_("Write it like 90m, 6h or 2d."))
    return found


class _Reader:
    def __init__(self, values: Mapping[str, str], zones: Mapping[int, str], tz: ZoneInfo, first: str) -> None:
        self.values = values
        self.problems: dict[str, list[str]] = {}
        self._zones = zones
        self._tz = tz
        self._first = first

    def say(self, section: str, problem: str) -> None:
        self.problems.setdefault(section, []).append(problem)

    def tried(self, section: str, make: Callable[[], T]) -> T | None:
        try:
            return make()
        except Invalid as error:
            self.say(section, str(error))
            return None

    def zones(self, start: str) -> list[str]:
        chosen = []
        for name, value in self.values.items():
            if value and name.startswith(f"{start}."):
                zone = self._zones.get(int(name.partition(".")[2]))
                if zone is None:
                    self.say("where", _("A zone that was chosen has been retired. Untick it below."))
                else:
                    chosen.append(zone)
        return chosen

    def parts(self) -> list[Part]:
        return [*self._streets("streets"), *self._circle(), *self._drawn("area")]

    def without(self) -> list[Part]:
        zones = [InZone(name) for name in self.zones("but")]
        return [*zones, *self._streets("but_streets"), *self._drawn("but_area")]

    def _streets(self, name: str) -> list[Part]:
        lines = [line for line in self.values.get(name, "").splitlines() if visible(line)]
        if len(lines) > MOST_LINES:
            self.say(
                "where",
                _(
                    "%(count)s streets are more than can be looked up; the most is %(most)s.",
                    count=translation.number(len(lines)),
                    most=MOST_LINES,
                ),
            )
        found = (self.tried("where", lambda line=line: segments_from(line)) for line in lines[:MOST_LINES])  # type: ignore[misc]
        return [part for part in found if part is not None]

    def _circle(self) -> list[Part]:
        address, radius = (visible(self.values.get(name, "")) for name in ("around", "radius"))
        if not address:
            if radius:
                self.say("where", _("A radius is given without an address. Give the middle of the circle."))
            return []
        radius_m = self.tried("where", lambda: _metres(radius))
        if radius_m is None:
            return []
        point = re.fullmatch(r"(-?\d{1,3}(?:\.\d{1,15})?)\s*[, ]\s*(-?\d{1,3}(?:\.\d{1,15})?)", address)
        part = self.tried("where", lambda: circle_from(f"{address}, {radius_m} m")) if point else None
        if isinstance(part, Circle) and not (abs(part.lon) <= 180 and abs(part.lat) <= 90):
            self.say(
                "where", _("%(address)s is not longitude and latitude. Write it like -75.16, 39.95.", address=address)
            )
            return []
        return [part or Around(address, radius_m)]

    def _drawn(self, name: str) -> list[Part]:
        words = self.values.get(name, "").strip()
        part = self.tried("where", lambda: Drawn(drawn_from(words))) if words else None
        return [] if part is None else [part]

    def area_name(self) -> str | dict[str, str]:
        by_language = {
            name.partition(".")[2]: words
            for name, words in self.values.items()
            if name.startswith("area_name.") and visible(words)
        }
        plain = self.values.get("area_name", "")
        if max(map(len, (plain, *by_language.values()))) > 200:
            self.say("where", _("The name of the area is longer than 200 characters. Make it shorter."))
        if by_language and visible(plain):
            return {self._first: plain, **by_language}
        if by_language and self._first not in by_language:
            language = translation.language_name(self._first)
            self.say("where", _("The area has no name in %(language)s. Give that, too.", language=language))
        return by_language or plain

    def status(self) -> Any:
        status = self.values.get("status") or "Actual"
        if status not in STATUSES:
            self.say(
                "what",
                _(
                    "There is no status %(status)s. Choose one of: %(choices)s.",
                    status=repr(status[:40]),
                    choices=", ".join(STATUSES),
                ),
            )
            return "Actual"
        return status

    def time(self, name: str) -> Any:
        words = visible(self.values.get(name, ""))[:60]
        if not words:
            return None
        try:
            return moment(words, self._tz)
        except ValueError as error:
            self.say("when", f"{words} {error}.")
            return None


def _metres(words: str) -> int:
    number = re.fullmatch(r"(\d{1,3}(?:,\d{3})+|\d{1,6})\s*m?", words, re.ASCII)
    radius_m = int(number[1].replace(",", "")) if number else 0
    if not 0 < radius_m <= FURTHEST_M:
        raise Invalid(
            (_("%(words)s is not a radius.", words=repr(words[:40])) if words else _("The circle has no radius.")),
            hint=_("Give it in metres, from 1 to %(furthest_m)s.", furthest_m=translation.number(FURTHEST_M)),
        )
    return radius_m


_PAIR = re.compile(r"\(?\s*(-?\d{1,3}(?:\.\d{1,15})?)[\s,]+(-?\d{1,3}(?:\.\d{1,15})?)\s*\)?")


def drawn_from(words: str) -> str | dict[str, Any]:
    """Read GeoJSON, or the corners of a polygon: longitude and latitude, a pair on each line or between semicolons.

    Raises Invalid.
    """
    if words.lstrip("\ufeff \n\t").startswith(("{", "[")):
        return words
    pairs = [pair for pair in re.split(r"[;\n]", words) if pair.strip()]
    corners = []
    for pair in pairs:
        found = _PAIR.fullmatch(pair.strip())
        if not found:
            raise Invalid(
                _("%(pair)s is not a pair of coordinates.", pair=repr(pair.strip()[:40])),
                hint=_("Paste GeoJSON, or write longitude, latitude on each line: -75.16, 39.95."),
            )
        corners.append([float(found[1]), float(found[2])])
    if len(corners) < 3:
        raise Invalid(
            _("An area has three corners or more."), hint=_("Write longitude, latitude of each on its own line.")
        )
    return {"type": "Polygon", "coordinates": [[*corners, corners[0]]]}
