"""`/map/...`: the style, the city's own PMTiles file, and the worker script that parses tiles."""

from pathlib import Path
from typing import Literal

from fastapi import APIRouter
from starlette.responses import FileResponse, JSONResponse, Response

from api.map import outside
from api.map.style import style
from notify.city import basemap
from notify.core.db import transaction
from notify.core.errors import NotFound
from notify.core.settings import settings

router = APIRouter(prefix="/map", include_in_schema=False)

WORKER = Path(__file__).parents[1] / "static" / "vendor" / "maplibre-gl-worker.mjs"


@router.get("/style.json")
def read_style(theme: Literal["light", "dark"] = "light") -> Response:
    """The style, fetched for each page. It names the edition of the tiles, which can therefore be cached for ever."""
    with transaction() as s:
        edition = basemap.current(s)
        extent = basemap.city_bounds(s, edition)
    found, _ = outside.look()
    return JSONResponse(style(theme, edition.tag, extent, found), headers={"Cache-Control": "no-cache"})


@router.api_route("/base.pmtiles", methods=["GET", "HEAD"])
def read_archive() -> Response:
    """The PMTiles file, in the ranges requested (RFC 9110, section 14)."""
    path = Path(settings().pmtiles)
    if not settings().pmtiles or not path.is_file():
        raise NotFound("There is no PMTiles file.", hint="Set TOCSIN_PMTILES to the path of one.")
    return FileResponse(path, media_type="application/vnd.pmtiles", headers={"Cache-Control": "no-cache"})


@router.get("/worker.mjs")
def read_worker() -> Response:
    """The worker script. Its own security policy applies to the worker, not that of the page."""
    if not WORKER.exists():
        raise NotFound("MapLibre is not installed.", hint="Run `make setup`.")
    return FileResponse(WORKER, media_type="text/javascript", headers={"Cache-Control": "no-cache", **outside.policy()})
