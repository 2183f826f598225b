"""`/join`: a phone or email and a place, then the code that came there. Works without JavaScript."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated

from anyio import CapacityLimiter, to_thread
from fastapi import APIRouter, Form, Request
from sqlalchemy.orm import Session
from starlette.responses import JSONResponse, RedirectResponse, Response

from api.auth import require_own_form
from api.language import of_resident
from api.rates import client_address
from api.rendering import page
from api.resident import me, places, session
from api.resident.form_page import form_page
from api.resident.poster_zone import poster_zone
from notify.accounts.tries import TooManyTries
from notify.city import geocoder
from notify.city.geocoder import Match
from notify.core.db import transaction
from notify.core.errors import Invalid, NotFound, Refused, TocsinError, Unavailable
from notify.core.settings import settings
from notify.core.translation import gettext as _
from notify.subscribers import joining, posters, wishes
from notify.subscribers.enrolling import Joined

router = APIRouter(include_in_schema=False)
Text = Annotated[str, Form(max_length=320)]
TOLD = (Invalid, Refused, TooManyTries, Unavailable)  # what one can mend on the page itself


def agreed() -> str:
    """Return what somebody agrees to who joins, by text or email: shown beside the button, and kept with the
    consent."""
    return _(
        "By joining you ask %(city)s to send you the alerts that you choose. Free from the city. The number of messages"
        " varies. By text: message and data rates may apply; reply STOP to end, HELP for help. By email: press the link"
        " at the end of any message to end them.",
        city=settings().city,
    )


@router.get("/join")
def ask(request: Request) -> Response:
    return _page(request)


@router.post("/join")
async def join(request: Request, asked: places.AskedPlace, contact: Text = "", once: Text = "") -> Response:
    """Few join at a time: were there a thread for each of a hundred, a STOP would wait behind all of them."""
    turns: CapacityLimiter = request.app.state.join_turns
    return await to_thread.run_sync(_join, request, asked, contact, once, limiter=turns)


def _join(request: Request, asked: places.Asked, contact: str, once: str) -> Response:
    require_own_form(request)
    given = {**asked.given, "contact": contact}
    try:
        joining.parse(contact)  # what is said first on the page is complained of first
        with transaction() as s:
            found = places.read(s, asked, may_be_nowhere=True)
            token = _begin(s, request, contact, found.wish, once) if found.wish else ""
    except TOLD as error:
        return _page(request, error, given)
    if found.wish is None:
        return _page(request, given=given, choices=found.choices)
    return RedirectResponse(f"/join/{token}?lang={of_resident(request)}", 303)


@router.post("/me/contacts")
def add_contact(request: Request, whose: me.Viewer, contact: Text = "", once: Text = "") -> Response:
    """Send a code to a further phone or email of a resident: who enters it there has added it."""
    try:
        with transaction() as s:
            token = _begin(s, request, contact, None, once, adds_to=whose.subscriber_id)
    except TOLD as error:
        return me.own_page(request, whose, error, {"contact": contact})
    return RedirectResponse(f"/join/{token}?lang={of_resident(request)}", 303)


@router.get("/me/sign-in")
def ask_who(request: Request) -> Response:
    return form_page(request, "sign_in.html", unkept="unkept" in request.query_params)


@router.post("/me/sign-in")
def sign_in(request: Request, contact: Text = "", once: Text = "") -> Response:
    require_own_form(request)
    try:
        with transaction() as s:
            token = _begin(s, request, contact, None, once)
    except TOLD as error:
        return form_page(request, "sign_in.html", error, {"contact": contact}, unkept=False)
    return RedirectResponse(f"/join/{token}?lang={of_resident(request)}", 303)


@router.post("/join/suggest")
def suggest(request: Request, text: Text = "") -> JSONResponse:
    """Complete an address that is being typed, from the city's own file, which is public. For our own script."""
    require_own_form(request)
    with transaction() as s:
        found = geocoder.suggest(s, text)
    matches = [{"label": one.label, "lon": one.lon, "lat": one.lat, "whole": one.kind != "street"} for one in found]
    return JSONResponse({"matches": matches})


@router.get("/join/{token}")
def ask_code(request: Request, token: str) -> Response:
    try:
        return _code_page(request, token)
    except NotFound:
        if not session.is_open(request):
            raise
        return RedirectResponse(f"/me?lang={of_resident(request)}", 303)  # who comes back by the Back button


@router.post("/join/{token}")
def confirm(request: Request, token: str, code: Text = "") -> Response:
    require_own_form(request)
    now = datetime.now(UTC)
    refused: TocsinError | None = None
    with transaction() as s:  # committed also when it was refused: a wrong code counts
        try:
            joined = joining.confirm(s, token, code, now)
        except Refused as error:
            refused = error
    if refused is not None:
        return _code_page(request, token, refused)
    return _welcome(request, joined, now)


@router.get("/j/{link}")
def ask_link(request: Request, link: str) -> Response:
    """Ask for the button: what opens links by itself, such as a scanner of a mail program, presses none."""
    with transaction() as s:
        waiting = joining.waiting_by_link(s, link, datetime.now(UTC))
    language = request.query_params.get("lang") or waiting.language  # that of the message that it came in
    return page(request, "join_link.html", language=language, waiting=waiting)


@router.post("/j/{link}")
def press_link(request: Request, link: str) -> Response:
    require_own_form(request)
    now = datetime.now(UTC)
    with transaction() as s:
        joined = joining.confirm_by_link(s, link, now)
    return _welcome(request, joined, now)


def _welcome(request: Request, joined: Joined, now: datetime) -> Response:
    """Open the page of who has proved an address."""
    who = session.Resident(joined.subscriber_id, joined.contact_id)
    answer: Response
    if joined.left_out is None:
        told = ("&new=yes" if joined.is_new else "&entered=yes") + ("&others=yes" if joined.had_others else "")
        answer = RedirectResponse(f"/me?lang={of_resident(request)}{told}", 303)
    else:  # they remove another one there, and press the button again
        given = {"address": joined.left_out.address, "label": joined.left_out.label}
        answer = me.own_page(request, who, wishes.too_many(), given)
    session.begin(answer, who, now)
    return answer


@router.post("/join/{token}/again")
def again(request: Request, token: str) -> Response:
    require_own_form(request)
    try:
        with transaction() as s:
            joining.send_again(s, token, client_address(request.scope), datetime.now(UTC))
    except TOLD as error:
        return _code_page(request, token, error)
    return RedirectResponse(f"/join/{token}?lang={of_resident(request)}&again=yes", 303)


def _begin(
    s: Session, request: Request, contact: str, wish: wishes.Wish | None, once: str, adds_to: int | None = None
) -> str:
    return joining.begin(
        s,
        contact,
        wish,
        language=of_resident(request),
        words=agreed() if wish or adds_to else "",
        network=client_address(request.scope),
        now=datetime.now(UTC),
        adds_to=adds_to,
        once=once,
    )


def _page(
    request: Request,
    error: TocsinError | None = None,
    given: Mapping[str, str] | None = None,
    choices: Sequence[Match] = (),
) -> Response:
    return form_page(
        request,
        "join.html",
        error,
        given,
        choices=choices,
        agreed=agreed(),
        zone=poster_zone(request),
        headers=places.MAY_LOCATE,
        **places.asks_more(error),
    )


def _code_page(request: Request, token: str, error: TocsinError | None = None) -> Response:
    with transaction() as s:
        waiting, numbers = joining.waiting(s, token, datetime.now(UTC)), posters.texted_numbers(s)
    again = "again" in request.query_params
    return form_page(request, "join_code.html", error, token=token, waiting=waiting, numbers=numbers, again=again)
