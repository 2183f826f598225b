"""Read untrusted KML (OGC 12-007r2) and KMZ strictly: no declarations, no links, and only valid numbers.

GDAL would read part of a faulty list of coordinates and silently make a smaller zone of it.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, NoReturn
from xml.parsers import expat

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.errors import ShapelyError
from shapely.geometry.base import BaseGeometry

from zones.errors import ZoneError
from zones.files import archives, htmltable, layers
from zones.geojson import Built, Feature, Gap

MAX_BYTES = 256 * 1024 * 1024
_DEPTH = 64  # of nested elements
_FOLDERS = ("Folder", "Document")
_ELSEWHERE = ("NetworkLink", "GroundOverlay", "PhotoOverlay", "ScreenOverlay")
_SHAPES = ("Point", "LineString", "LinearRing", "Polygon", "MultiGeometry", "Model", "Track", "MultiTrack")
_PIECE = 2**20
_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?")


@dataclass(slots=True)
class _Element:
    tag: str
    attributes: dict[str, str]
    children: list["_Element"] = field(default_factory=list)
    pieces: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        return "".join(self.pieces).strip()

    def child(self, tag: str) -> "_Element | None":
        return next((child for child in self.children if child.tag == tag), None)

    def below(self, tag: str) -> Iterator["_Element"]:
        for child in self.children:
            if child.tag == tag:
                yield child
            yield from child.below(tag)


def read(path: Path) -> tuple[list[Feature], tuple[str, ...]]:
    """Read the placemarks of a KML file, and notes on what was not read. Raises ZoneError."""
    if path.stat().st_size > MAX_BYTES:
        raise ZoneError(f"It is larger than {MAX_BYTES // 1024**2} MB.", hint="Simplify or split it.")
    with path.open("rb") as file:
        return _Reader().read(file)


def read_kmz(path: Path, layer: str | None) -> tuple[list[Feature], tuple[str, ...]]:
    """Read a KMZ as `read` does: the zip's doc.kml, or its only KML file, or the one that `layer` names."""
    with archives.opened(path) as (archive, members):
        found = {member.filename: member for member in members if member.filename.lower().endswith(".kml")}
        if not found:
            raise ZoneError("The KMZ holds no KML file.", hint="Export it again.")
        first = "doc.kml" if layer is None and "doc.kml" in found else layer
        with archive.open(found[layers.choose(found, first, "The KMZ", "KML files")]) as file:
            return _Reader().read(file)


class _Reader:
    """Parses a file and holds one placemark at a time in memory."""

    def __init__(self) -> None:
        self._open: list[_Element] = []
        self._inside: _Element | None = None  # the placemark or link that is being read
        self._features: list[Feature] = []
        self._elsewhere: dict[str, int] = {}
        self._is_kml = False

    def read(self, file: IO[bytes]) -> tuple[list[Feature], tuple[str, ...]]:
        parser = expat.ParserCreate(namespace_separator=" ")
        parser.buffer_text = True
        parser.StartDoctypeDeclHandler = _refuse_declarations
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._text
        try:
            while piece := file.read(_PIECE):
                parser.Parse(piece)
            parser.Parse(b"", True)
        except expat.ExpatError as error:
            raise ZoneError(
                f"It is not XML: {expat.ErrorString(error.code)} at line {error.lineno}.", hint="Export it again."
            ) from None
        except (LookupError, UnicodeDecodeError, ValueError):
            raise ZoneError("It is in an encoding that cannot be read.", hint="Save it as UTF-8.") from None
        if not self._is_kml:
            raise ZoneError("It is XML, but not KML.", hint="Export it again.")
        if not self._features and "NetworkLink" in self._elsewhere:
            raise ZoneError("It only links to another file, which is not fetched.", hint="Download and use that one.")
        return self._features, tuple(f"{count} {tag} not read" for tag, count in self._elsewhere.items())

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        tag = name.rpartition(" ")[2]
        self._is_kml = self._is_kml or tag == "kml" or tag in _FOLDERS or tag == "Placemark"
        element = _Element(tag, attributes)
        if len(self._open) >= _DEPTH:
            raise ZoneError(f"Its elements are nested deeper than {_DEPTH}.", hint="Export it again.")
        if self._inside is not None:
            self._open[-1].children.append(element)
        elif tag == "Placemark" or tag in _ELSEWHERE:
            self._inside = element
        self._open.append(element)

    def _text(self, text: str) -> None:
        element = self._open[-1]
        if self._inside is not None or (element.tag == "name" and len(self._open) > 1):
            element.pieces.append(text)

    def _end(self, name: str) -> None:
        element = self._open.pop()
        if element is self._inside:
            self._inside = None
            if element.tag == "Placemark":
                self._features.append(_feature(len(self._features) + 1, element, self._folder()))
            else:
                self._elsewhere[element.tag] = self._elsewhere.get(element.tag, 0) + 1
        elif self._inside is None and element.tag == "name" and self._open and self._open[-1].tag in _FOLDERS:
            self._open[-1].attributes = {"name": element.text}

    def _folder(self) -> str:
        """Return the name of the folder that contains the element just closed."""
        return next((x.attributes.get("name", "") for x in reversed(self._open) if x.tag in _FOLDERS), "")


def _refuse_declarations(*_: object) -> NoReturn:
    raise ZoneError("It declares a document type, which KML does not need.", hint="Remove the DOCTYPE.")


def _feature(number: int, placemark: _Element, folder: str) -> Feature:
    """Make a feature. Its fields: name, description, folder, id, and those of ExtendedData by their own names."""
    fields = {tag: child.text for tag in ("name", "description") if (child := placemark.child(tag)) is not None}
    fields |= {"folder": folder} if folder else {}
    fields |= {"id": placemark.attributes["id"]} if "id" in placemark.attributes else {}
    for extended in placemark.below("ExtendedData"):
        for data in extended.below("Data"):
            value = data.child("value")
            fields[data.attributes.get("name", "")] = value.text if value is not None else ""
        for data in extended.below("SimpleData"):
            fields[data.attributes.get("name", "")] = data.text
    fields.pop("", None)
    for column, text in htmltable.attributes(fields.get("description", "")).items():
        fields.setdefault(column, text)
    shapes = [child for child in placemark.children if child.tag in _SHAPES]
    shape = _Element("MultiGeometry", {}, shapes) if len(shapes) > 1 else next(iter(shapes), None)
    return Feature(number, None if shape is None else _built(shape), fields)


def _built(element: _Element) -> Built:
    try:
        gaps: list[Gap] = []
        return Built(element.tag, _shape(element, gaps), tuple(gaps))
    except ZoneError as error:
        return Built(element.tag, None, error=error)
    except (ValueError, IndexError, ShapelyError):
        return Built(element.tag, None, error=ZoneError(f"The coordinates of a {element.tag} cannot be read."))


def _shape(element: _Element, gaps: list[Gap]) -> BaseGeometry:
    """Make the shape of an element. `gaps` gets the gaps of open rings."""
    shape: BaseGeometry
    match element.tag:
        case "MultiGeometry":
            inner = [_shape(child, gaps) for child in element.children if child.tag in _SHAPES]
            kinds = {part.geom_type for part in inner}
            shape = shapely.MultiPolygon(inner) if kinds == {"Polygon"} else shapely.GeometryCollection(inner)
        case "Polygon":
            outer = [_ring(ring, gaps) for ring in _rings(element, "outerBoundaryIs")]
            if len(outer) > 1:
                raise ZoneError("A Polygon has more than one outer boundary.")
            holes = [_ring(ring, gaps) for ring in _rings(element, "innerBoundaryIs")]
            shape = shapely.Polygon(outer[0], holes) if outer else shapely.Polygon()
        case "Point":
            shape = shapely.Point(_positions(element)[:1])
        case "LineString" | "LinearRing":
            positions = _positions(element)
            if len(positions) == 1:
                raise ZoneError(f"A {element.tag} has a single position.")
            shape = shapely.LineString(positions)
        case _:  # a model or a track has no area
            shape = shapely.Point()
    return shape


def _rings(polygon: _Element, tag: str) -> list[_Element]:
    return [ring for boundary in polygon.children if boundary.tag == tag for ring in boundary.below("LinearRing")]


def _ring(element: _Element, gaps: list[Gap]) -> NDArray[np.float64]:
    positions = _positions(element)
    if len(positions) < 3:
        raise ZoneError(f"A ring of a Polygon has {len(positions)} positions.")
    first, last = positions[0].tolist(), positions[-1].tolist()
    if first != last:
        gaps.append(((last[0], last[1]), (first[0], first[1])))
    return positions


def _positions(element: _Element) -> NDArray[np.float64]:
    """Read coordinates (section 10.7): lon,lat or lon,lat,altitude, separated by spaces."""
    holders = [child for child in element.children if child.tag == "coordinates"]
    if len(holders) > 1:
        raise ZoneError(f"A {element.tag} has its coordinates in {len(holders)} pieces.")
    tuples = [text.split(",") for holder in holders for text in holder.text.split()]
    if not all(len(numbers) in (2, 3) for numbers in tuples):
        raise ZoneError(f"The coordinates of a {element.tag} are not pairs of longitude,latitude.")
    flat = [text for numbers in tuples for text in numbers[:2]]
    if not all(map(_NUMBER.fullmatch, flat)):
        raise ZoneError(f"The coordinates of a {element.tag} are not all numbers.")
    return np.array(flat, dtype=np.float64).reshape(-1, 2)
