"""Tiles drawn from what the city has, and kept. Streets and zones are read once for each edition of the map."""

import gzip
import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, TypeVar

from sqlalchemy.orm import Session

from notify.city.basemap import areas, edition, streets
from notify.city.basemap.edition import Edition
from zones.tiles import Feature, Tile, encode

HELD_BYTES = 48 * 2**20  # of tiles in each process: all those of a large city
Bounds = tuple[float, float, float, float]
T = TypeVar("T")


class Drawn:
    """Tiles that were asked for, compressed, with the edition that they are of; the oldest make room."""

    def __init__(self, most_bytes: int = HELD_BYTES) -> None:
        self._most_bytes = most_bytes
        self._bytes = 0
        self._held: OrderedDict[tuple[str, Tile], bytes] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, tag: str, tile: Tile) -> bytes | None:
        with self._lock:
            found = self._held.get((tag, tile))
            if found is not None:
                self._held.move_to_end((tag, tile))
            return found

    def keep(self, tag: str, tile: Tile, body: bytes) -> None:
        with self._lock:
            self._bytes += _cost(body) - _cost(self._held.pop((tag, tile), None))
            self._held[tag, tile] = body
            while self._bytes > self._most_bytes:
                _, oldest = self._held.popitem(last=False)
                self._bytes -= _cost(oldest)


def tile_now(s: Session, tile: Tile, held: Drawn) -> tuple[str, bytes]:
    """The tag of the edition in force, and its tile, compressed; an empty one is b""."""
    of = edition.current(s)
    body = held.get(of.tag, tile)
    if body is None:
        plain = encode(layers(s, of, tile))
        body = gzip.compress(plain, 6, mtime=0) if plain else b""
        held.keep(of.tag, tile, body)
    return of.tag, body


def layers(s: Session, of: Edition, tile: Tile) -> dict[str, list[Feature]]:
    """From the bottom to the top. The edition was asked for before: what is drawn is of it, or newer."""
    zones = _zones.get(of.zones, lambda: areas.read_zones(s))
    widths = _widths.get(of.features, lambda: areas.widest(s))
    drawn = areas.features(s, tile, widths)
    names = drawn.pop("names") + zones.names(tile)
    lines = _streets.get(of.streets, lambda: streets.read(s)).features(tile)
    return {**drawn, "streets": lines, "zones": zones.features(tile), "names": names}


def city_bounds(s: Session, of: Edition) -> Bounds | None:
    """Where to look first: the city's boundary, else its streets, else its zones. None: there is nothing yet."""
    found = areas.bounds(s)
    if found is None:
        found = _streets.get(of.streets, lambda: streets.read(s)).bounds
    return found or _zones.get(of.zones, lambda: areas.read_zones(s)).bounds


def zone_boxes(s: Session, of: Edition) -> dict[int, Bounds]:
    """The box of each zone, by its id: west, south, east, north."""
    zones = _zones.get(of.zones, lambda: areas.read_zones(s))
    return {int(about["id"]): box for about, box in zip(zones.about, zones.boxes, strict=True)}


class _Latest(Generic[T]):
    """What was made for the newest key; made once, however many ask at a time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._made: tuple[str, T] | None = None

    def get(self, key: str, make: Callable[[], T]) -> T:
        with self._lock:
            if self._made is None or self._made[0] != key:
                self._made = (key, make())
            return self._made[1]


_streets: _Latest[streets.Streets] = _Latest()
_zones: _Latest[areas.Zones] = _Latest()
_widths: _Latest[dict[str, float]] = _Latest()


def _cost(body: bytes | None) -> int:
    return 0 if body is None else len(body) + 200  # an empty tile has a key, too
