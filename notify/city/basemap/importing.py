"""Import a layer of the map from a file. It replaces the whole layer or, on an error, nothing."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any

import shapely
from shapely.geometry.base import BaseGeometry
from sqlalchemy import delete, insert, text
from sqlalchemy.orm import Session

from notify.accounts import operators
from notify.city.basemap.areas import LAYERS
from notify.city.geocoder import standing
from notify.core import audit, db
from notify.core.errors import Invalid
from notify.models import MapFeature, Operator
from zones.addresses.rows import BadRow
from zones.files.rowfile import DrawnShape

ROWS_AT_ONCE = 5_000


@dataclass(frozen=True, slots=True)
class LayerImport:
    """The result of an import. `left_out`: a sentence per shape that cannot be drawn. `notes`: on the whole file."""

    layer: str
    kept: int
    left_out: tuple[str, ...]
    notes: tuple[str, ...] = ()


def replace_layer(
    s: Session, layer: str, shapes: Iterable[DrawnShape | BadRow], now: datetime, by: Operator | None = None, *,
    confirmed: bool = False,
) -> LayerImport:  # fmt: skip
    """Import a layer. `confirmed`: somebody has checked where it lies. Raises Invalid when there is no such layer, when
    nothing in the file can be drawn, and when it must be confirmed that the file is complete or lies in the city (see
    `standing`)."""
    operators.require_by(by, "administer")
    check_layer(layer)
    notes = standing.notes_of(shapes, confirmed=confirmed)
    left_out: list[str] = []
    kept = keep_layer(s, layer, _good(shapes, left_out), left_out)
    if not kept:
        raise Invalid("Nothing in it can be drawn.", details=left_out[:5], hint="Use a file of lines or polygons.")
    if not confirmed:
        elsewhere, note = standing.leave_out_what_is_elsewhere(s, "map_features", layer, standing.city_before(s))
        kept, notes = kept - elsewhere, [*notes, note] if note else notes
    audit.note(s, now=now, by=by, action="import", subject="map", subject_id=0, layer=layer, shapes=kept)
    return LayerImport(layer, kept, tuple(left_out), tuple(notes))


def check_layer(layer: str) -> None:
    if layer not in LAYERS:
        raise Invalid(f"There is no map layer {layer!r}.", hint=f"Layers: {', '.join(LAYERS)}.")


def has_lines(layer: str) -> bool:
    """Return whether a layer may have lines as well as areas: water and boundaries may, buildings and parks may not."""
    return layer in ("water", "boundary")


def _good(shapes: Iterable[DrawnShape | BadRow], left_out: list[str]) -> Iterator[tuple[str, BaseGeometry]]:
    for one in shapes:
        if isinstance(one, BadRow):
            left_out.append(f"Feature {one.number}: {one.reason}")
        else:
            yield one.name, one.shape


def keep_layer(
    s: Session, layer: str, shapes: Iterable[tuple[str, BaseGeometry]], left_out: list[str] | None = None
) -> int:
    """Replace the shapes of a layer by these names and valid shapes (WGS 84). Return how many were stored. `left_out`
    gets a sentence for each shape that PostgreSQL refuses."""
    # Imports run one at a time; otherwise both would delete the old rows and both would add theirs.
    s.execute(text("LOCK TABLE map_features IN SHARE ROW EXCLUSIVE MODE"))
    s.execute(delete(MapFeature).where(MapFeature.layer == layer))
    rows = (_row(layer, name, shape) for name, shape in shapes)
    kept = 0

    def write(some: Sequence[dict[str, Any]]) -> int:
        s.execute(insert(MapFeature), list(some))
        return len(some)

    def refuse(row: dict[str, Any], why: Exception) -> None:
        if left_out is not None:
            left_out.append(f"{row['name'] or 'A shape'}: The database refused it ({db.reason(why)}).")

    while piece := list(islice(rows, ROWS_AT_ONCE)):
        kept += sum(db.in_halves(piece, write, refuse, s.begin_nested))
    return kept


def _row(layer: str, name: str, shape: BaseGeometry) -> dict[str, Any]:
    west, south, east, north = shape.bounds
    wkb = shapely.to_wkb(shape, byte_order=1)
    return {
        "layer": layer, "name": name, "geometry": wkb, "west": west, "south": south, "east": east, "north": north
    }  # fmt: skip


def counts(s: Session) -> dict[str, int]:
    """Return the number of rows of each layer and of the streets."""
    rows = s.execute(text("SELECT layer, count(*) AS held FROM map_features GROUP BY layer")).all()
    held = {row.layer: int(row.held) for row in rows}
    streets = s.execute(text("SELECT count(*) FROM streets")).scalar_one()
    return {"streets": streets, **{layer: held.get(layer, 0) for layer in LAYERS}}
