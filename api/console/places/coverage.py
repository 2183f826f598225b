"""Which zones have signed up least: on a map, in a table, with the languages asked for and a poster for each."""

from datetime import UTC, datetime
from functools import partial
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from api.auth import Viewer
from api.console.kept import SOON_S, Kept, Stored, remembered
from api.ids import Id
from api.rendering import page
from notify.audience import coverage
from notify.audience.coverage import Coverage
from notify.city import zones as city_zones
from notify.core.db import transaction
from notify.core.settings import settings
from notify.subscribers import posters

router = APIRouter(prefix="/console/coverage", include_in_schema=False)
EVERY_S, BEHIND_S = 300.0, 3600.0
STEPS = (0.5, 0.8, 1.2)  # of the average of all zones: there the colour of the map changes


@router.get("")
def show(request: Request, caller: Viewer, kind: Annotated[str, Query(max_length=30)] = "") -> Response:
    with transaction() as s:
        kinds = coverage.kinds(s)
    kind = kind if kind in kinds else next(iter(kinds), "")
    found = _coverage(kind).soon(SOON_S) if kind else None
    return page(
        request,
        "console/coverage.html",
        caller=caller,
        kind=kind,
        kinds=kinds,
        found=found,
        step_of=partial(_step, found.average) if found else None,
    )


@remembered
def _coverage(kind: str) -> Kept[Coverage]:
    """It reads all residents, so all readers share what was counted last; the page tells when that was."""
    stored = Stored(f"coverage {kind}", Coverage)
    return Kept(lambda: coverage.measure(kind, datetime.now(UTC)), EVERY_S, behind_s=BEHIND_S, stored=stored)


@router.get("/{zone_id}/poster")
def poster(zone_id: Id, caller: Viewer, paper: Literal["letter", "a4"] = "letter") -> Response:
    """The poster of a zone, as PDF."""
    with transaction() as s:
        about = posters.about(s, city_zones.of_id(s, zone_id), settings())
    made = posters.pdf(about, posters.PAPERS[paper], settings(), datetime.now(UTC))
    named = f'attachment; filename="poster-{zone_id}-{paper}.pdf"'
    return Response(made, media_type="application/pdf", headers={"Content-Disposition": named})


def _step(average: float, share: float | None) -> str:
    """Return the class of a zone on the map: 0, the least covered, to 3; "unknown" without a share."""
    return "unknown" if share is None else str(sum(share >= step * average for step in STEPS))
