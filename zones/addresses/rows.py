"""The rows of imported addresses, streets and landmarks. They are apart from their readers because looking up addresses
does not need the libraries that open files."""

from dataclasses import dataclass

from shapely.geometry.base import BaseGeometry

from zones.addresses.readings import HouseNumber


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that cannot be used. `number`: see `SheetRow`."""

    number: int
    reason: str


@dataclass(frozen=True, slots=True)
class AddressRow:
    """A house, in WGS 84."""

    number: HouseNumber
    street: str
    unit: str
    city: str
    zip: str
    lon: float
    lat: float


@dataclass(frozen=True, slots=True)
class StreetRow:
    """A block: a line in WGS 84, and the numbers on its sides from the start of the line to its end."""

    external_id: str | None
    name: str
    left: tuple[int, int] | None
    right: tuple[int, int] | None
    left_zip: str
    right_zip: str
    rank: int
    line: BaseGeometry
    route_class: str = ""  # of a snow emergency route


@dataclass(frozen=True, slots=True)
class LandmarkRow:
    """A place with a name and either a point or an address."""

    name: str
    point: tuple[float, float] | None
    address: str
