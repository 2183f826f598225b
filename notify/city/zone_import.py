"""Import the zones of a file: report what would change and what must be confirmed, then import all of it or nothing."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, Literal, get_args

import shapely
from sqlalchemy.orm import Session

from notify.accounts import operators
from notify.city import zones as city_zones
from notify.city.zones import Comparison, Imported, KeptZone
from notify.core import alarms
from notify.core.errors import Invalid
from notify.core.settings import settings
from notify.core.translation import gettext as _
from notify.core.translation import ngettext
from notify.models import Operator
from zones import gate, places, placing
from zones.files.options import option
from zones.files.zonefile import Mending, ZoneFile
from zones.geometry import area_m2

# Which zones of the same kind, missing from the file, are retired. "edition": those from a file of the same name, and
# from a file that this one replaces (`TAKEN_OVER`); "replace": all; "keep": none.
Others = Literal["edition", "replace", "keep"]
OTHERS: tuple[str, ...] = get_args(Others)

TAKEN_OVER = 0.5  # a file with half of the zones of an earlier one is its next edition, under another name
MANY = 10  # retiring this many zones, if fewer stay, must be confirmed
FEW = 3  # the same if no other zone stays
SHOWN = 8  # cases listed in an error


@dataclass(frozen=True, slots=True)
class Accepted:
    """What the importing person has confirmed."""

    repairs: bool = option(
        False, "Import shapes, too, that had to be mended by over 1 % of their area.", name="accept_repairs"
    )
    warnings: bool = option(False, "Import in spite of warnings: you have looked at them.", name="accept_warnings")


NOTHING = Accepted()


@dataclass(frozen=True, slots=True)
class Report:
    """What an import did, or with `dry_run` would do. The command line and REST both show it."""

    dry_run: bool
    kind: str
    source: str
    zones: int
    imported: Imported
    others: int  # current zones of that kind from other files, which stay
    mended: tuple[Mending, ...]
    left_out: tuple[str, ...]
    notes: tuple[str, ...]
    warnings: tuple[str, ...]
    needs: tuple[str, ...]  # options that the import needs
    areas_km2: dict[str, float]  # by the name of a zone
    extent: tuple[float, float, float, float]  # west, south, east, north
    place: str  # the distance from the city, or the nearest well-known place if nothing is known of the city
    crs: str
    name_field: str


def take(
    s: Session,
    kind: str,
    found: ZoneFile,
    source: str,
    now: datetime,
    by: Operator | None = None,
    *,
    others: Others = "edition",
    accepted: Accepted = NOTHING,
    dry_run: bool = False,
) -> Report:
    """Store the zones of a file and retire those that have vanished from it.

    A dry run changes nothing and reports the same. Raises Invalid when something must be confirmed first.
    """
    operators.require_by(by, "administer")
    city, is_whole = city_zones.bounds(s), city_zones.is_mapped(s)
    compared = city_zones.compare(s, kind, found.zones)
    broken = _broken(compared, found.left_out)
    stay = {kept.zone.id for kept in broken}
    retired = [kept for kept in _vanished(compared, source, others) if kept.zone.id not in stay]
    known = {shape.name for _, shape in compared.unchanged}  # confirmed when they were imported
    placed = [zone for zone in found.zones if zone.name not in known]
    warnings = [*found.doubts] if placed or compared.absent else []
    warnings += placing.questions(placed, city or placing.around(settings().center), is_whole=is_whole and bool(city))
    warnings += _losses(compared, retired) if others == "edition" else []
    warnings += _moved(compared)
    warnings += [
        _("%(zone)s: It is in the file but cannot be used. It stays as it was.", zone=kept.zone.name) for kept in broken
    ]
    large = [f"{mended}." for mended in found.mended if mended.is_large and mended.zone not in known]
    needs = {
        "--accept-warnings": bool(warnings) and not accepted.warnings,
        "--accept-repairs": bool(large) and not accepted.repairs,
    }
    report = Report(
        **_of_file(found, city),
        dry_run=dry_run,
        kind=kind,
        source=source,
        imported=city_zones.summary(compared, retired),
        others=len(compared.absent) - len(retired),
        warnings=(*warnings, *large),
        needs=tuple(option for option, is_wanted in needs.items() if is_wanted),
    )
    if not dry_run:
        if report.needs:
            raise _unconfirmed(report)
        city_zones.apply(s, kind, compared, retired, source, now, by)
        if damaged := city_zones.damaged(s):
            found_out = f"The areas of zones cannot be read: {', '.join(damaged[:SHOWN])}"
            alarms.sound(s, alarms.UNREADABLE_ROW, f"{found_out}. No alert can be sent there; import them again.", now)
    return report


def _of_file(found: ZoneFile, city: placing.Bounds | None) -> dict[str, Any]:
    as_read = {field.name: getattr(found, field.name) for field in fields(found) if field.name != "doubts"}
    west, south, east, north = shapely.total_bounds([zone.geometry for zone in found.zones]).tolist()
    return as_read | {
        "zones": len(found.zones),
        "areas_km2": {zone.name: round(area_m2(zone.geometry) / 1e6, 3) for zone in found.zones},
        "extent": (west, south, east, north),
        "place": _place((west, south, east, north), city),
    }


def _place(extent: placing.Bounds, city: placing.Bounds | None) -> str:
    west, south, east, north = extent
    if city is None:
        return places.near((west + east) / 2, (south + north) / 2)
    away_km = placing.kilometres(extent, city)
    return f"{away_km:,.0f} km from {settings().city}" if away_km >= 0.5 else f"in {settings().city}"


def _vanished(compared: Comparison, source: str, others: Others) -> Sequence[KeptZone]:
    """Return the zones to retire by the rule that `others` names."""
    if others != "edition":
        return compared.absent if others == "replace" else ()
    there = Counter(kept.version.source for kept, _ in (*compared.changed, *compared.unchanged) if _is_current(kept))
    gone = Counter(kept.version.source for kept in compared.absent)
    older = {name for name, count in gone.items() if there[name] >= TAKEN_OVER * (there[name] + count)}
    return [kept for kept in compared.absent if kept.version.source in {source, *older}]


def _losses(compared: Comparison, retired: Sequence[KeptZone]) -> list[str]:
    """Warn about a file that looks incomplete, or like a different file of the same name."""
    staying = sum(_is_current(kept) for kept, _ in (*compared.changed, *compared.unchanged))
    if len(retired) >= (MANY if staying else FEW) and len(retired) > staying:
        retiring = ngettext("%(n)s zone would be retired", "%(n)s zones would be retired", len(retired))
        others = (
            ngettext("only %(n)s of the others is in the file", "only %(n)s of the others are in the file", staying)
            if staying
            else _("none of the others is in the file")
        )
        return [
            _(
                "%(retiring)s, and %(others)s: %(zones)s. --keep-others keeps them.",
                retiring=retiring,
                others=others,
                zones=_named([kept.zone.name for kept in retired]),
            )
        ]
    return []


def _broken(compared: Comparison, left_out: Sequence[str]) -> list[KeptZone]:
    """Return the zones that are in the file but left out because their shapes are faulty: they have not vanished."""
    names = {line[: end.start()].casefold() for line in left_out for end in re.finditer(": ", line)}
    return [kept for kept in compared.absent if kept.zone.name.casefold() in names]


def _moved(compared: Comparison) -> list[str]:
    """Warn about zones whose new area does not touch the present one: two counties can each have a zone A."""
    current = [(kept, shape) for kept, shape in compared.changed if _is_current(kept)]
    were, readable = gate.readable_from_wkb(kept.version.geometry for kept, _ in current)
    pairs = ((current[row], was) for row, was in zip(readable.tolist(), were.tolist(), strict=True))
    moved = [kept.zone.name for (kept, shape), was in pairs if not was.intersects(shape.geometry)]
    if not moved:
        return []
    return [
        _(
            "%(zones)s: The new area does not touch the present one. Is it another zone of the same name?",
            zones=_named(moved),
        )
    ]


def _named(zones: Sequence[str]) -> str:
    return ", ".join(zones[:SHOWN]) + (" ..." if len(zones) > SHOWN else "")


def _is_current(kept: KeptZone) -> bool:
    return kept.zone.retired_at is None


def _unconfirmed(report: Report) -> Invalid:
    cases = report.warnings[:SHOWN]
    left = len(report.warnings) - SHOWN
    return Invalid(
        _("%(file)s: Nothing was imported, because something in it must be confirmed:", file=report.source),
        details=[*cases, *([_("And %(count)s more.", count=left)] if left > 0 else [])],
        hint=_("Check it, and if it is right add %(options)s.", options=" and ".join(report.needs)),
    )
