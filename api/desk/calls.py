"""Why people call: log each call with two keys, the counts of today, and what more people call about than usual."""

import hashlib
from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import uuid4

from fastapi import APIRouter, Form, Query, Request
from sqlalchemy.orm import Session
from starlette.responses import HTMLResponse, RedirectResponse, Response

from api.auth import Caller, Viewer
from api.console.forms import MOST, form_id
from api.console.kept import Kept, remembered
from api.errors import tell
from api.ids import Id
from api.rendering import page, render
from api.resident import places
from notify.accounts import operators
from notify.city import zones as city_zones
from notify.content import compose
from notify.core.db import transaction
from notify.core.errors import Invalid, TocsinError
from notify.core.settings import settings
from notify.core.translation import gettext as _
from notify.models import Zone
from notify.service311 import zone_order
from notify.service311.calls import counts, log, proposals, reasons
from notify.service311.calls.counts import Today
from notify.service311.calls.reasons import Group, Reason

router = APIRouter(prefix="/desk/calls", include_in_schema=False)
Text = Annotated[str, Form(max_length=400)]
LOOK_S = 1.0  # how old the counts may be that all desks of a process are shown
LAST, MOST_PLACES = 5, 20


@router.get("")
def show(
    request: Request, caller: Viewer, zone: Annotated[str, Query(max_length=20)] = "", logged: str = ""
) -> Response:
    operators.require(caller.acting, "serve")
    return _page(request, caller, zone=_number(zone), logged=_number(logged))


@router.post("")
def add(
    request: Request,
    caller: Viewer,
    keys: Text = "",
    zone: Text = "",
    note: Text = "",
    form: Text = "",
    place: Text = "",
    zones_of_place: Annotated[list[str] | None, Form(max_length=MOST_PLACES)] = None,
) -> Response:
    """Log a call. What the page shows gives the zone: `place`, "LON LAT ADDRESS", which is not stored; or
    `zones_of_place`, for each place of a resident the ids of its zones, so that no address has to be in clear."""
    operators.require(caller.acting, "serve")
    try:
        at = places.chosen(place)[:2] if place else None
        near = [[number for one in given.split() if (number := _number(one))] for given in zones_of_place or ()]
        now, zone_id = datetime.now(UTC), _number(zone)
        with transaction() as s:
            made = log.add(s, keys, form_id(form), now, caller.acting, zone_id=zone_id, at=at, places=near, note=note)
    except TocsinError as error:
        return _after(request, caller, error=error)
    return _after(request, caller, logged=made)


@router.post("/{call_id}/undo")
def undo(call_id: Id, request: Request, caller: Viewer) -> Response:
    operators.require(caller.acting, "serve")
    try:
        with transaction() as s:
            log.take_back(s, call_id, caller.acting)
    except TocsinError as error:
        return _after(request, caller, error=error)
    return _after(request, caller)


@router.get("/strip")
def show_strip(caller: Viewer) -> Response:
    """The form that logs a call, for every page of the desk."""
    operators.require(caller.acting, "serve")
    return HTMLResponse(_strip(caller))


@router.get("/live")
def live(caller: Viewer, zone: Annotated[str, Query(max_length=20)] = "", seen: str = "") -> Response:
    """The counts, or 204 if they have not changed, so that screen readers do not read them again."""
    operators.require(caller.acting, "serve")
    html, digest = _live(caller, _number(zone))
    return Response(status_code=204) if digest == seen else HTMLResponse(html)


@router.post("/spikes/{spike_id}/draft")
def write_notice(spike_id: Id, caller: Viewer) -> Response:
    with transaction() as s:
        draft = proposals.draft(s, spike_id, datetime.now(UTC), caller.acting)
    return RedirectResponse(f"/console/compose/{draft}", 303)


@router.post("/spikes/{spike_id}/dismiss")
def dismiss(spike_id: Id, caller: Viewer) -> Response:
    with transaction() as s:
        proposals.dismiss(s, spike_id, datetime.now(UTC), caller.acting)
    return RedirectResponse("/desk/calls" if caller.may("serve") else "/console", 303)


@router.get("/reasons")
def show_reasons(request: Request, caller: Viewer) -> Response:
    operators.require(caller.acting, "words")
    return _reasons_page(request, caller)


@router.post("/reasons")
async def save_reason(request: Request, caller: Viewer) -> Response:
    """Add or change a reason, or with `group` a group of them."""
    operators.require(caller.acting, "words")
    async with request.form(max_fields=50, max_files=0) as sent:
        given = {name: value for name, value in sent.items() if isinstance(value, str)}
    words = {name.removeprefix("words_"): said for name, said in given.items() if name.startswith("words_")}
    key, keys = given.get("key", "").strip(), given.get("keys", "").strip().lower()
    try:
        with transaction() as s:
            if given.get("group"):
                group = Group(key, keys, words, given.get("kind", ""))
                reasons.save_group(s, group, datetime.now(UTC), caller.acting)
            else:
                reason = Reason(key, keys, words, given.get("event", ""))
                reasons.save(s, reason, datetime.now(UTC), caller.acting)
    except TocsinError as error:
        return _reasons_page(request, caller, error, key)
    return RedirectResponse("/desk/calls/reasons", 303)


@router.post("/reasons/{key}/retire")
def retire_reason(key: str, request: Request, caller: Viewer) -> Response:
    operators.require(caller.acting, "words")
    try:
        with transaction() as s:
            reasons.retire(s, key, datetime.now(UTC), caller.acting)
    except TocsinError as error:
        return _reasons_page(request, caller, error, key)
    return RedirectResponse("/desk/calls/reasons", 303)


def _after(request: Request, caller: Caller, logged: int | None = None, error: TocsinError | None = None) -> Response:
    """The form again, where a script sent it; else the page."""
    if request.headers.get("hx-request"):
        return HTMLResponse(_strip(caller, logged, error))
    if error is not None:
        return _page(request, caller, error=error)
    return RedirectResponse("/desk/calls" if logged is None else f"/desk/calls?logged={logged}", 303)


def _page(
    request: Request,
    caller: Caller,
    *,
    zone: int | None = None,
    logged: int | None = None,
    error: TocsinError | None = None,
) -> Response:
    with transaction() as s:
        mine, zones = log.last_of(s, caller.acting, LAST), _zones(s)
    return page(
        request,
        "desk/calls.html",
        caller=caller,
        status=tell(error).status if error else 200,
        strip=_strip(caller, logged, error, is_open=True),
        live=_live(caller, zone)[0],
        mine=mine,
        zones=zones,
        zone=zone,
    )


def _strip(
    caller: Caller, logged: int | None = None, error: TocsinError | None = None, *, is_open: bool = False
) -> str:
    with transaction() as s:
        there, zones = reasons.groups(s), _zones(s)
        last = [one for one in log.last_of(s, caller.acting) if one.call.id == logged] if logged else []
    return render(
        "desk/call_strip.html",
        groups=there,
        zones=zones,
        form=uuid4(),
        logged=last[0] if last else None,
        told=tell(error) if error else None,
        open=is_open or error is not None,
    )


@remembered
def _today(zone: int | None) -> Kept[Today]:
    """The newest counts of this process, however many desks watch."""

    def read() -> Today:
        with transaction() as s:
            return counts.today(s, datetime.now(UTC), zone)

    return Kept(read, LOOK_S)


def _live(caller: Caller, zone: int | None) -> tuple[str, str]:
    """Return the counts as HTML, and what they are recognised by."""
    with transaction() as s:
        labels, waiting = reasons.labels(s), proposals.waiting(s)
    shown: dict[str, Any] = {"caller": caller, "labels": labels, "calls": waiting, "zone": zone}
    shown["today"] = _today(zone).get()
    digest = hashlib.sha256(render("desk/calls_live.html", seen="", **shown).encode()).hexdigest()[:10]
    return render("desk/calls_live.html", seen=digest, **shown), digest


def _reasons_page(request: Request, caller: Caller, error: TocsinError | None = None, at: str = "") -> Response:
    with transaction() as s:
        there = reasons.groups(s)
    return page(
        request,
        "desk/call_reasons.html",
        caller=caller,
        told=tell(error) if error else None,
        at=at,
        groups=there,
        languages=settings().languages,
        kinds=reasons.KINDS,
        events=compose.catalogue().events,
    )


def _zones(s: Session) -> list[Zone]:
    there = [one.zone for one in city_zones.all_zones(s)]
    return sorted(there, key=lambda zone: (zone.kind, zone_order.place(zone.name)))


def _number(given: str) -> int | None:
    """Read the number of a zone or a call; None for an empty field. Raises Invalid."""
    if not given:
        return None
    if not (given.isascii() and given.isdecimal() and 0 < int(given) <= MOST):
        raise Invalid(_("%(given)s is not a number.", given=repr(given)))
    return int(given)
