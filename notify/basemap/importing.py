"""A layer of the map out of a file. It replaces the layer that was there: all of it, or nothing."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry
from sqlalchemy import delete, insert, text
from sqlalchemy.orm import Session

from notify.basemap.areas import LAYERS
from notify.errors import Invalid
from notify.models import MapFeature
from zones.files.opening import Table

ROWS_AT_ONCE = 5_000


@dataclass(frozen=True, slots=True)
class LayerImport:
    """What came in. `left_out`: a sentence for each shape that cannot be drawn."""

    layer: str
    kept: int
    left_out: tuple[str, ...]


def replace_layer(s: Session, layer: str, table: Table, name_field: str | None = None) -> LayerImport:
    """Raises Invalid when there is no such layer or field, or nothing in the file that can be drawn."""
    if layer not in LAYERS:
        raise Invalid(f"There is no map layer {layer!r}.", hint=f"Layers: {', '.join(LAYERS)}.")
    if name_field is not None and name_field not in table.fields:
        raise Invalid(f"It has no field {name_field!r}.", hint=f"Its fields: {', '.join(table.fields) or 'none'}.")
    names = [""] * len(table.frame) if name_field is None else [_name(x) for x in table.frame[name_field].tolist()]
    kept, left_out = _drawable(layer, table.shapes)
    if not kept:
        raise Invalid("Nothing in it can be drawn.", details=left_out[:5], hint="Give a file of lines or polygons.")
    keep_layer(s, layer, ((names[number], shape) for number, shape in kept))
    return LayerImport(layer, len(kept), tuple(left_out))


def keep_layer(s: Session, layer: str, shapes: Iterable[tuple[str, BaseGeometry]]) -> None:
    """Names and valid shapes in WGS 84 instead of those that the layer had."""
    # Two imports at a time: one after the other, or the second would add to the first.
    s.execute(text("LOCK TABLE map_features IN SHARE ROW EXCLUSIVE MODE"))
    s.execute(delete(MapFeature).where(MapFeature.layer == layer))
    rows = [_row(layer, name, shape) for name, shape in shapes]
    for start in range(0, len(rows), ROWS_AT_ONCE):
        s.execute(insert(MapFeature), rows[start : start + ROWS_AT_ONCE])


def _row(layer: str, name: str, shape: BaseGeometry) -> dict[str, Any]:
    west, south, east, north = shape.bounds
    wkb = shapely.to_wkb(shape, byte_order=1)
    return {
        "layer": layer, "name": name, "geometry": wkb, "west": west, "south": south, "east": east, "north": north
    }  # fmt: skip


def _drawable(layer: str, shapes: Sequence[BaseGeometry | None]) -> tuple[list[tuple[int, BaseGeometry]], list[str]]:
    """What is left of each shape without heights, points and damage, with its number; and why others are left out.

    Buildings and parks are areas; water and boundaries may be lines.
    """
    kinds = (3, 1) if layer in ("water", "boundary") else (3,)
    kept: list[tuple[int, BaseGeometry]] = []
    left_out: list[str] = []
    for number, shape in enumerate(shapes):
        if shape is None or shape.is_empty:
            left_out.append(f"Feature {number + 1}: it has no geometry.")
        elif not _is_on_earth(shape):
            left_out.append(f"Feature {number + 1}: it does not lie on the earth.")
        elif drawn := _of_kinds(shape, kinds):
            kept += [(number, one) for one in drawn]
        else:
            left_out.append(f"Feature {number + 1}: a {shape.geom_type} cannot be drawn as {layer}.")
    return kept, left_out


def _is_on_earth(shape: BaseGeometry) -> bool:
    points = shapely.get_coordinates(shape)
    return bool(np.isfinite(points).all() and (np.abs(points) <= (180, 90)).all())


def _of_kinds(shape: BaseGeometry, kinds: Sequence[int]) -> list[BaseGeometry]:
    """Its polygons (3) as one shape and its lines (1) as another, as far as they are asked for, repaired."""
    flat = shapely.force_2d(shape)
    whole = flat if flat.is_valid else shapely.make_valid(flat)
    parts = shapely.get_parts(shapely.get_parts(whole))
    make = {3: shapely.multipolygons, 1: shapely.multilinestrings}
    found = {kind: parts[shapely.get_type_id(parts) == kind] for kind in kinds}
    return [own[0] if len(own) == 1 else make[kind](own) for kind, own in found.items() if len(own)]


def _name(value: Any) -> str:
    return value.strip()[:200] if isinstance(value, str) else "" if value is None or value != value else str(value)


def counts(s: Session) -> dict[str, int]:
    """How many rows each layer has, the streets among them."""
    rows = s.execute(text("SELECT layer, count(*) AS held FROM map_features GROUP BY layer")).all()
    held = {row.layer: int(row.held) for row in rows}
    streets = s.execute(text("SELECT count(*) FROM streets")).scalar_one()
    return {"streets": streets, **{layer: held.get(layer, 0) for layer in LAYERS}}
