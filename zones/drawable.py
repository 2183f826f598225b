"""Read the shapes of a file that can be drawn as a layer of the map: repaired, without heights and points."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from shapely.errors import ShapelyError
from shapely.geometry.base import BaseGeometry

from zones.addresses.rows import BadRow
from zones.errors import ZoneError, one_line
from zones.files import fields
from zones.files.opening import Table, open_table
from zones.files.rowfile import DrawnShape, RowFile
from zones.files.zonefile import Options

LONGEST_NAME = 200
AREAS, LINES = 3, 1  # shapely's type ids


def read_map_shapes(
    path: Path,
    drawn_as: str,
    *,
    lines_too: bool,
    name_field: str | None = None,
    layer: str | None = None,
    crs: str | None = None,
    encoding: str | None = None,
) -> RowFile[DrawnShape]:
    """Read the shapes of a file with their names. `drawn_as`: the map's layer, for messages. `lines_too`: the layer may
    have lines as well as areas. Raises ZoneError."""
    table = open_table(path, Options(layer=layer, crs=crs, encoding=encoding))
    return drawable(table, drawn_as, lines_too=lines_too, name_field=name_field)


def drawable(table: Table, drawn_as: str, *, lines_too: bool, name_field: str | None = None) -> RowFile[DrawnShape]:
    """Read the shapes of an open table, as `read_map_shapes` does."""
    if name_field is not None and name_field not in table.fields:
        raise ZoneError(f"It has no field {name_field!r}.", hint=f"Its fields: {', '.join(table.fields) or 'none'}.")
    names = [""] * len(table.frame) if name_field is None else [_name(x) for x in table.frame[name_field].tolist()]
    rows = _drawable(names, table, drawn_as, (AREAS, LINES) if lines_too else (AREAS,))
    return RowFile(table.notes, rows, table.doubts)


def _drawable(names: Sequence[str], table: Table, drawn_as: str, kinds: Sequence[int]) -> Iterator[DrawnShape | BadRow]:
    for row, (name, shape) in enumerate(zip(names, table.shapes, strict=True)):
        if row in table.faults:
            yield BadRow(row + 1, table.faults[row].message)
        elif shape is None or shape.is_empty:
            yield BadRow(row + 1, "it has no geometry.")
        elif not _is_on_earth(shape):
            yield BadRow(row + 1, "it does not lie on the earth.")
        else:
            yield from _drawn(row + 1, name, shape, drawn_as, kinds)


def _drawn(
    number: int, name: str, shape: BaseGeometry, drawn_as: str, kinds: Sequence[int]
) -> Sequence[DrawnShape | BadRow]:
    try:
        drawn = _of_kinds(shape, kinds)
    except ShapelyError as error:  # only this shape is bad, not the file
        return [BadRow(number, f"its shape cannot be computed ({one_line(str(error))[:80]}).")]
    if not drawn:
        return [BadRow(number, f"a {shape.geom_type} cannot be drawn as {drawn_as}.")]
    return [DrawnShape(name, one) for one in drawn]


def _is_on_earth(shape: BaseGeometry) -> bool:
    points = shapely.get_coordinates(shape)
    return bool(np.isfinite(points).all() and (np.abs(points) <= (180, 90)).all())


def _of_kinds(shape: BaseGeometry, kinds: Sequence[int]) -> list[BaseGeometry]:
    """Return its repaired polygons as one shape and its lines as another, if these kinds are asked for."""
    flat = shapely.force_2d(shape)
    whole = flat if flat.is_valid else shapely.make_valid(flat)
    parts = shapely.get_parts(shapely.get_parts(whole))
    make = {AREAS: shapely.multipolygons, LINES: shapely.multilinestrings}
    found = {kind: parts[shapely.get_type_id(parts) == kind] for kind in kinds}
    return [own[0] if len(own) == 1 else make[kind](own) for kind, own in found.items() if len(own)]


def _name(value: Any) -> str:
    if isinstance(value, str):
        return fields.tidy(value)[:LONGEST_NAME]
    return "" if value is None or value != value else str(value)[:LONGEST_NAME]  # a NaN is not equal to itself
