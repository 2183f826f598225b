"""Read TopoJSON (specification 1.0) strictly. Shapes share arcs, so a small file can hold a huge number of corners."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from zones.errors import ZoneError
from zones.files import layers
from zones.geojson import Built, Feature

MAX_POSITIONS = 10_000_000  # in all shapes together: 160 MB
_DEPTH = 8
_Arcs = Sequence[NDArray[np.float64]]


def features(document: Mapping[str, Any], layer: str | None) -> list[Feature]:
    """Return the shapes of an object, a feature each. `layer` names one object of several. Raises ZoneError."""
    objects = document.get("objects")
    if not isinstance(objects, Mapping) or not objects:
        raise ZoneError("Its topology has no objects.", hint="Export it again.")
    chosen = objects[layers.choose([str(name) for name in objects], layer, "The topology", "objects")]
    if not isinstance(chosen, Mapping):
        raise ZoneError("Its object is not a TopoJSON object.", hint="Export it again.")
    members = chosen.get("geometries") if chosen.get("type") == "GeometryCollection" else [chosen]
    if not isinstance(members, list):
        raise ZoneError("Its geometry collection cannot be read.")
    builder = _Builder(document)
    return [_feature(number, member, builder) for number, member in enumerate(members, 1)]


def _feature(number: int, member: object, builder: "_Builder") -> Feature:
    if not isinstance(member, Mapping):
        return Feature(number, Built("", None, error=ZoneError("It is not a TopoJSON object.")), {})
    properties = member.get("properties")
    fields = dict(properties) if isinstance(properties, Mapping) else {}
    if isinstance(member.get("id"), str | int | float):
        fields.setdefault("id", member["id"])
    kind = member.get("type")
    if kind is None:
        return Feature(number, None, fields)
    shown = str(kind)[:30]
    try:
        return Feature(number, Built(shown, builder.shape(member)), fields)
    except (ValueError, TypeError, IndexError, OverflowError, shapely.errors.ShapelyError):
        error = ZoneError(f"The {shown} cannot be read: its arcs are not those of a {shown}.")
        return Feature(number, Built(shown, None, error=error), fields)


class _Builder:
    def __init__(self, document: Mapping[str, Any]) -> None:
        self._is_quantized = document.get("transform") is not None
        self._scale, self._shift = _transform(document.get("transform"))
        arcs = document.get("arcs")
        if not isinstance(arcs, list):
            raise ZoneError("Its topology has no list of arcs.", hint="Export it again.")
        try:
            self._arcs: _Arcs = [self._decoded(arc) for arc in arcs]
        except (ValueError, TypeError, OverflowError):
            raise ZoneError("Its arcs cannot be read.", hint="Export it again.") from None
        self._used = 0

    def shape(self, geometry: Mapping[str, Any], depth: int = 0) -> BaseGeometry:
        built: BaseGeometry
        arcs = geometry.get("arcs")
        match geometry.get("type"):
            case "Polygon":
                built = self._polygon(arcs)
            case "MultiPolygon":
                built = shapely.MultiPolygon([self._polygon(rings) for rings in _list(arcs)])
            case "LineString":
                built = shapely.LineString(self._line(arcs))
            case "MultiLineString":
                built = shapely.MultiLineString([self._line(line) for line in _list(arcs)])
            case "Point":
                built = shapely.Point(self._placed(_pairs([geometry.get("coordinates")])))
            case "MultiPoint":
                built = shapely.MultiPoint(self._placed(_pairs(geometry.get("coordinates"))))
            case "GeometryCollection" if depth < _DEPTH:
                built = shapely.GeometryCollection(
                    [self.shape(part, depth + 1) for part in _list(geometry.get("geometries"))]
                )
            case _:
                raise ValueError("not a TopoJSON type")
        return built

    def _polygon(self, rings: Any) -> BaseGeometry:
        lines = [self._line(ring) for ring in _list(rings)]
        polygon: BaseGeometry = shapely.Polygon(lines[0], lines[1:]) if lines else shapely.Polygon()
        return polygon

    def _line(self, indices: Any) -> NDArray[np.float64]:
        """Join arcs (section 2.1.4): ~n is arc n backwards, and each begins where the last one ended."""
        if not all(type(index) is int for index in _list(indices)):
            raise ValueError("not an index")
        self._used += sum(len(self._arcs[index if index >= 0 else ~index]) for index in indices)
        if self._used > MAX_POSITIONS:
            raise ZoneError(f"Its shapes have more than {MAX_POSITIONS:,} positions.", hint="Simplify or split it.")
        pieces = [self._arcs[index] if index >= 0 else self._arcs[~index][::-1] for index in indices]
        return np.concatenate([piece[min(place, 1) :] for place, piece in enumerate(pieces)])

    def _decoded(self, arc: Any) -> NDArray[np.float64]:
        """Decode an arc (section 2.1.3): with a transform, each position is relative to the one before."""
        positions = _pairs(arc)
        return self._placed(positions.cumsum(axis=0) if self._is_quantized else positions)

    def _placed(self, positions: NDArray[np.float64]) -> NDArray[np.float64]:
        return positions * self._scale + self._shift


def _transform(transform: Any) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    if transform is None:
        return np.ones(2), np.zeros(2)
    try:
        return _pairs([transform["scale"]])[0], _pairs([transform["translate"]])[0]
    except (ValueError, TypeError, KeyError, OverflowError):
        raise ZoneError("Its transform cannot be read.", hint="Export it again.") from None


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise TypeError("not a list")
    return value


def _pairs(positions: Any) -> NDArray[np.float64]:
    if not all(type(number) in (int, float) for position in _list(positions) for number in _list(position)[:2]):
        raise ValueError("not a number")
    return np.array([position[:2] for position in positions], dtype=np.float64).reshape(-1, 2)
