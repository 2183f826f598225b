"""In which parts of an area each resident has places, as bits of a number. Pure."""

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from zones.membership import Floats, Membership

MOST_PARTS = 60  # a bit each in 64 bits, with room to spare
Parts = Sequence[tuple[int, Membership]]  # number, from 1, and area


def sets_of(
    parts: Parts, residents: int, place_of: NDArray[np.integer], lon: Floats, lat: Floats, radius_m: Floats | None
) -> NDArray[np.int64]:
    """Return the set of parts of each resident as bits: 1 << number. `place_of`: the resident of each place, an index;
    lon and lat in degrees."""
    bits = np.zeros(residents, dtype=np.int64)
    for number, area in parts:
        there = np.zeros(residents, dtype=bool)
        there[place_of[area.inside(lon, lat, radius_m)]] = True
        bits[there] |= np.int64(1) << number
    return bits


def bits_of(parts: Iterable[int]) -> int:
    return sum(1 << part for part in set(parts))


def parts_of_bits(bits: int) -> frozenset[int]:
    return frozenset(part for part in range(1, MOST_PARTS + 1) if bits >> part & 1)
