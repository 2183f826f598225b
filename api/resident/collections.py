"""`/collections`: when waste is collected at an address or in a zone, why a day has moved, and what to set out when.

An address stands in no URL: it is sent in a form. The pages of zones have addresses of their own, and are kept.
"""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Form, Request
from sqlalchemy.orm import Session
from starlette.responses import RedirectResponse, Response

from api.auth import require_own_form
from api.ids import Id
from api.language import of_resident
from api.rendering import language_of, page
from api.resident import calendar_mail, collections_view
from api.resident.form_page import form_page
from api.resident.house import house
from notify.city import zones as city_zones
from notify.core.db import transaction
from notify.core.errors import Invalid, NotFound, TocsinError
from notify.core.translation import gettext as _
from notify.models import Zone
from notify.service311 import calendars, tickets
from notify.service311.outputs import words
from notify.service311.streams import STREAMS
from notify.subscribers.pressed_twice import form_token

router = APIRouter(include_in_schema=False)
Text = Annotated[str, Form(max_length=2000)]


@router.get("/collections")
def ask(request: Request) -> Response:
    return _asked(request)


@router.post("/collections")
def answer(request: Request, address: Text = "", place: Text = "") -> Response:
    """Show the days of an address, or ask which of several it is."""
    require_own_form(request)
    now, given = datetime.now(UTC), {"address": address}
    try:
        with transaction() as s:
            at, choices = house(s, address, place)
            calendar = calendars.of_place(s, at.lon, at.lat, now, at.label) if at else None
            emails = calendar_mail.emails_of_viewer(s, request)
    except Invalid as error:
        return _asked(request, error, given)
    if at is None:
        return _asked(request, given=given, choices=choices)
    if calendar is None or not (calendar.collections or calendar.unsure):
        nothing = Invalid(
            _("We have no collection days for %(address)s.", address=at.label),
            hint=_("Ask us: the number is below."),
        )
        return _asked(request, nothing, given)
    shown = collections_view.shown(calendar, now, language_of(request))
    return page(
        request,
        "collections_here.html",
        label=at.label,
        place=f"{at.lon} {at.lat} {at.label}",
        zones=calendar.zones,
        once=form_token(),
        emails=emails,
        headers={"Cache-Control": "no-store"},
        **shown,
    )


@router.get("/collections/zones/{zone_id}")
def zone_page(request: Request, zone_id: Id) -> Response:
    now = datetime.now(UTC)
    with transaction() as s:
        zone, calendar = zone_calendar(s, zone_id, now)
    shown = collections_view.shown(calendar, now, language_of(request))
    return page(request, "collections_zone.html", zone=zone, **shown)


def zone_calendar(s: Session, zone_id: int, now: datetime) -> tuple[Zone, calendars.Calendar]:
    """Return a zone with its calendar. Raises NotFound for one that has none."""
    zone = city_zones.of_id(s, zone_id)
    calendar = calendars.of_zone(s, zone, now) if zone.kind == calendars.KIND and zone.retired_at is None else None
    if calendar is None or not calendar.collections:
        raise NotFound(_("There is no calendar of this zone."), hint=_("Write your address to find yours."))
    return zone, calendar


@router.get("/collections/wrong")
def ask_what_is_wrong(request: Request, zone: int = 0, stream: str = "", date: str = "", edition: int = 0) -> Response:
    return _wrong_page(request, zone, stream, date, edition)


@router.post("/collections/wrong")
def report(
    request: Request,
    zone: Annotated[int, Form()] = 0,
    stream: Text = "",
    on: Annotated[str, Form(alias="date", max_length=10)] = "",
    edition: Annotated[int, Form()] = 0,
) -> Response:
    require_own_form(request)
    try:
        with transaction() as s:
            number = tickets.report(s, zone, stream, _date(on), edition, of_resident(request), datetime.now(UTC))
    except Invalid as error:
        return _wrong_page(request, zone, stream, on, edition, error)
    return RedirectResponse(f"/collections/told?lang={of_resident(request)}&ticket={number}", 303)


@router.get("/collections/told")
def told(request: Request, ticket: int = 0) -> Response:
    return page(request, "collections_told.html", ticket=ticket)


def _asked(
    request: Request, error: TocsinError | None = None, given: dict[str, str] | None = None, choices: Sequence[Any] = ()
) -> Response:
    with transaction() as s:
        zones = calendars.zones_with_days(s)
    return form_page(request, "collections.html", error, given, choices=choices, zones=zones)


def _wrong_page(
    request: Request,
    zone_id: int,
    stream: str,
    on: str,
    edition: int,
    error: TocsinError | None = None,
) -> Response:
    with transaction() as s:
        zone = s.get(Zone, zone_id) if 0 < zone_id < 2**63 else None
    if zone is None or stream not in STREAMS:
        raise tickets.nowhere(NotFound)
    day = words.day(_date(on), calendars.today(datetime.now(UTC)))
    given = {"zone": str(zone_id), "stream": stream, "date": on, "edition": str(edition)}
    return form_page(request, "collections_wrong.html", error, given, zone=zone, stream=stream, day=day)


def _date(given: str) -> date:
    try:
        return date.fromisoformat(given)
    except ValueError:
        raise tickets.nowhere(NotFound) from None
