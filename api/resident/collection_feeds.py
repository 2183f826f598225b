"""The calendars of collection days as iCalendar, JSON and PDF: of a zone for everybody, and of a household under a
secret address that it can revoke."""

from datetime import UTC, datetime
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Form, Query, Request
from starlette.responses import RedirectResponse, Response

from api import etags
from api.auth import require_own_form
from api.ids import Id
from api.language import of_resident
from api.rates import client_address
from api.rendering import page
from api.resident import collections, places
from notify.core.db import transaction
from notify.core.errors import Invalid, NotFound
from notify.core.settings import settings
from notify.core.translation import gettext as _
from notify.core.translation import speaking
from notify.service311 import calendars
from notify.service311.outputs import households, ical, print_view

router = APIRouter(include_in_schema=False)
HIDDEN = {"X-Robots-Tag": "noindex, nofollow"}
REMIND_AT = 19  # o'clock, in the address that the page offers; any other hour of the evening may stand in it
OF_ZONE, OF_HOUSEHOLD = "public, max-age=900", "private, max-age=900"


@router.get("/collections/zones/{zone_id}.ics")
def zone_file(request: Request, zone_id: Id) -> Response:
    with transaction() as s:
        zone, calendar = collections.zone_calendar(s, zone_id, datetime.now(UTC))
    name = _("Collection days: %(zone)s", zone=zone.name)
    source = f"{settings().public_url}/collections/zones/{zone_id}.ics?lang={of_resident(request)}"
    body = ical.written(calendar, name, f"zone {zone_id}", source)
    return etags.answer(request, body, ical.MEDIA_TYPE, {"Cache-Control": OF_ZONE, "Vary": "Accept-Language"})


@router.get("/collections/zones/{zone_id}.pdf")
def zone_print(request: Request, zone_id: Id) -> Response:
    now = datetime.now(UTC)
    with transaction() as s:
        zone, calendar = collections.zone_calendar(s, zone_id, now)
    body = print_view.pdf(calendar, zone.name, calendars.today(now))
    return etags.answer(request, body, "application/pdf", {"Cache-Control": OF_ZONE, "Vary": "Accept-Language"})


@router.post("/collections/feed")
def begin(
    request: Request,
    place: Annotated[str, Form(max_length=400)] = "",
    once: Annotated[str, Form(max_length=64)] = "",
) -> Response:
    """Make a secret address for the calendar of a household; a double click makes one."""
    require_own_form(request)
    lon, lat, label = places.chosen(place)
    if abs(lon) > 180 or abs(lat) > 90:
        raise Invalid(_("Choose one of the places."), hint=_("Or write the address again."))
    with transaction() as s:
        network = client_address(request.scope)
        token = households.begin(s, label, lon, lat, of_resident(request), datetime.now(UTC), network, once)
    return RedirectResponse(f"/collections/feed/{token}?lang={of_resident(request)}", 303, HIDDEN)


@router.get("/collections/feed/{token}.ics")
def household_file(request: Request, token: str, remind: Annotated[int | None, Query(ge=12, le=23)] = None) -> Response:
    """`remind`: the hour of the evening before for reminders of the calendar program."""
    now = datetime.now(UTC)
    with transaction() as s:
        whose = households.find(s, token)
        calendar = calendars.of_place(s, *whose.place, now, whose.label) if whose.place else None
        if calendar is not None:
            households.note_fetched(s, token, calendar.edition.number)
    with speaking(whose.language):
        if whose.place is None:
            return Response(ical.ended(whose.whose, now), 410, HIDDEN, ical.MEDIA_TYPE)
        if calendar is None:
            raise NotFound(_("There is no such calendar."), hint=_("Write your address again to get a new one."))
        body = ical.written(calendar, _("Collection days: %(zone)s", zone=whose.label), whose.whose, "", remind)
    return etags.answer(request, body, ical.MEDIA_TYPE, HIDDEN | {"Cache-Control": OF_HOUSEHOLD})


@router.get("/collections/feed/{token}")
def household_page(request: Request, token: str) -> Response:
    """How to subscribe to it, and how to end it. A mail scanner or a preview that opens it changes nothing."""
    with transaction() as s:
        whose = households.find(s, token)
    address = f"{settings().public_url}/collections/feed/{token}.ics"
    webcal = f"webcal://{address.partition('://')[2]}"
    google = f"https://calendar.google.com/calendar/r?cid={quote(webcal, safe='')}"
    return page(
        request,
        "collections_feed.html",
        headers=HIDDEN | {"Cache-Control": "no-store"},
        whose=whose,
        address=address,
        webcal=webcal,
        google=google,
        token=token,
        hour=REMIND_AT,
    )


@router.post("/collections/feed/{token}/end")
def end(request: Request, token: str) -> Response:
    require_own_form(request)
    with transaction() as s:
        households.revoke(s, token, datetime.now(UTC))
    return RedirectResponse(f"/collections/feed/{token}?lang={of_resident(request)}", 303, HIDDEN)
