"""The training city's streets in the form that cities publish: block by block, with house numbers."""

from collections.abc import Iterator

import shapely
from shapely.geometry import LineString

from notify.training.city import (
    BLOCK_M,
    HEIGHT_M,
    M_PER_DEGREE_LAT,
    M_PER_DEGREE_LON,
    SNOW_ROUTE_EVERY,
    SOUTH,
    WEST,
    WIDTH_M,
    TrainingCity,
)
from notify.training.city import Street as CityStreet
from zones.addresses.readings import HouseNumber
from zones.addresses.rows import AddressRow, StreetRow

FIRST_NUMBER, PER_BLOCK = 100, round(BLOCK_M / 5)  # house numbers increase by 2 every 10 m
MAIN, SIDE = 2, 3  # ranks of `StreetRow`; the snow routes are the main streets


def blocks(city: TrainingCity) -> Iterator[StreetRow]:
    """Yield every street cut at its crossings, without the blocks in the river."""
    avenues = round(WIDTH_M / BLOCK_M) - 1
    for index, street in enumerate(city.streets):
        shapely.prepare(street.line)
        for block in range(round((HEIGHT_M if index < avenues else WIDTH_M) / BLOCK_M)):
            line = _line(street, index < avenues, block)
            if street.line.covers(line.interpolate(0.5, normalized=True)):
                yield _row(street, line, index, block, is_avenue=index < avenues)


def houses(city: TrainingCity) -> Iterator[AddressRow]:
    """Yield every house of the city."""
    points, called = city.addresses, [street.name for street in city.streets]
    columns = (points.number.tolist(), points.street.tolist(), points.lon.tolist(), points.lat.tolist())
    for number, street, lon, lat in zip(*columns, strict=True):
        yield AddressRow(HouseNumber(number), called[street], "", city.name, "", lon, lat)


def _line(street: CityStreet, is_avenue: bool, block: int) -> LineString:
    west, south, *_ = street.line.bounds
    if is_avenue:
        step = BLOCK_M / M_PER_DEGREE_LAT
        return LineString([(west, SOUTH + block * step), (west, SOUTH + (block + 1) * step)])
    step = BLOCK_M / M_PER_DEGREE_LON
    return LineString([(WEST + block * step, south), (WEST + (block + 1) * step, south)])


def _row(street: CityStreet, line: LineString, index: int, block: int, *, is_avenue: bool) -> StreetRow:
    """Make a row. Even numbers are west of an avenue, on its left, and south of a street, on its right."""
    first = FIRST_NUMBER + block * PER_BLOCK
    even, odd = (first, first + PER_BLOCK - 2), (first + 1, first + PER_BLOCK - 1)
    left, right = (even, odd) if is_avenue else (odd, even)
    rank = MAIN if index % SNOW_ROUTE_EVERY == SNOW_ROUTE_EVERY - 1 else SIDE
    return StreetRow(f"{index + 1}-{block + 1}", street.name, left, right, "", "", rank, line)
