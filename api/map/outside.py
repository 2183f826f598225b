"""The base map that a city may draw below its own map: its own PMTiles file, or another server's tiles."""

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
# The host goes into a header, where a `*` would mean every server. Other alphabets are written as xn--.
_HOST = re.compile(r"(?:[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?")
VECTOR_ENDINGS = (".mvt", ".pbf")
# The layers of OpenMapTiles, Shortbread and Protomaps, because a URL does not say which layers its tiles have.
USUAL_LAYERS = (
    "earth", "landcover", "landuse", "land", "park", "water", "ocean", "water_polygons", "waterway", "water_lines",
    "transportation", "streets", "roads", "boundary", "boundaries", "building", "buildings",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Outside:
    """A source of a style, and its vector layers. `origin`: the other server that browsers fetch tiles from, if any."""

    source: dict[str, Any]
    layers: tuple[str, ...] = ()
    origin: str = ""


def look() -> tuple[Outside | None, str]:
    """Return the base map, if any, and "" or a sentence for operators why it cannot be used.

    A file takes precedence, because then no other server is involved.
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
    """Return the security policy of pages and workers with the map, if it needs another server: only that one."""
    found, _ = look()
    if found is None or not found.origin:
        return {}
    own = "default-src 'self'; base-uri 'none'; object-src 'none'; form-action 'self'; frame-ancestors 'none'"
    # Some browsers fetch raster tiles and others load them as images; vector tiles are fetched.
    return {
        "Content-Security-Policy": f"{own}; img-src 'self' {found.origin}; connect-src 'self' {found.origin}",
    }


@lru_cache(maxsize=4)
def _file(path: Path, _changed_ns: int) -> tuple[Outside | None, str]:
    """Read a file for `look`. The result is cached, also if the file cannot be used."""
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
    except ValueError:  # unbalanced brackets
        parts = urlsplit("")
    if parts.scheme not in ("https", "http") or not _HOST.fullmatch(parts.netloc):
        raise ZoneError("It is not a web address.", hint="Use one like https://tiles.example.gov/{z}/{x}/{y}.png.")
    if not all(name in parts.path + parts.query for name in ("{z}", "{x}", "{y}")):
        raise ZoneError("It lacks placeholders for zoom, column and row.", hint="Write them as {z}, {x} and {y}.")
    origin = f"{parts.scheme}://{parts.netloc}"
    if parts.path.endswith(VECTOR_ENDINGS):
        return Outside(_with({"type": "vector", "tiles": [url], "maxzoom": 14}, attribution), USUAL_LAYERS, origin)
    return Outside(_with({"type": "raster", "tiles": [url], "tileSize": 256}, attribution), (), origin)


def _with(source: dict[str, Any], attribution: str) -> dict[str, Any]:
    return source | ({"attribution": html.escape(attribution)} if attribution else {})
