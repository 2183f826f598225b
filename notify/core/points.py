"""Seal and open the points of residents' places.

With coordinates in clear, a stolen dump and a public address file would reveal every home. So a point is stored as one
AES block, and PostgreSQL finds it by a keyed hash of its grid cell (docs/adr/0027).
"""

import math
from collections.abc import Sequence
from itertools import product
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from notify.core import crypto
from notify.core.errors import Invalid, Unavailable
from notify.core.translation import gettext as _

UNITS = 10_000_000  # in a degree: coordinates are kept to 1e-7 degrees, about a centimetre
CELL = 100_000  # units along the side of a cell: 0.01 degrees, 1.1 km from south to north
CELLS_MOST = 4_096  # a search of more cells reads all places instead
CELL_BYTES = 8
AT_ONCE = 32_768  # points opened in one call, few enough for the processor's cache
POINT_KEY, CELL_KEY = "point", "cell"  # the purposes of the derived keys

# One place as SQL and PostgreSQL's send functions write it: big-endian.
SENT = "int8send(subscriber_id) || point_sealed || float4send(radius_m)"
ROW = np.dtype([("subscriber_id", ">i8"), ("point_sealed", "V16"), ("radius_m", ">f4")])

# The resident's id makes the block of every place unique, so that equal blocks never occur and neighbours look
# unrelated. It also shows whether a block was deciphered correctly.
_BLOCK = np.dtype([("subscriber", ">i8"), ("lon", ">i4"), ("lat", ">i4")])
_CELL = np.dtype([("column", ">i8"), ("row", ">i8")])
_INDEX = np.dtype(">u8")


class Sealed(NamedTuple):
    """The columns of `places` that hold a point."""

    point_sealed: bytes
    cell_index: bytes


class Points(NamedTuple):
    """Degrees, WGS 84. A point that is not readable is damaged or another resident's; ignore its coordinates."""

    lon: NDArray[np.float64]
    lat: NDArray[np.float64]
    readable: NDArray[np.bool_]


def seal(subscriber_id: int, lon: float, lat: float) -> Sealed:
    """Seal the point of one place, rounded to 1e-7 degrees. Raises Invalid for impossible coordinates.

    Call `keyring.hold` in the transaction that writes it: the key must not change in between.
    """
    return seal_all([subscriber_id], [lon], [lat])[0]


def seal_all(subscribers: ArrayLike, lon: ArrayLike, lat: ArrayLike, master: bytes | None = None) -> list[Sealed]:
    """Seal many points, by default with the key in force."""
    master = master or crypto.ring().in_force
    blocks = np.empty(len(np.asarray(subscribers)), dtype=_BLOCK)
    blocks["subscriber"], blocks["lon"], blocks["lat"] = subscribers, _units(lon, 180), _units(lat, 90)
    sealed = _parts(crypto.encipher(blocks.tobytes(), POINT_KEY, master))
    return [Sealed(*pair) for pair in zip(sealed, _indexes(_cells_of(blocks), master), strict=True)]


def open_all(subscribers: NDArray[Any], sealed: NDArray[np.void]) -> Points:
    """Open points sealed with any key of this process. `subscribers`: the expected resident of each."""
    count = len(sealed)
    lon, lat, readable = np.zeros(count), np.zeros(count), np.zeros(count, dtype=bool)
    for part in (slice(at, at + AT_ONCE) for at in range(0, count, AT_ONCE)):
        blocks = sealed[part].tobytes()
        for master in crypto.known():
            opened = np.frombuffer(crypto.decipher(blocks, POINT_KEY, master), dtype=_BLOCK)
            fits = opened["subscriber"] == subscribers[part]
            np.divide(opened["lon"], UNITS, out=lon[part], where=fits)
            np.divide(opened["lat"], UNITS, out=lat[part], where=fits)
            readable[part] |= fits
            if readable[part].all():
                break
    return Points(lon, lat, readable)


def are_sound(subscribers: NDArray[Any], sealed: NDArray[np.void], indexes: Sequence[bytes]) -> NDArray[np.bool_]:
    """Whether each point opens and has the index of its cell; otherwise a search in a small area misses it."""
    sound = np.zeros(len(sealed), dtype=bool)
    stored = np.frombuffer(b"".join(indexes), dtype=_INDEX)
    for master in crypto.known():
        opened = np.frombuffer(crypto.decipher(sealed.tobytes(), POINT_KEY, master), dtype=_BLOCK)
        right = np.frombuffer(b"".join(_indexes(_cells_of(opened), master)), dtype=_INDEX)
        sound |= (opened["subscriber"] == subscribers) & (right == stored)
    return sound


def open_one(subscriber_id: int, sealed: bytes) -> tuple[float, float]:
    """Open one point as (lon, lat). Raises Unavailable when it is damaged or not this resident's."""
    points = open_all(np.array([subscriber_id]), blocks([sealed]))
    if not points.readable[0]:
        raise Unavailable(
            _("A place of resident %(resident)s cannot be read: it is damaged.", resident=subscriber_id),
            hint=_("Enter the place again."),
        )
    return float(points.lon[0]), float(points.lat[0])


def rekeyed(subscribers: Sequence[int], sealed: Sequence[Sealed], master: bytes) -> list[Sealed]:
    """Seal the points with another master key; unreadable ones stay as they are."""
    points = open_all(np.array(subscribers, dtype=np.int64), blocks([one.point_sealed for one in sealed]))
    anew = seal_all(subscribers, points.lon * points.readable, points.lat * points.readable, master)
    return [new if fits else old for new, old, fits in zip(anew, sealed, points.readable, strict=True)]


def blocks(sealed: Sequence[bytes]) -> NDArray[np.void]:
    """Stored points in the form that `open_all` takes."""
    return np.frombuffer(b"".join(sealed), dtype=ROW["point_sealed"])


def cells(west: float, south: float, east: float, north: float) -> list[bytes] | None:
    """The indexes, under each key of this process, of the cells that a box touches. None when they are so
    many that reading all places is quicker."""
    columns, rows = _span(west, east, 180), _span(south, north, 90)
    if len(columns) * len(rows) > CELLS_MOST:
        return None
    touched = np.array(list(product(columns, rows)), dtype=_CELL)
    return [index for master in crypto.known() for index in _indexes(touched, master)]


def _span(least: float, most: float, limit: int) -> range:
    """The cells between two degrees, with a margin of one unit, so that rounding never loses a cell."""
    least, most = max(least, -limit), min(most, limit)
    if not least <= most:
        return range(0)
    return range((math.floor(least * UNITS) - 1) // CELL, (math.ceil(most * UNITS) + 1) // CELL + 1)


def _cells_of(blocks: NDArray[np.void]) -> NDArray[np.void]:
    cells = np.empty(blocks.size, dtype=_CELL)
    cells["column"], cells["row"] = blocks["lon"] // CELL, blocks["lat"] // CELL
    return cells


def _indexes(cells: NDArray[np.void], master: bytes) -> list[bytes]:
    """The keyed index of each cell: half a block. Cells that share one are read together; their points differ."""
    return [block[:CELL_BYTES] for block in _parts(crypto.encipher(cells.tobytes(), CELL_KEY, master))]


def _parts(blocks: bytes) -> list[bytes]:
    return [blocks[at : at + crypto.BLOCK_BYTES] for at in range(0, len(blocks), crypto.BLOCK_BYTES)]


def _units(degrees: ArrayLike, limit: int) -> NDArray[np.int32]:
    degrees = np.asarray(degrees, dtype=np.float64)
    if not (np.abs(degrees) <= limit).all():  # NaN fails this as well
        raise Invalid(
            _("A place lies outside of the world."),
            hint=_("Longitude is -180 to 180, latitude -90 to 90, in degrees."),
        )
    units: NDArray[np.int32] = np.rint(degrees * UNITS).astype(np.int32)
    return units
