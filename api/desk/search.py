"""The desk's search: who calls, and what the city has told them.

A search is a form that is posted, because a phone number in an address would stand in logs (law 9). A resident whom it
finds is shown at once, so that nobody learns who is signed up without a look that is counted and noted.
"""

from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Form, Request
from starlette.responses import RedirectResponse, Response

from api.auth import Caller, Viewer
from api.desk import residents
from api.desk.counted import counted
from api.errors import retry_after, tell
from api.ids import Id
from api.rendering import page
from api.resident import places
from notify.accounts import operators
from notify.accounts.tries import TooManyTries
from notify.core.db import transaction
from notify.core.errors import Invalid, NotFound, TocsinError
from notify.core.settings import settings
from notify.core.translation import gettext as _
from notify.service311.desk import acts, here, looking, script
from notify.service311.desk.looking import House, Seen

router = APIRouter(prefix="/desk", include_in_schema=False)
Text = Annotated[str, Form(max_length=320)]


@router.get("")
def ask(request: Request, caller: Viewer) -> Response:
    """The box."""
    operators.require(caller.acting, "serve")
    return _page(request, caller)


@router.post("")
def search(request: Request, caller: Viewer, sought: Text = "", place: Text = "") -> Response:
    """`place`: one of the addresses that the last page asked back, "LON LAT ADDRESS"."""
    operators.require(caller.acting, "serve")
    now = datetime.now(UTC)
    sought = sought.removeprefix("/")  # the key that leads to the box, pressed within it
    try:
        if place and place != places.NONE_OF_THEM:
            lon, lat, label = places.chosen(place)
            return _of_house(request, caller, sought, House(label, lon, lat), now)
        with counted(caller.acting, now) as s:
            seen = looking.look(s, sought, now, caller.acting)
    except (Invalid, TooManyTries) as error:
        return _page(request, caller, sought, error=error)
    if seen.resident:
        return residents.card_page(request, caller, seen.resident, first=seen.contact)
    if seen.alert:
        return RedirectResponse(f"/desk/alerts/{seen.alert}", 303)
    if seen.house is not None:
        return _of_house(request, caller, sought, seen.house, now)
    if len(seen.zones) == 1 and not seen.choices:
        return RedirectResponse(f"/desk/zones/{seen.zones[0].id}", 303)
    return _page(request, caller, sought, seen=seen)


@router.get("/alerts/{alert_id}")
def alert(alert_id: Id, request: Request, caller: Viewer) -> Response:
    operators.require(caller.acting, "serve")
    with transaction() as s:
        told = here.one(s, alert_id, now := datetime.now(UTC))
        said = script.of(s, [told] if told else (), now)
    if told is None:
        raise NotFound(_("There is no alert with this code."), hint=_("Ask the caller to read it again."))
    return _page(request, caller, str(alert_id), told_one=told, script=said)


@router.get("/zones/{zone_id}")
def zone(zone_id: Id, request: Request, caller: Viewer) -> Response:
    operators.require(caller.acting, "serve")
    with transaction() as s:
        found = here.in_zone(s, zone_id, now := datetime.now(UTC))
        said = script.of(s, found.alerts if found else (), now)
    if found is None:
        raise NotFound(_("There is no such zone now."), hint=_("Look for its name."))
    return _page(request, caller, found.zones[0][1], here=found, label=found.zones[0][1], script=said)


@router.post("/stop")
def stop(request: Request, caller: Viewer, sought: Text = "", sure: Text = "") -> Response:
    """Stop everything to a phone or email that no resident has. Without `sure` it is shown, and asked once more."""
    operators.require(caller.acting, "serve")
    if not sure:
        return search(request, caller, sought)
    try:
        with transaction() as s:  # nothing is counted: a stop is never refused
            acts.stop_stranger(s, sought, datetime.now(UTC), caller.acting)
    except Invalid as error:
        return _page(request, caller, sought, error=error)
    return _page(request, caller, stopped=True)


def _of_house(request: Request, caller: Caller, sought: str, house: House, now: datetime) -> Response:
    with transaction() as s:
        found = here.at(s, house.lon, house.lat, now, house.label)
        said = script.of(s, found.alerts, now)
    place = f"{house.lon} {house.lat} {house.label}"
    return _page(request, caller, sought, here=found, label=house.label, place=place, script=said)


def _page(
    request: Request,
    caller: Caller,
    sought: str = "",
    *,
    error: TocsinError | None = None,
    seen: Seen | None = None,
    **shown: Any,
) -> Response:
    """Show what was found or, while nothing is, what the city has sent or plans, whoever calls."""
    if seen is None and not {"here", "told_one"} & set(shown):
        with transaction() as s:
            shown["everywhere"] = here.alerts(s, now := datetime.now(UTC))
            shown["script"] = script.of(s, shown["everywhere"], now)
    given: dict[str, Any] = {"here": None, "label": "", "place": "", "told_one": None, "everywhere": (), "script": None}
    given |= {"stopped": False, "languages": settings().languages} | shown
    told = tell(error) if error else None
    given |= {"headers": {"Cache-Control": "no-store", **retry_after(error)}}
    return page(request, "desk/search.html", caller=caller, sought=sought, seen=seen, told=told, **given)
