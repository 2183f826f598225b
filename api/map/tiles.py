"""`/tiles/{z}/{x}/{y}.mvt`: the city's map in vector tiles. The map is public."""

import gzip

from anyio import CapacityLimiter, to_thread
from fastapi import APIRouter, Request
from starlette.responses import Response

from notify.city import basemap
from notify.city.basemap import Drawn
from notify.core.db import transaction
from notify.core.errors import NotFound, Unavailable
from zones.tiles import MAX_ZOOM, MIN_ZOOM, Tile

router = APIRouter(include_in_schema=False)

AT_ONCE = 2  # tiles drawn at a time, so that panning a map does not take CPU time from webhooks
MOST_WAITING = 500
MVT = "application/vnd.mapbox-vector-tile"
FOR_EVER = "public, max-age=31536000, immutable"  # the URL names the edition


class Desk:
    """Draws and caches tiles in this process. Requests wait for it without a thread."""

    def __init__(self) -> None:
        self.held = Drawn()
        self._turns = CapacityLimiter(AT_ONCE)

    async def tile(self, tile: Tile, tag: str) -> tuple[str, bytes]:
        """Return the tag of the tile's edition, and the compressed tile. Raises Unavailable."""
        held = self.held.get(tag, tile)
        if held is not None:
            return tag, held
        if self._turns.statistics().tasks_waiting >= MOST_WAITING:
            raise Unavailable("Too many tiles are being requested.", hint="Try again in a moment.")
        return await to_thread.run_sync(self._draw, tile, limiter=self._turns)

    def _draw(self, tile: Tile) -> tuple[str, bytes]:
        with transaction() as s:
            return basemap.tile_now(s, tile, self.held)


@router.get("/tiles/{z}/{x}/{y}.mvt")
async def tile(request: Request, z: int, x: int, y: int, v: str = "") -> Response:
    """A tile, or 204 if it is empty. `v`: the edition that the style named; a tile of an edition never changes."""
    wanted = Tile(z, x, y)
    if not wanted.exists:
        raise NotFound("There is no such tile.", hint=f"Zooms are {MIN_ZOOM} to {MAX_ZOOM}, x and y below 2^zoom.")
    tag, body = await request.app.state.map_desk.tile(wanted, v)
    headers = {
        "ETag": f'"{tag}"',
        "Cache-Control": FOR_EVER if v == tag else "no-cache",
        "Vary": "Accept-Encoding",
    }
    if request.headers.get("if-none-match") == headers["ETag"]:
        return Response(status_code=304, headers=headers)
    if not body:
        return Response(status_code=204, headers=headers)
    if "gzip" in request.headers.get("accept-encoding", ""):
        return Response(body, headers={**headers, "Content-Encoding": "gzip"}, media_type=MVT)
    return Response(gzip.decompress(body), headers=headers, media_type=MVT)
