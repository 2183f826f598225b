"""A file of zones made clean: WGS 84, valid, named, each name once, with a line for all that was mended or left out."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import shapely
from shapely.geometry.base import BaseGeometry

from zones import fields
from zones.errors import ZoneError
from zones.geometry import Area, clean
from zones.opening import Table, open_table

SHOWN = 8  # cases listed in an error
NO_POLYGON = "not a polygon."


@dataclass(frozen=True, slots=True)
class CleanZone:
    """A zone as it can be kept: a stripped name and a valid polygon or multipolygon in WGS 84."""

    name: str
    external_id: str | None
    geometry: Area


@dataclass(frozen=True, slots=True)
class ZoneFile:
    """What a file holds. `mended` and `left_out` say which zone and what, a line each."""

    zones: tuple[CleanZone, ...]
    mended: tuple[str, ...]
    left_out: tuple[str, ...]
    crs: str  # that of the file, as EPSG:n where it has a number
    name_field: str


@dataclass(frozen=True, slots=True)
class _Part:
    """A row that is fit to be a zone or, when dissolving, a part of one."""

    name: str
    external_id: str | None
    group: str
    geometry: Area


def read_zones(
    path: Path,
    *,
    name_field: str | None = None,
    id_field: str | None = None,
    layer: str | None = None,
    dissolve: str | None = None,
    crs: str | None = None,
) -> ZoneFile:
    """The zones of a file from anybody.

    `name_field` is guessed from common names when not given. `dissolve` unites the rows that share that field.
    `crs` (such as "EPSG:2272") is for files that do not say theirs. Raises ZoneError with one sentence to act on.
    """
    try:
        return _clean_file(open_table(path, layer, crs), name_field, id_field, dissolve)
    except ZoneError as error:
        raise ZoneError(f"{path.name}: {error.message}", hint=error.hint, details=error.details) from None


def _clean_file(table: Table, name_field: str | None, id_field: str | None, dissolve: str | None) -> ZoneFile:
    fits = [_fit(shape) for shape in table.shapes]
    if not any(fit.geometry for fit in fits):
        raise _nothing_left([fit.reason for fit in fits])
    name_field = fields.choose(table.frame, table.fields, name_field or dissolve)
    for field in (id_field, dissolve):
        if field is not None:
            fields.require(table.fields, field)
    names, ids, groups = (fields.texts(table.frame, field) for field in (name_field, id_field, dissolve))
    parts: list[_Part] = []
    mended: list[str] = []
    left_out: list[str] = []
    for row, fit in enumerate(fits):
        called = names[row][: fields.MAX_NAME] or f"feature {row + 1}"
        reason = fit.reason or fields.name_fault(names[row], name_field)
        if fit.geometry is None or reason:
            left_out.append(f"{called}: {reason}")
            continue
        how = (table.notes[row], *fit.mended) if row in table.notes else fit.mended
        mended.extend(f"{called}: {what}" for what in how)
        parts.append(_Part(names[row], ids[row] or None, groups[row] or names[row], fit.geometry))
    if not parts:
        raise ZoneError("It holds no zone with a name.", details=left_out[:SHOWN])
    zones = _dissolved(parts, mended) if dissolve else [CleanZone(p.name, p.external_id, p.geometry) for p in parts]
    _refuse_doubles(zones, name_field)
    return ZoneFile(tuple(zones), tuple(mended), tuple(left_out), table.crs, name_field)


@dataclass(frozen=True, slots=True)
class _Fit:
    """A shape made clean, or the reason why it cannot be a zone."""

    geometry: Area | None = None
    mended: tuple[str, ...] = ()
    reason: str = ""


def _fit(shape: BaseGeometry | None) -> _Fit:
    if shape is None:
        return _Fit(reason="It has no shape.")
    if "Polygon" not in shape.geom_type and shape.geom_type != "GeometryCollection":
        return _Fit(reason=f"It is a {shape.geom_type}, {NO_POLYGON}")
    try:
        return _Fit(*clean(shape))
    except ZoneError as error:
        return _Fit(reason=error.message)


def _nothing_left(reasons: Sequence[str]) -> ZoneError:
    """One sentence for the whole file."""
    if all(reason.endswith(NO_POLYGON) for reason in reasons):
        kinds = ", ".join(sorted({reason.split()[3].rstrip(",") for reason in reasons}))
        return ZoneError(f"It holds no polygons, only {kinds}.", hint="Zones are areas: buffer lines and points first.")
    outside = [reason for reason in reasons if "outside the world" in reason]
    if outside:
        return ZoneError(outside[0], hint="Is it in another coordinate system? Say it with --crs.")
    counted = Counter(reasons).most_common(SHOWN)
    return ZoneError("It holds no usable shape.", details=[f"{count} of them: {reason}" for reason, count in counted])


def _dissolved(parts: Sequence[_Part], mended: list[str]) -> list[CleanZone]:
    groups: dict[str, list[_Part]] = {}
    for part in parts:
        groups.setdefault(part.group, []).append(part)
    zones = []
    for group, members in groups.items():
        names, ids = {part.name for part in members}, {part.external_id for part in members}
        name = names.pop() if len(names) == 1 else group
        geometry, how = clean(shapely.union_all([part.geometry for part in members]))
        if len(members) > 1:
            mended.append(f"{name}: united {len(members)} parts")
        mended.extend(f"{name}: {what}" for what in how)
        zones.append(CleanZone(name, ids.pop() if len(ids) == 1 else None, geometry))
    return zones


def _refuse_doubles(zones: Sequence[CleanZone], name_field: str) -> None:
    """Two zones of one name cannot be told apart by those who write alerts, nor two that differ in capitals only."""
    _refuse_repeated(
        "name", [zone.name for zone in zones], f", or unite the parts of a zone by --dissolve {name_field}"
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
