"""`/parking`: may I park here now? The rule of a snow emergency at an address, until when it holds, and where instead.

Nothing is stored, and the address stands in no URL: it is sent in a form. It works without scripts.
"""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Form, Request
from starlette.responses import Response

from api.auth import require_own_form
from api.rendering import language_of, page
from api.resident.form_page import form_page
from api.resident.house import House, house
from notify.content.phrases import phone_number
from notify.core.db import transaction
from notify.core.errors import Invalid
from notify.core.settings import settings
from notify.service311.snow import emergencies, routes, rules
from notify.service311.snow.rules import Spot
from zones.addresses.readings import begun
from zones.addresses.words import readable

router = APIRouter(include_in_schema=False)
Text = Annotated[str, Form(max_length=2000)]


@router.get("/parking")
def ask(request: Request) -> Response:
    return form_page(request, "parking.html", choices=())


@router.post("/parking")
def answer(request: Request, address: Text = "", place: Text = "") -> Response:
    """Show the rule at an address, or ask which of several it is."""
    require_own_form(request)
    now, given, language = datetime.now(UTC), {"address": address}, language_of(request)
    try:
        with transaction() as s:
            at, choices = house(s, address, place)
            found = emergencies.in_force(s, now, (at.lon, at.lat)) if at else None
            number, street = _read(at) if at else (None, "")
            route = routes.at(s, at.lon, at.lat, street) if at else None
    except Invalid as error:
        return form_page(request, "parking.html", error, given, choices=())
    if at is None:
        return form_page(request, "parking.html", given=given, choices=choices)
    spot = Spot(route.route_class if route else None, number)
    phone = (found.tow_phone if found else "") or settings().help_contact
    return page(
        request,
        "parking_here.html",
        label=at.label,
        street=readable(route.street if route else street) or at.label,
        route=route,
        emergency=found,
        answer=rules.answer(found.phases, spot, now) if found and found.phases else None,
        tow_phone=phone_number(phone),
        instead=(found.instead.get(language) or "") if found else "",
        now=now,
        headers={"Cache-Control": "no-store"},
    )


def _read(at: House) -> tuple[int | None, str]:
    """Return the house number and the street of an address; no number for a crossing or a landmark, and no street
    either: then what runs past it counts."""
    number, street = begun(at.label.partition(",")[0])
    return (number.number, street) if number else (None, "")
