"""The rows of a file, and how each kind of row is packed as a list and a shape to pass between processes."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import shapely
from shapely.geometry.base import BaseGeometry

from zones.addresses.readings import HouseNumber
from zones.addresses.rows import AddressRow, BadRow, LandmarkRow, StreetRow

Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class RowFile(Generic[Row]):
    """An iterator over the good and bad rows of a file as they are read. `notes`, and `doubts` that must be confirmed,
    are about the file as a whole."""

    notes: tuple[str, ...]
    rows: Iterator[Row | BadRow]
    doubts: tuple[str, ...] = ()

    def __iter__(self) -> Iterator[Row | BadRow]:
        return self.rows


@dataclass(frozen=True, slots=True)
class DrawnShape:
    """A valid shape of the map, in WGS 84. `name` may be empty."""

    name: str
    shape: BaseGeometry


@dataclass(frozen=True, slots=True)
class ScheduleRow:
    """A row of collection schedules as it is written. `cells`: by meaning (`zones.files.schedules`), "" for none."""

    number: int
    cells: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class RowKind(Generic[Row]):
    """A kind of row. `pack` turns a row into a list for JSON and its shape, if any, into WKB. `unpack` is the inverse
    and checks everything: it raises ValueError, TypeError, IndexError or ShapelyError."""

    name: str
    pack: Callable[[Row], tuple[list[Any], bytes | None]]
    unpack: Callable[[list[Any], bytes], Row]
    has_shape: bool = False


def _pack_address(row: AddressRow) -> tuple[list[Any], None]:
    house = row.number
    return [house.number, house.suffix, row.street, row.unit, row.city, row.zip, row.lon, row.lat], None


def _unpack_address(packed: list[Any], _: bytes) -> AddressRow:
    number, suffix, street, unit, city, zip_code, lon, lat = packed
    house = HouseNumber(int(number), str(suffix))
    return AddressRow(house, str(street), str(unit), str(city), str(zip_code), float(lon), float(lat))


def _pack_street(row: StreetRow) -> tuple[list[Any], bytes]:
    packed = [row.external_id, row.name, row.left, row.right, row.left_zip, row.right_zip, row.rank, row.route_class]
    return packed, shapely.to_wkb(row.line)


def _unpack_street(packed: list[Any], shape: bytes) -> StreetRow:
    own_id, name, left, right, left_zip, right_zip, rank, route_class = packed
    line = shapely.from_wkb(shape)
    if line.geom_type not in {"LineString", "MultiLineString"}:
        raise TypeError("a street without a line")
    own_id = None if own_id is None else str(own_id)
    sides, zips = (_side(left), _side(right)), (str(left_zip), str(right_zip))
    return StreetRow(own_id, str(name), *sides, *zips, int(rank), line, str(route_class))


def _side(packed: list[Any] | None) -> tuple[int, int] | None:
    if packed is None:
        return None
    first, last = packed
    return int(first), int(last)


def _pack_landmark(numbered: tuple[int, LandmarkRow]) -> tuple[list[Any], None]:
    number, row = numbered
    return [number, row.name, row.point, row.address], None


def _unpack_landmark(packed: list[Any], _: bytes) -> tuple[int, LandmarkRow]:
    number, name, point, address = packed
    if point is not None:
        lon, lat = point
        point = float(lon), float(lat)
    return int(number), LandmarkRow(str(name), point, str(address))


def _pack_shape(row: DrawnShape) -> tuple[list[Any], bytes]:
    return [row.name], shapely.to_wkb(row.shape)


def _unpack_shape(packed: list[Any], shape: bytes) -> DrawnShape:
    (name,) = packed
    return DrawnShape(str(name), shapely.from_wkb(shape))


def _pack_schedule(row: ScheduleRow) -> tuple[list[Any], None]:
    return [row.number, dict(row.cells)], None


def _unpack_schedule(packed: list[Any], _: bytes) -> ScheduleRow:
    number, cells = packed
    return ScheduleRow(int(number), {str(meaning): str(cell) for meaning, cell in cells.items()})


ADDRESSES = RowKind("addresses", _pack_address, _unpack_address)
STREETS = RowKind("streets", _pack_street, _unpack_street, has_shape=True)
LANDMARKS = RowKind("landmarks", _pack_landmark, _unpack_landmark)
MAP_SHAPES = RowKind("map shapes", _pack_shape, _unpack_shape, has_shape=True)
SCHEDULES = RowKind("schedules", _pack_schedule, _unpack_schedule)
