"""`/me/calendar`: a resident has the collection days of the year ahead sent to an email of theirs."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Form, Request
from sqlalchemy.orm import Session
from starlette.responses import RedirectResponse, Response

from api.language import of_resident
from api.resident import places, session
from api.resident.form_page import form_page
from api.resident.me import Viewer
from api.resident.session import NeedsCode, Resident
from notify.accounts.tries import TooManyTries
from notify.core.db import transaction
from notify.core.errors import Invalid, NotFound, Refused, TocsinError, Unavailable
from notify.service311.outputs import by_mail
from notify.service311.outputs.by_mail import Spot
from notify.subscribers import own, self_tests
from notify.subscribers.own import OwnContact

router = APIRouter(include_in_schema=False)
Number = Annotated[int, Form(ge=0, lt=2**63)]
TOLD = (Invalid, NotFound, Refused, TooManyTries, Unavailable)


@router.get("/me/calendar")
def show(request: Request, me: Viewer) -> Response:
    return _page(request, me)


@router.post("/me/calendar")
def send(
    request: Request,
    me: Viewer,
    contact: Number = 0,
    own_place: Number = 0,
    place: Annotated[str, Form(max_length=400)] = "",
) -> Response:
    """Send it of one of their own places, or of `place`, a house that was found, as "LON LAT ADDRESS"."""
    try:
        with transaction() as s:
            at = Spot(*places.chosen(place)) if place else by_mail.spot(s, me.subscriber_id, own_place)
            by_mail.send(s, me.subscriber_id, contact, at, datetime.now(UTC))
    except TOLD as error:
        return _page(request, me, error)
    return RedirectResponse(f"/me/calendar?lang={of_resident(request)}", 303)


def emails(contacts: Sequence[OwnContact]) -> list[OwnContact]:
    """Return those of a resident's contacts that a calendar may be sent to."""
    return [one for one in contacts if by_mail.takes(one.channel) and not one.stopped and not one.barred]


def emails_of_viewer(s: Session, request: Request) -> list[OwnContact] | None:
    """Return the emails of the resident whose page is open in this browser; None if none is."""
    try:
        return emails(own.read(s, session.resident(request).subscriber_id).contacts)
    except (NeedsCode, NotFound):
        return None


def _page(request: Request, me: Resident, error: TocsinError | None = None) -> Response:
    try:
        with transaction() as s:
            mine, last = own.read(s, me.subscriber_id), self_tests.last(s, me.subscriber_id, by_mail.KIND)
    except NotFound:
        raise NeedsCode from None
    return form_page(request, "calendar_mail.html", error, mine=mine, emails=emails(mine.contacts), last=last)
