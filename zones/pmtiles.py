"""Read the header and metadata of a PMTiles archive (specification 3.4: https://github.com/protomaps/PMTiles, section
3)."""

import html
import json
import re
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zones.errors import ZoneError, one_line

HEADER_BYTES = 127
MOST_METADATA_BYTES = 4 * 2**20
NONE, GZIP = 1, 2  # the compressions that every browser can read
KINDS = {1: "vector", 2: "raster", 3: "raster", 4: "raster", 5: "raster"}  # MVT; PNG, JPEG, WebP, AVIF


@dataclass(frozen=True, slots=True)
class Archive:
    kind: str  # vector or raster
    min_zoom: int
    max_zoom: int
    bounds: tuple[float, float, float, float]
    layers: tuple[str, ...]  # of vector tiles
    attribution: str  # plain text


def read(path: Path) -> Archive:
    """Read an archive. Raises ZoneError when it cannot be read, or browsers cannot use it."""
    try:
        with path.open("rb") as file:
            header = file.read(HEADER_BYTES)
            if len(header) < HEADER_BYTES or header[:7] != b"PMTiles" or header[7] != 3:
                raise ZoneError("It is not a PMTiles archive of version 3.")
            offset, length = struct.unpack_from("<QQ", header, 24)
            if offset + length > path.stat().st_size or length > MOST_METADATA_BYTES:
                raise ZoneError("Its metadata is damaged.")
            file.seek(offset)
            metadata = _metadata(file.read(length), header[97])
    except OSError as error:
        raise ZoneError(f"It cannot be read: {error.strerror}.") from None
    if header[99] not in KINDS:
        raise ZoneError("Its tiles are neither Mapbox Vector Tiles nor images.")
    if {header[97], header[98]} - {NONE, GZIP}:
        raise ZoneError("Browsers cannot read its compression.", hint="Make it again with gzip.")
    west, south, east, north = (degrees / 1e7 for degrees in struct.unpack_from("<iiii", header, 102))
    bounds = (west, south, east, north)
    return Archive(KINDS[header[99]], header[100], header[101], bounds, _layers(metadata), _attribution(metadata))


def _metadata(packed: bytes, compression: int) -> dict[str, Any]:
    try:
        found = json.loads(_unpacked(packed) if compression == GZIP else packed or b"{}")
    except (ValueError, RecursionError, zlib.error):
        raise ZoneError("Its metadata is damaged.") from None
    return found if isinstance(found, dict) else {}


def _unpacked(packed: bytes) -> bytes:
    """Unpack metadata up to a limit, because a small archive may unpack to any size."""
    inflate = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
    body = inflate.decompress(packed, MOST_METADATA_BYTES)
    if not inflate.eof:
        raise ValueError("the metadata is truncated or too large")
    return body


def _layers(metadata: dict[str, Any]) -> tuple[str, ...]:
    said = metadata.get("vector_layers")
    named = [one.get("id") for one in said if isinstance(one, dict)] if isinstance(said, list) else []
    return tuple(name for name in named if isinstance(name, str))


def _attribution(metadata: dict[str, Any]) -> str:
    """Return the attribution as plain text; archives have it in HTML."""
    said = metadata.get("attribution")
    return one_line(html.unescape(re.sub(r"<[^>]*>", "", said)))[:200] if isinstance(said, str) else ""
