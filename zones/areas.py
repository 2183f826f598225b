"""Make areas: a corridor along a line, a strip beside a street, union and exclusion. Raise doubts about an area.

Shapes are WGS 84, longitude first; widths and distances are metres.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import shapely
from pyproj import CRS, Transformer
from shapely.geometry import box
from shapely.geometry.base import BaseGeometry

from zones import geojson, strips, tangles
from zones.errors import ZoneError
from zones.geometry import Area, clean, in_metres, metric_crs, only_wgs84, within_world
from zones.placing import Bounds, covers

Side: TypeAlias = Literal["left", "right", "both"]

WIDEST_M = 100_000.0


def corridor(line: BaseGeometry, reach_m: float) -> Area:
    """Return everything within `reach_m` of a line (or several), with rounded ends."""
    crs = _projection(line, reach_m)
    tangles.refuse(line)
    return _on_the_map(in_metres(line, crs).buffer(reach_m, quad_segs=strips.QUARTER), crs)


def beside(lines: Sequence[tuple[BaseGeometry, Side]], reach_m: float) -> Area:
    """Return the strip on the left or right of each line in its direction, or on both sides. It ends where they end.

    Lines that meet are one street, so a bend between them leaves no gap on its outer side.
    """
    whole = shapely.union_all([line for line, _ in lines])
    crs = _projection(whole, reach_m)
    ways = [way for line, side in lines for way in _ways(in_metres(line, crs), side)]
    return _on_the_map(strips.on_the_left(ways, reach_m), crs)


def _ways(metric: BaseGeometry, side: Side) -> list[strips.Way]:
    """Return the line, its reverse or both, so that the wanted side is on the left of each."""
    ways = []
    for part in shapely.get_parts(metric).tolist():
        xy = shapely.get_coordinates(part)
        ways += [xy] if side != "right" else []
        ways += [xy[::-1]] if side != "left" else []
    return ways


def combined(include: Sequence[BaseGeometry], exclude: Sequence[BaseGeometry] = ()) -> Area:
    """Return the union of `include` minus that of `exclude`. Raises ZoneError when nothing is left.

    The edge of an excluded shape stays inside: a boundary belongs to both sides, as it does for zones.
    """
    # `geometry.union` is 3 to 5 times as fast for adjacent zones but 5 times as slow for overlapping circles. Its
    # corners also differ by rounding, and therefore the area's hash.
    area = shapely.union_all(include)
    if exclude:
        area = area.difference(shapely.union_all(exclude))
        if area.is_empty:
            raise ZoneError("Nothing is left of the area: all of it is excluded.", hint="Exclude less.")
    return clean(area)[0]


def read_line(document: Mapping[str, Any] | str | bytes) -> BaseGeometry:
    """Return the lines of a GeoJSON document as one shape. Raises ZoneError if there is none, or anything else."""
    loaded = geojson.load(document) if isinstance(document, str | bytes) else geojson.known(document)
    only_wgs84(loaded)
    lines: list[BaseGeometry] = []
    for feature in geojson.features(loaded):
        shape = None if feature.geometry is None else geojson.to_shape(feature.geometry)
        if shape is None or shape.geom_type not in ("LineString", "MultiLineString"):
            what = "nothing" if shape is None else f"a {shape.geom_type}"
            raise ZoneError(f"Feature {feature.number} is {what}, not a line.", hint="A corridor runs along lines.")
        lines.extend(part for part in shapely.get_parts(shape).tolist() if not part.is_empty)
    if not lines:
        raise ZoneError("There is no line in it.", hint="A corridor runs along lines.")
    return shapely.MultiLineString(lines)


@dataclass(frozen=True, slots=True)
class Doubt:
    """A reason why an area may be a mistake, to be confirmed by its author."""

    kind: Literal["swapped", "outside-city", "whole-city"]
    question: str


def doubt(area: BaseGeometry, city: Bounds | None) -> Doubt | None:
    """Return a doubt to confirm before the area is used, or None. `city`: its known bounds; None: nothing is known."""
    if city is None:
        return None
    known = box(*city)
    if not area.intersects(known):
        turned = shapely.transform(area, lambda xy: xy[:, ::-1])
        if turned.intersects(known):
            return Doubt("swapped", "It lies outside the city. Are its latitude and longitude swapped?")
        west, south, east, north = area.bounds
        return Doubt(
            "outside-city",
            f"It lies outside the city: longitude {west:.4f} to {east:.4f}, latitude {south:.4f} to {north:.4f}.",
        )
    return Doubt("whole-city", "It covers the whole city.") if covers(area, city) else None


def _projection(line: BaseGeometry, reach_m: float) -> CRS:
    """Return a projection in metres for an area around a line. Raises ZoneError if it cannot have an area."""
    if not 0 < reach_m <= WIDEST_M:
        raise ZoneError(f"A distance of {reach_m:g} m makes no area.", hint=f"Use up to {WIDEST_M:g} m.")
    if line.is_empty:
        raise ZoneError("It is a line without points.", hint="Give at least two different points.")
    within_world(line)
    if not line.length > 0:
        raise ZoneError("It is a line without length.", hint="Give at least two different points.")
    return metric_crs(line)


def _on_the_map(metric: BaseGeometry, crs: CRS) -> Area:
    back = Transformer.from_crs(crs, "EPSG:4326", always_xy=True)
    return clean(shapely.transform(metric, back.transform, interleaved=False))[0]
