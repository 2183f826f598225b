"""What other agencies say: a page for each warning, beside our own words, and their areas for the maps."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, Self

from fastapi import APIRouter, Query, Request
from shapely.geometry.base import BaseGeometry
from sqlalchemy.orm import Session
from starlette.responses import JSONResponse, Response

from api.auth import Viewer
from api.ids import Id
from api.rendering import page
from notify.alerts.words import beside_others
from notify.city.outline import in_city
from notify.core.db import transaction
from notify.models import OutsideFeed
from notify.outside import feeds, warnings
from notify.outside.warnings import Warned
from zones.geometry import to_geojson, to_wkb

router = APIRouter(prefix="/console/outside", include_in_schema=False)


@dataclass(frozen=True, slots=True)
class Others:
    """The warnings in force, and how the feeds do. `left_out`: as in `InForce`. Without feeds in the settings there are
    none."""

    warnings: Sequence[Warned] = ()
    left_out: int = 0
    feeds: Sequence[OutsideFeed] = ()

    @classmethod
    def read(cls, s: Session, now: datetime) -> Self:
        found = warnings.in_force(s, now)
        return cls(found.warnings, found.left_out, feeds.states(s))


@router.get("/areas")
def show_areas(caller: Viewer) -> Response:
    """The areas of all warnings in force, as GeoJSON."""
    with transaction() as s:
        found = warnings.in_force(s, datetime.now(UTC)).warnings
    features = [_feature(one.id, one.shape) for one in found if one.shape is not None]
    return JSONResponse({"type": "FeatureCollection", "features": features}, headers={"Cache-Control": "no-store"})


def _feature(number: int, shape: BaseGeometry) -> dict[str, Any]:
    return {"type": "Feature", "properties": {"id": number}, "geometry": to_geojson(shape)}


@router.get("/{warning_id}")
def show(
    warning_id: Id, request: Request, caller: Viewer, alert: Annotated[int, Query(ge=0, lt=2**63)] = 0
) -> Response:
    """The page. `alert`: one of ours in force, whose words are laid beside it; by default one in its area."""
    now = datetime.now(UTC)
    with transaction() as s:
        warning = warnings.find(s, warning_id)
        ours = beside_others.in_force(s, warning, now)
        chosen = next((one.id for one in ours if one.id == alert), ours[0].id if ours else 0)
        laid = beside_others.lay(s, warning, chosen) if chosen else ()
        drawing = in_city(s, to_wkb(warning.shape)) if warning.shape is not None else None
    return page(
        request,
        "console/outside.html",
        caller=caller,
        w=warning,
        now=now,
        ours=ours,
        chosen=chosen,
        laid=laid,
        drawing=drawing,
        may_draft=caller.may("draft"),
    )
