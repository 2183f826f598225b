"""Read the zones of a file: WGS 84, valid, named, each name once, with a line for each repair and omission.

The file is read in the calling process. Use `files.quarantine.read_zones` for an untrusted file.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Any

from shapely.errors import ShapelyError

from zones import mending
from zones.errors import ZoneError, naming, one_line
from zones.files import fields
from zones.files.opening import Table, open_table
from zones.files.zonefile import CleanZone, Mending, Options, ZoneFile
from zones.geometry import Area, area_hash, clean, union
from zones.mending import NO_POLYGON, Fit

SHOWN = 8  # cases listed in an error
AS_USUAL = Options()


@dataclass(frozen=True, slots=True)
class _Part:
    """A row that can be a zone or, when dissolving, part of one."""

    name: str
    external_id: str | None
    group: str
    geometry: Area
    mended: tuple[tuple[str, float | None], ...]


def read_zones(path: Path, options: Options = AS_USUAL, *, called: str = "", **more: Any) -> ZoneFile:
    """Read the zones of a file. `called`: its name in errors; `more`: single options by name. Raises ZoneError."""
    with naming(called or path.name):
        return zones_of(path, replace(options, **more))


def zones_of(path: Path, options: Options) -> ZoneFile:
    """Read the zones of a file. Raises ZoneError without the name of the file."""
    _check(options)
    return _clean_file(open_table(path, options), options)


def _check(options: Options) -> None:
    mending.check_buffer(options.buffer_m)
    if options.name is not None:
        if options.name_field is not None or options.dissolve is not None:
            raise ZoneError("--name is for files without a field of names.", hint="Leave it or the field out.")
        if fault := fields.name_fault(fields.tidy(options.name), "--name"):
            raise ZoneError(fault)


def _clean_file(table: Table, options: Options) -> ZoneFile:
    fits = [
        Fit(reason=table.faults[row].message) if row in table.faults else mending.fit(shape, options.buffer_m)
        for row, shape in enumerate(table.shapes)
    ]
    if not any(fit.geometry for fit in fits):
        raise _nothing_left([fit.reason for fit in fits], table)
    name_field = "" if options.name else fields.choose(table.frame, table.fields, options.name_field, options.dissolve)
    left_out: list[str] = []
    parts = _parts(table, fits, options, name_field, left_out)
    if not parts:
        raise ZoneError("It holds no zone with a name.", hint="Choose another --name-field.", details=left_out[:SHOWN])
    parts = _dissolved(parts, left_out) if options.dissolve else _without_doubles(parts, left_out)
    if not parts:
        raise ZoneError("It holds no usable shape.", hint="Is it the right file?", details=left_out[:SHOWN])
    if options.number_duplicates or options.name:
        parts = _numbered(parts)
    zones = tuple(CleanZone(part.name, part.external_id, part.geometry) for part in parts)
    _refuse_doubles(zones, name_field)
    # With the final names of the zones, which the person who confirms a repair sees.
    mended = tuple(Mending(part.name, what, change) for part in parts for what, change in part.mended)
    return ZoneFile(zones, mended, tuple(left_out), table.notes, table.crs, name_field, table.doubts)


def _parts(table: Table, fits: Sequence[Fit], options: Options, name_field: str, left_out: list[str]) -> list[_Part]:
    """Return the rows that can be zones. `left_out` gets a sentence for each of the others."""
    for field in (options.id_field, options.dissolve):
        if field is not None:
            fields.require(table.fields, field)
    names = [fields.tidy(options.name)] * len(fits) if options.name else fields.texts(table.frame, name_field)
    ids, groups = (fields.texts(table.frame, field) for field in (options.id_field, options.dissolve))
    parts = []
    for row, fit in enumerate(fits):
        called = names[row][: fields.MAX_NAME] or f"feature {row + 1}"
        reason = fit.reason or fields.name_fault(names[row], name_field)
        if fit.geometry is None or reason:
            left_out.append(f"{called}: {reason}")
            continue
        mended = ((table.mended[row], None), *fit.mended) if row in table.mended else fit.mended
        parts.append(_Part(names[row], ids[row] or None, groups[row] or names[row], fit.geometry, mended))
    return parts


def _nothing_left(reasons: Sequence[str], table: Table) -> ZoneError:
    """Return one error for the whole file."""
    for row, fault in table.faults.items():  # the first shape that cannot be read
        return ZoneError(f"Feature {row + 1}: {fault.message}", hint=fault.hint)
    if all(NO_POLYGON in reason for reason in reasons):
        kinds = ", ".join(sorted({reason.split()[3].rstrip(",") for reason in reasons}))
        return ZoneError(
            f"It holds no polygons, only {kinds}.",
            details=sorted(
                {reason.partition(NO_POLYGON)[2].strip() for reason in reasons if not reason.endswith(NO_POLYGON)}
            ),
            hint="Zones are areas: --buffer-m 15 makes one of everything within 15 m; or give a file with areas.",
        )
    outside = [reason for reason in reasons if "outside the world" in reason]
    if outside:
        return ZoneError(
            outside[0],
            hint="If it is in another coordinate system, give --crs. If latitude comes first, add --swap-axes.",
        )
    counted = Counter(reasons).most_common(SHOWN)
    return ZoneError(
        "It holds no usable shape.",
        details=[f"{count} of them: {reason}" for reason, count in counted],
        hint="Is it the right file, or the right layer?",
    )


def _dissolved(parts: Sequence[_Part], left_out: list[str]) -> list[_Part]:
    """Unite the parts of each group. A group that GEOS cannot unite is left out; the others are kept."""
    groups: dict[str, list[_Part]] = {}
    for part in parts:
        groups.setdefault(part.group.casefold(), []).append(part)  # names are compared without case
    zones = []
    for members in groups.values():
        group = members[0].group
        names, ids = {part.name for part in members}, {part.external_id for part in members}
        name = members[0].name if len({name.casefold() for name in names}) == 1 else group
        try:
            geometry, how = clean(union([part.geometry for part in members]))
        except (ZoneError, ShapelyError) as error:
            left_out.append(f"{name}: Its parts cannot be united ({one_line(str(error))[:80]}).")
            continue
        united = [f"united {len(members)} parts"] if len(members) > 1 else []
        mended = [*chain.from_iterable(part.mended for part in members), *((what, None) for what in (*united, *how))]
        zones.append(_Part(name, ids.pop() if len(ids) == 1 else None, group, geometry, tuple(mended)))
    return zones


def _without_doubles(parts: Sequence[_Part], left_out: list[str]) -> list[_Part]:
    """Leave out parts with the name and the area of an earlier one."""
    counts = Counter(part.name.casefold() for part in parts)
    seen = set()
    kept = []
    for part in parts:
        if counts[part.name.casefold()] > 1:
            double = (part.name.casefold(), area_hash(part.geometry))
            if double in seen:
                left_out.append(f"{part.name}: It is in the file twice, with the same area.")
                continue
            seen.add(double)
        kept.append(part)
    return kept


def _numbered(zones: Sequence[_Part]) -> list[_Part]:
    """Add (2) to the second zone of a name, and so on, in the order of the file."""
    taken = {zone.name.casefold() for zone in zones}
    counts: Counter[str] = Counter()
    named = []
    for zone in zones:
        key, name = zone.name.casefold(), zone.name
        counts[key] += 1
        while counts[key] > 1 and (name := f"{zone.name} ({counts[key]})").casefold() in taken:
            counts[key] += 1
        taken.add(name.casefold())
        named.append(replace(zone, name=name))
    return named


def _refuse_doubles(zones: Sequence[CleanZone], name_field: str) -> None:
    """Raise ZoneError for names or ids that differ in case at most: authors of alerts could not tell them apart."""
    _refuse_repeated(
        "name",
        [zone.name for zone in zones],
        f", unite the parts of a zone with --dissolve {name_field}, or number them with --number-duplicates",
    )
    _refuse_repeated("id", [zone.external_id for zone in zones if zone.external_id], "")


def _refuse_repeated(what: str, values: Sequence[str], otherwise: str) -> None:
    counts = Counter(value.casefold() for value in values)
    repeated = list({value.casefold(): value for value in values if counts[value.casefold()] > 1}.values())
    if repeated:
        shown = ", ".join(repeated[:SHOWN]) + (" ..." if len(repeated) > SHOWN else "")
        raise ZoneError(
            f"More than one zone has the {what}: {shown}.", hint=f"Choose another --{what}-field{otherwise}."
        )
