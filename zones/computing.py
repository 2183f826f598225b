"""Make the area of an alert from its parts: zones, drawn polygons, circles, corridors, strips beside streets.

Requests and results are values that can be sent to another process, which computes the area: see geometry_pool.py.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import shapely
from shapely.errors import ShapelyError
from shapely.geometry.base import BaseGeometry

from zones import areas, gate, geojson
from zones.areas import Doubt, Side
from zones.errors import ZoneError, one_line
from zones.geometry import Area, area_m2, circle, from_wkb, parse_area, to_wkb
from zones.placing import Bounds

MOST_CORNERS = 250_000  # in everything drawn for one alert; an evacuation zone of a whole county has 70,000
# How often a straight line across a shape meets its border, on average. Deciding whether a point is inside takes as
# many steps. Real zones have 2 to 30; a star with 100,000 corners has 30,000 and would take an hour for a city.
MOST_CROSSINGS = 1_000


@dataclass(frozen=True, slots=True)
class KeptShape:
    """A stored zone, as WKB."""

    wkb: bytes


@dataclass(frozen=True, slots=True)
class DrawnShape:
    """Polygons, as GeoJSON text."""

    geojson: str


@dataclass(frozen=True, slots=True)
class Disc:
    """A circle around a point in degrees."""

    lon: float
    lat: float
    radius_m: float


@dataclass(frozen=True, slots=True)
class Corridor:
    """Everything within `reach_m` of lines, given as GeoJSON text."""

    geojson: str
    reach_m: float


@dataclass(frozen=True, slots=True)
class Strip:
    """The strip beside lines (WKB), on the given side of each."""

    lines: tuple[tuple[bytes, Side], ...]
    reach_m: float


Piece: TypeAlias = KeptShape | DrawnShape | Disc | Corridor | Strip
DRAWN = (DrawnShape, Disc, Corridor)


@dataclass(frozen=True, slots=True)
class AreaRequest:
    """The pieces to unite, and those to exclude from the union.

    `city`: its known bounds. `confirmed`: doubts about drawn pieces that the author has confirmed.
    """

    include: tuple[Piece, ...]
    exclude: tuple[Piece, ...] = ()
    city: Bounds | None = None
    confirmed: tuple[str, ...] = ()

    @property
    def is_plain(self) -> bool:
        """Whether it is a single zone or circle, which involves no shape drawn by a user."""
        return not self.exclude and len(self.include) == 1 and isinstance(self.include[0], KeptShape | Disc)


@dataclass(frozen=True, slots=True)
class ComputedArea:
    """An area and its size, and the first doubt that is not confirmed."""

    shape: Area
    area_m2: float
    doubt: Doubt | None = None


def compute(request: AreaRequest) -> ComputedArea:
    """Make one area of the pieces. Raises ZoneError, also when GEOS raises an exception."""
    try:
        _refuse_many_corners(request)
        included = [_shape(piece) for piece in request.include]
        excluded = [_shape(piece) for piece in request.exclude]
        doubt = _doubt(request, included, excluded)
        shape = included[0] if len(included) == 1 and not excluded else areas.combined(included, excluded)
        refuse_dense(shape)
        return ComputedArea(shape, area_m2(shape), doubt)
    except ShapelyError as error:
        raise ZoneError(
            f"The area cannot be computed: {one_line(str(error))[:120]}.", hint="Simplify it, or draw it again."
        ) from None


def refuse_dense(shape: BaseGeometry) -> None:
    """Raise ZoneError when the border winds so much that testing points against it would take too long."""
    if shapely.get_num_coordinates(shape) <= MOST_CROSSINGS:
        return
    parts = shapely.get_parts(shape)
    lines = shapely.get_rings(parts) if "Polygon" in shape.geom_type else parts
    xy, line = shapely.get_coordinates(lines, return_index=True)
    steps = np.abs(np.diff(xy, axis=0))[line[1:] == line[:-1]]
    west, south, east, north = shape.bounds
    crossings = steps.sum(axis=0) / np.maximum([east - west, north - south], 1e-12)
    if crossings.max() > MOST_CROSSINGS:
        raise ZoneError(
            f"Its border runs across it {crossings.max():,.0f} times; at most {MOST_CROSSINGS:,} can be used.",
            hint="Simplify it, or draw it again.",
        )


def _refuse_many_corners(request: AreaRequest) -> None:
    """Raise ZoneError before anything is parsed: every position in a GeoJSON text opens a bracket."""
    pieces = (*request.include, *request.exclude)
    corners = sum(piece.geojson.count("[") for piece in pieces if isinstance(piece, DrawnShape | Corridor))
    if corners > MOST_CORNERS:
        raise ZoneError(
            f"The drawn shapes have {corners:,} corners; at most {MOST_CORNERS:,} can be used.",
            hint="Simplify it, or import it as a zone.",
        )


def _shape(piece: Piece) -> Area:
    match piece:
        case KeptShape(wkb):
            return from_wkb(wkb)
        case DrawnShape(text):
            shape = _drawn(text)
        case Disc(lon, lat, radius_m):
            return circle(lon, lat, radius_m)
        case Corridor(text, reach_m):
            shape = areas.corridor(areas.read_line(text), reach_m)
        case Strip(lines, reach_m):
            shape = areas.beside([(gate.from_wkb(line), side) for line, side in lines], reach_m)
    refuse_dense(shape)
    return shape


def _drawn(text: str) -> Area:
    document = geojson.load(text, compact=True)
    for feature in geojson.features(document):
        if feature.geometry is not None:  # before GEOS checks whether it is valid
            refuse_dense(geojson.to_shape(feature.geometry))
    return parse_area(document)


def _doubt(request: AreaRequest, included: Sequence[Area], excluded: Sequence[Area]) -> Doubt | None:
    """Return the first doubt about drawn pieces that is not confirmed. Zones raise no doubts.

    Drawn pieces are checked one by one and together, because two halves cover the whole city too. Excluded pieces are
    checked because a mistake there would alert people who should be left out.
    """
    drawn = [shape for piece, shape in zip(request.include, included, strict=True) if isinstance(piece, DRAWN)]
    without = [shape for piece, shape in zip(request.exclude, excluded, strict=True) if isinstance(piece, DRAWN)]
    if len(drawn) > 1:
        drawn.append(areas.combined(drawn))
    doubts = [(areas.doubt(shape, request.city), {*request.confirmed}) for shape in drawn]
    doubts += [(areas.doubt(shape, request.city), {*request.confirmed, "whole-city"}) for shape in without]
    return next((doubt for doubt, confirmed in doubts if doubt is not None and doubt.kind not in confirmed), None)


# The form in which requests and results pass between processes: a document and shapes (zones/files/frames.py).

Packed: TypeAlias = tuple[dict[str, Any], list[bytes]]
_KINDS: dict[str, type[Any]] = {"drawn": DrawnShape, "disc": Disc, "corridor": Corridor}


def pack_request(request: AreaRequest) -> Packed:
    shapes: list[bytes] = []
    document = {
        "include": [_pack(piece, shapes) for piece in request.include],
        "exclude": [_pack(piece, shapes) for piece in request.exclude],
        "city": request.city,
        "confirmed": request.confirmed,
    }
    return document, shapes


def unpack_request(document: dict[str, Any], shapes: Sequence[bytes]) -> AreaRequest:
    left = iter(shapes)
    include, exclude = (tuple(_unpack(piece, left) for piece in document[name]) for name in ("include", "exclude"))
    city = document["city"]
    return AreaRequest(include, exclude, None if city is None else tuple(city), tuple(document["confirmed"]))


def pack_area(found: ComputedArea) -> Packed:
    doubt = None if found.doubt is None else [found.doubt.kind, found.doubt.question]
    return {"area_m2": found.area_m2, "doubt": doubt}, [to_wkb(found.shape)]


def unpack_area(document: dict[str, Any], shapes: Sequence[bytes]) -> ComputedArea:
    (shape,) = shapes
    doubt = None if document["doubt"] is None else Doubt(*document["doubt"])
    return ComputedArea(from_wkb(shape), float(document["area_m2"]), doubt)


def _pack(piece: Piece, shapes: list[bytes]) -> list[Any]:
    match piece:
        case KeptShape(wkb):
            shapes.append(wkb)
            return ["kept"]
        case Strip(lines, reach_m):
            shapes.extend(line for line, _ in lines)
            return ["strip", [side for _, side in lines], reach_m]
        case DrawnShape(text):
            return ["drawn", text]
        case Disc(lon, lat, radius_m):
            return ["disc", lon, lat, radius_m]
        case Corridor(text, reach_m):
            return ["corridor", text, reach_m]


def _unpack(packed: Sequence[Any], shapes: Iterator[bytes]) -> Piece:
    kind, *values = packed
    if kind == "kept":
        return KeptShape(next(shapes))
    if kind == "strip":
        sides, reach_m = values
        return Strip(tuple((next(shapes), side) for side in sides), reach_m)
    piece: Piece = _KINDS[kind](*values)
    return piece
