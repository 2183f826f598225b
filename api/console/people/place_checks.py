"""Addresses that residents typed and the city's file lacks: look each up, and accept or refuse it."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Form, Request
from sqlalchemy.orm import Session
from starlette.responses import RedirectResponse, Response

from api.auth import Caller, Viewer
from api.errors import tell
from api.ids import Id
from api.rendering import page
from api.resident import places
from notify.accounts import operators
from notify.core.db import transaction
from notify.core.errors import Invalid, NotFound, Refused, TocsinError
from notify.core.translation import gettext as _
from notify.subscribers import place_checks
from notify.subscribers.place_checks import Moved

router = APIRouter(prefix="/console/place-checks", include_in_schema=False)
AT_ONCE = 20  # on one page: each is looked for in the city's file
Text = Annotated[str, Form(max_length=320)]


@router.get("")
def show(request: Request, caller: Viewer) -> Response:
    return _page(request, caller)


@router.post("/{check_id}/accept")
def accept(
    check_id: Id,
    request: Request,
    caller: Viewer,
    to: Text = "as-it-is",
    lon: Text = "",
    lat: Text = "",
    address: Text = "",
    radius: Text = "",
) -> Response:
    """Accept an address. `to`: `as-it-is`, `point`, `address`, or one of those that fit, "LON LAT ADDRESS"."""
    operators.require(caller.acting, "serve")
    try:
        with transaction() as s:
            moved = _moved(s, to, f"{lon.strip()} {lat.strip()} ", address, places.radius_of(radius))
            place_checks.accept(s, check_id, moved, datetime.now(UTC), caller.acting)
    except (Invalid, NotFound, Refused) as error:
        return _page(request, caller, error, check_id)
    return RedirectResponse("/console/place-checks?done=yes", 303)


@router.post("/{check_id}/refuse")
def refuse(check_id: Id, request: Request, caller: Viewer, why: Text = "") -> Response:
    operators.require(caller.acting, "serve")
    try:
        with transaction() as s:
            place_checks.refuse(s, check_id, why, datetime.now(UTC), caller.acting)
    except (Invalid, NotFound, Refused) as error:
        return _page(request, caller, error, check_id)
    return RedirectResponse("/console/place-checks?done=yes", 303)


def _moved(s: Session, to: str, point: str, address: str, radius_m: float) -> Moved | None:
    if to == "as-it-is":
        return None
    if to == "address":
        if not address.strip():
            raise Invalid(_("The address is missing."), hint=_("Write one of the city's file."))
        found = place_checks.certain(s, address)
        return Moved(found.lon, found.lat, found.label, radius_m)
    try:
        lon, lat, label = places.chosen(point if to == "point" else to)
    except Invalid:
        raise Invalid(
            _("The point is missing or no number."), hint=_("Give degrees, such as -75.16 for longitude and 39.95.")
        ) from None
    return Moved(lon, lat, label, radius_m)


def _page(request: Request, caller: Caller, error: TocsinError | None = None, at: int = 0) -> Response:
    with transaction() as s:
        found = place_checks.waiting(s, datetime.now(UTC), caller.acting, AT_ONCE)
        more = max(place_checks.count(s) - len(found), 0)
    return page(
        request,
        "console/place_checks.html",
        caller=caller,
        told=tell(error) if error else None,
        at=at,
        done="done" in request.query_params,
        waiting=found,
        more=more,
        radii=places.radii(),
    )
