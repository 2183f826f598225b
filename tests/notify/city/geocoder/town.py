"""A little town: avenues from south to north, streets from west to east, with ranges; and some houses."""

from collections.abc import Iterator
from datetime import UTC, datetime

from shapely.geometry import LineString

from notify.city import geocoder
from notify.core.db import transaction
from zones.addresses.readings import house_number
from zones.addresses.rows import AddressRow, LandmarkRow, StreetRow

NOW = datetime(2026, 7, 1, 12, tzinfo=UTC)
WEST, SOUTH, BLOCK = -75.0, 40.0, 0.002  # degrees; 222 m from south to north


def avenue(name: str, east: int, *, first: int = 100, blocks: int = 4, south: int = 0) -> Iterator[StreetRow]:
    """A street from south to north, so many blocks east of the corner; even numbers on the left, which is west."""
    for i in range(blocks):
        start = SOUTH + (south + i) * BLOCK
        line = LineString([(WEST + east * BLOCK, start), (WEST + east * BLOCK, start + BLOCK)])
        n = first + 100 * i
        yield StreetRow(None, name, (n, n + 98), (n + 1, n + 99), "19121", "19121", 3, line)


def street(name: str, north: int, *, first: int = 100, blocks: int = 4) -> Iterator[StreetRow]:
    """A street from west to east whose numbers fall as its lines go."""
    for i in range(blocks):
        start = WEST + i * BLOCK
        line = LineString([(start, SOUTH + north * BLOCK), (start + BLOCK, SOUTH + north * BLOCK)])
        n = first + 100 * i
        yield StreetRow(None, name, (n + 98, n), (n + 99, n + 1), "", "", 3, line)


def house(number: str, street: str, lon: float, lat: float, *, unit: str = "", city: str = "", zip_code: str = "") -> (
    AddressRow
):  # fmt: skip
    parsed = house_number(number)
    assert parsed is not None
    return AddressRow(parsed, street, unit, city, zip_code, lon, lat)


def settle(
    streets: list[Iterator[StreetRow]] | None = None,
    houses: list[AddressRow] | None = None,
    landmarks: list[LandmarkRow] | None = None,
) -> None:
    with transaction() as s:
        if streets:
            geocoder.keep_streets(s, [row for one in streets for row in one], "city", NOW, confirmed=True)
        if houses:
            geocoder.keep_addresses(s, houses, "city", NOW, confirmed=True)
        if landmarks:
            geocoder.keep_landmarks(s, list(enumerate(landmarks, 1)), "city", NOW, lambda _: None, confirmed=True)


def found(text: str) -> geocoder.Found:
    with transaction() as s:
        return geocoder.find(s, text)


def suggested(text: str) -> list[str]:
    with transaction() as s:
        return [match.label for match in geocoder.suggest(s, text)]
