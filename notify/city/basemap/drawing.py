"""Draw and cache tiles. Streets and zones are read once per edition of the map."""

import gzip
import threading
from collections import OrderedDict

from sqlalchemy.orm import Session

from notify.city.basemap import areas, edition, streets
from notify.city.basemap.edition import Edition
from notify.core.kept_results import KeptResults
from zones.tiles import Feature, Tile, encode

HELD_BYTES = 48 * 2**20  # of tiles in each process: enough for a large city
Bounds = tuple[float, float, float, float]


class Drawn:
    """A cache of compressed tiles by edition. The least recently used are dropped first."""

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
    """Return the tag of the current edition and the compressed tile; b"" for an empty one."""
    of = edition.current(s)
    body = held.get(of.tag, tile)
    if body is None:
        plain = encode(layers(s, of, tile))
        body = gzip.compress(plain, 6, mtime=0) if plain else b""
        held.keep(of.tag, tile, body)
    return of.tag, body


def layers(s: Session, of: Edition, tile: Tile) -> dict[str, list[Feature]]:
    """Return the layers from bottom to top. They are of the edition `of`, or newer if an import committed since."""
    zones = _zones.get(of.zones, lambda: areas.read_zones(s))
    widths = _widths.get(of.features, lambda: areas.widest(s))
    drawn = areas.features(s, tile, widths)
    names = drawn.pop("names") + zones.names(tile)
    lines = _streets.get(of.streets, lambda: streets.read(s)).features(tile)
    return {**drawn, "streets": lines, "zones": zones.features(tile), "names": names}


def city_bounds(s: Session, of: Edition) -> Bounds | None:
    """Return the bounds to show first: of the city's boundary, else its streets, else its zones. None: no data yet."""
    found = areas.bounds(s)
    if found is None:
        found = _streets.get(of.streets, lambda: streets.read(s)).bounds
    return found or _zones.get(of.zones, lambda: areas.read_zones(s)).bounds


def zones_now(s: Session, of: Edition) -> areas.Zones:
    """Return the current zones, with an index of their shapes."""
    return _zones.get(of.zones, lambda: areas.read_zones(s))


def zone_boxes(s: Session, of: Edition) -> dict[int, Bounds]:
    """Return the box of each zone by id: west, south, east, north."""
    zones = zones_now(s, of)
    return {int(about["id"]): box for about, box in zip(zones.about, zones.boxes, strict=True)}


_streets: KeptResults[str, streets.Streets] = KeptResults(most=1)
_zones: KeptResults[str, areas.Zones] = KeptResults(most=1)
_widths: KeptResults[str, dict[str, float]] = KeptResults(most=1)


def _cost(body: bytes | None) -> int:
    return 0 if body is None else len(body) + 200  # 200: about the size of the key
