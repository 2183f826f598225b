"""What an import of addresses, streets or landmarks brings, row by row. Apart from the readers: those who only look
addresses up need none of the libraries that open files."""

from dataclasses import dataclass

from shapely.geometry.base import BaseGeometry

from zones.addresses.readings import HouseNumber


@dataclass(frozen=True, slots=True)
class BadRow:
    """`number` as in `SheetRow`."""

    number: int
    reason: str


@dataclass(frozen=True, slots=True)
class AddressRow:
    """A house. WGS 84."""

    number: HouseNumber
    street: str
    unit: str
    city: str
    zip: str
    lon: float
    lat: float


@dataclass(frozen=True, slots=True)
class StreetRow:
    """A block: a line in WGS 84, and the numbers on its sides from its beginning to its end."""

    external_id: str | None
    name: str
    left: tuple[int, int] | None
    right: tuple[int, int] | None
    left_zip: str
    right_zip: str
    rank: int
    line: BaseGeometry


@dataclass(frozen=True, slots=True)
class LandmarkRow:
    """A place with a name: its point, or the address that it has."""

    name: str
    point: tuple[float, float] | None
    address: str
