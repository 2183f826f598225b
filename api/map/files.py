"""`/map/...`: the style, the city's own PMTiles file, and the script that takes tiles apart beside the page."""

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
    """Asked anew for each page: it names the edition of the tiles, which may then be kept for ever."""
    with transaction() as s:
        edition = basemap.current(s)
        extent = basemap.city_bounds(s, edition)
    found, _ = outside.look()
    return JSONResponse(style(theme, edition.tag, extent, found), headers={"Cache-Control": "no-cache"})


@router.api_route("/base.pmtiles", methods=["GET", "HEAD"])
def read_archive() -> Response:
    """In the pieces that are asked for (RFC 9110, section 14)."""
    path = Path(settings().pmtiles)
    if not settings().pmtiles or not path.is_file():
        raise NotFound("There is no PMTiles file.", hint="TOCSIN_PMTILES names one.")
    return FileResponse(path, media_type="application/vnd.pmtiles", headers={"Cache-Control": "no-cache"})


@router.get("/worker.mjs")
def read_worker() -> Response:
    """A worker is under the policy that its own script came with, not under that of the page."""
    if not WORKER.exists():
        raise NotFound("MapLibre is not there.", hint="`make setup` fetches it.")
    return FileResponse(WORKER, media_type="text/javascript", headers={"Cache-Control": "no-cache", **outside.policy()})
