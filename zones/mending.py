"""Make a zone of a shape from a file: cut it at the antimeridian, buffer and repair it, remove slivers, and measure it.

Every change is reported, with its effect on the area.
"""

import functools
from dataclasses import dataclass

import numpy as np
import shapely
from pyproj import Transformer
from shapely.errors import ShapelyError
from shapely.geometry.base import BaseGeometry

from zones import antimeridian, gate
from zones.errors import ZoneError, one_line
from zones.files.zonefile import REPAIR_PERCENT
from zones.geometry import (
    ELLIPSOID,
    Area,
    area_m2,
    fault,
    metric_crs,
    only_polygons,
    piece_degrees,
    repaired,
    within_world,
)

SLIVER_M2 = 1.0  # smaller parts and holes are left over where borders were drawn twice
NO_POLYGON = "not a polygon."
MAX_BUFFER_M = 10_000.0
_CELL_DEGREES = 0.5  # nearby lines are buffered in one projection, accurate to 1e-5 at 40 km from its middle


@dataclass(frozen=True, slots=True)
class Fit:
    """A clean shape, or the reason why there is none. `mended`: a phrase per repair, with the change of area if any."""

    geometry: Area | None = None
    mended: tuple[tuple[str, float | None], ...] = ()
    reason: str = ""


def fit(shape: BaseGeometry | None, buffer_m: float | None) -> Fit:
    if shape is None:
        return Fit(reason="It has no shape.")
    try:
        return _fit(gate.admit(shape), buffer_m)
    except ZoneError as error:
        return Fit(reason=error.message)
    except ShapelyError as error:  # not foreseen by the checks; only this zone is bad, not the file
        return Fit(reason=f"Its shape cannot be computed ({one_line(str(error))[:80]}).")


def check_buffer(buffer_m: float | None) -> None:
    """Raise ZoneError if the width of the buffer is out of range."""
    if buffer_m is not None and not 0 < buffer_m <= MAX_BUFFER_M:
        raise ZoneError(f"A buffer of {buffer_m:g} m makes no zones.", hint="Use 1 to 10000 metres.")


def _fit(shape: BaseGeometry, buffer_m: float | None) -> Fit:
    told: list[tuple[str, float | None]] = []
    if shape.is_empty:
        raise ZoneError("It is empty.")
    if crossing := antimeridian.crosses(shape):
        shape = antimeridian.followed(shape)
        told.append(("cut at the 180th meridian", None))
    else:
        within_world(shape)
    areas, rest = _sorted(shape)
    if not rest.is_empty and buffer_m is not None:
        areas = shapely.union_all([_buffered(rest, buffer_m), *([_valid(areas)[0]] if not areas.is_empty else [])])
        told.append((f"{buffer_m:g} m around its {rest.geom_type}", None))
    elif areas.is_empty and not rest.is_empty:
        closed = " Its line is closed. If you mean its inside, save it as a polygon." if _is_closed(rest) else ""
        raise ZoneError(f"It is a {shape.geom_type}, {NO_POLYGON}{closed}")
    elif not rest.is_empty:
        told.append(("left out lines or points", None))
    area = _measured(areas, told)
    beyond = crossing or area.bounds[0] < -180 or area.bounds[2] > 180  # a buffer may extend beyond
    return Fit(only_polygons(antimeridian.cut(area)) if beyond else area, tuple(told))


def _measured(areas: BaseGeometry, told: list[tuple[str, float | None]]) -> Area:
    """Repair areas and remove slivers. The last phrase added to `told` has the change of area by both."""
    geometry, how = _valid(areas)
    if how and not geometry.is_valid:
        raise ZoneError(f"It is not valid even after repair ({fault(geometry)}).")
    whole, removed = without_slivers(geometry)
    if how or removed:
        before, after = _claimed_m2(areas), area_m2(whole) if not whole.is_empty else 0.0
        change = round(100 * (after - before) / max(before, after), 6) + 0.0 if max(before, after) > 0 else 0.0
        phrases = [phrase for phrase in (how, removed) if phrase]
        told += [(phrase, None) for phrase in phrases[:-1]] + [(phrases[-1], change)]
        # A large change must be confirmed anyway, so skip this check, which takes as long as the repair.
        if how and abs(change) <= REPAIR_PERCENT < (moved := _moved_percent(areas, geometry)):
            told.append(("its lines can be read in two ways, which differ by this much", round(moved, 6)))
    if whole.is_empty or not whole.area > 0:
        raise ZoneError("It has no area.")
    return whole


def _moved_percent(areas: BaseGeometry, repaired: Area) -> float:
    """Return how far the two usual repairs differ, in per cent of the area. They may have the same size.

    Ours counts as inside everything that a ring goes around; the other only what it goes around an odd number of times.
    """
    other = only_polygons(shapely.make_valid(areas))
    return 100 * float(repaired.symmetric_difference(other).area / max(repaired.area, other.area, 1e-300))


def without_slivers(area: Area) -> tuple[Area, str]:
    """Remove parts and holes smaller than a square metre. Return the area and a phrase about them, or ""."""
    parts = shapely.get_parts(area)
    large = parts[_rough_m2(parts) >= SLIVER_M2]
    kept = [_without_tiny_holes(part) for part in large.tolist()]
    holes = sum(count for _, count in kept)
    told = [
        f"{count} {'sliver' if count == 1 else 'slivers'}{where}"
        for count, where in ((len(parts) - len(large), ""), (holes, " of a hole"))
        if count
    ]
    if not told:
        return area, ""
    return only_polygons(shapely.MultiPolygon([part for part, _ in kept])), f"removed {' and '.join(told)}"


def _without_tiny_holes(part: BaseGeometry) -> tuple[BaseGeometry, int]:
    if not len(part.interiors):
        return part, 0
    holes = np.array(list(part.interiors))
    large = holes[_rough_m2(shapely.polygons(holes)) >= SLIVER_M2]
    return shapely.Polygon(part.exterior, list(large)), len(holes) - len(large)


def _rough_m2(polygons: object) -> "np.ndarray[tuple[int], np.dtype[np.float64]]":
    """Return square metres, accurate to one per cent, which is enough to recognise slivers."""
    bounds = shapely.bounds(polygons)
    degree_m = 111_320.0
    rough: np.ndarray[tuple[int], np.dtype[np.float64]] = (
        shapely.area(polygons) * degree_m**2 * np.cos(np.radians((bounds[:, 1] + bounds[:, 3]) / 2))
    )
    return rough


def _valid(areas: BaseGeometry) -> tuple[Area, str]:
    return (only_polygons(areas), "") if areas.is_valid else repaired(areas)


def _sorted(shape: BaseGeometry) -> tuple[BaseGeometry, BaseGeometry]:
    """Split a shape into its polygons and the rest."""
    if shape.geom_type in ("Polygon", "MultiPolygon"):
        return shape, shapely.Point()
    leaves = _leaves(shape)
    polygons = [leaf for leaf in leaves if leaf.geom_type == "Polygon"]
    rest = [leaf for leaf in leaves if leaf.geom_type != "Polygon"]
    if len(rest) == len(leaves):
        return shapely.MultiPolygon(), shape
    return shapely.MultiPolygon(polygons), shapely.GeometryCollection(rest) if rest else shapely.Point()


def _is_closed(shape: BaseGeometry) -> bool:
    """Return whether it consists of closed lines, as which some programs draw zones."""
    lines = shapely.get_parts(shape)
    return bool((shapely.get_type_id(lines) == 1).all() and shapely.is_closed(lines).all())


def _leaves(shape: BaseGeometry) -> list[BaseGeometry]:
    parts = shapely.get_parts(shape).tolist()
    if shape.geom_type == "GeometryCollection":
        return [leaf for part in parts for leaf in _leaves(part)]
    return [part for part in parts if not part.is_empty]


def _claimed_m2(areas: BaseGeometry) -> float:
    """Return the area within the shells minus that within the holes, each ring by itself, as other programs show it."""
    claimed, pieces = 0.0, piece_degrees(areas)
    for part in shapely.get_parts(areas).tolist():
        # Ring by ring, because GEOS would repair the whole before cutting its edges.
        rings = shapely.segmentize(
            [ring for ring in shapely.get_rings(part).tolist() if ring.length > 0], pieces
        ).tolist()
        enclosed = [abs(ELLIPSOID.polygon_area_perimeter(*shapely.get_coordinates(ring).T)[0]) for ring in rings]
        claimed += max(enclosed[0] - sum(enclosed[1:]), 0.0) if enclosed else 0.0
    return claimed


def _buffered(shape: BaseGeometry, buffer_m: float) -> BaseGeometry:
    west, south, east, north = shape.bounds
    lon, lat = (round((a + b) / 2 / _CELL_DEGREES) * _CELL_DEGREES for a, b in ((west, east), (south, north)))
    there, back = _metric(lon, lat)
    fine = shapely.segmentize(shape, piece_degrees(shape))
    widened = shapely.transform(fine, there.transform, interleaved=False).buffer(buffer_m)
    buffered: BaseGeometry = shapely.transform(widened, back.transform, interleaved=False)
    return antimeridian.followed(buffered) if antimeridian.crosses(buffered) else buffered


@functools.lru_cache(maxsize=64)
def _metric(lon: float, lat: float) -> tuple[Transformer, Transformer]:
    """Return the transformations into metres around a place, and back."""
    crs = metric_crs(shapely.Point(lon, lat))
    there = Transformer.from_crs("EPSG:4326", crs, always_xy=True)
    return there, Transformer.from_crs(crs, "EPSG:4326", always_xy=True)
