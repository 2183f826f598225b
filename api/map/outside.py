"""What a city may have set to be drawn below its own map: a PMTiles file of its own, or another server's tiles."""

import html
import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from notify.core.settings import settings
from zones import pmtiles
from zones.errors import ZoneError

FILE_ADDRESS = "/map/base.pmtiles"
# It goes into a header, where a `*` would mean every server there is. Other alphabets are written xn--.
_HOST = re.compile(r"(?:[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?")
VECTOR_ENDINGS = (".mvt", ".pbf")
# Of OpenMapTiles, Shortbread and Protomaps; an address does not say what is in its tiles.
USUAL_LAYERS = (
    "earth", "landcover", "landuse", "land", "park", "water", "ocean", "water_polygons", "waterway", "water_lines",
    "transportation", "streets", "roads", "boundary", "boundaries", "building", "buildings",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Outside:
    """A source of a style, and its vector layers. `origin`: which other server browsers have to ask, if any."""

    source: dict[str, Any]
    layers: tuple[str, ...] = ()
    origin: str = ""


def look() -> tuple[Outside | None, str]:
    """What is set, if anything; and a sentence when it cannot be used, for the operators: the map is drawn without.

    A file comes first: with it, nobody else is asked.
    """
    known = settings()
    if known.pmtiles:
        path = Path(known.pmtiles)
        return _file(path, path.stat().st_mtime_ns if path.is_file() else 0)
    try:
        return (_address(known.tiles_url, known.tiles_attribution), "") if known.tiles_url else (None, "")
    except ZoneError as error:
        return None, f"TOCSIN_TILES_URL is not used. {error}"


def policy() -> dict[str, str]:
    """The security policy of pages and workers that draw the map, where another server is asked: it, and no other."""
    found, _ = look()
    if found is None or not found.origin:
        return {}
    own = "default-src 'self'; base-uri 'none'; object-src 'none'; form-action 'self'; frame-ancestors 'none'"
    # Pictures are fetched by some browsers and taken as images by others; vector tiles are fetched.
    return {
        "Content-Security-Policy": f"{own}; img-src 'self' {found.origin}; connect-src 'self' {found.origin}",
    }


@lru_cache(maxsize=4)
def _file(path: Path, _changed_ns: int) -> tuple[Outside | None, str]:
    """As `look`. A file that cannot be used is read once, too, not at every look at the map."""
    try:
        archive = pmtiles.read(path)
    except ZoneError as error:
        return None, f"TOCSIN_PMTILES is not used. {error}"
    zooms = {"minzoom": archive.min_zoom, "maxzoom": archive.max_zoom}
    source = {"type": archive.kind, "url": f"pmtiles://{FILE_ADDRESS}", **zooms}
    return Outside(_with(source, archive.attribution), archive.layers), ""


def _address(url: str, attribution: str) -> Outside:
    try:
        parts = urlsplit(url)
    except ValueError:  # brackets that are left open
        parts = urlsplit("")
    if parts.scheme not in ("https", "http") or not _HOST.fullmatch(parts.netloc):
        raise ZoneError("It is no web address.", hint="It looks like https://tiles.example.gov/{z}/{x}/{y}.png.")
    if not all(name in parts.path + parts.query for name in ("{z}", "{x}", "{y}")):
        raise ZoneError("It does not say where zoom, column and row stand.", hint="Write them {z}, {x} and {y}.")
    origin = f"{parts.scheme}://{parts.netloc}"
    if parts.path.endswith(VECTOR_ENDINGS):
        return Outside(_with({"type": "vector", "tiles": [url], "maxzoom": 14}, attribution), USUAL_LAYERS, origin)
    return Outside(_with({"type": "raster", "tiles": [url], "tileSize": 256}, attribution), (), origin)


def _with(source: dict[str, Any], attribution: str) -> dict[str, Any]:
    return source | ({"attribution": html.escape(attribution)} if attribution else {})
