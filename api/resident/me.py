"""`/me`: what a resident gets, where and how, and how they change or stop it."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from starlette.responses import RedirectResponse, Response

from api.auth import require_own_form
from api.ids import Id
from api.language import of_resident
from api.resident import choices_view, places, reminders_view, session
from api.resident.choices_view import ChoicesView
from api.resident.form_page import form_page
from api.resident.session import NeedsCode, Resident
from notify.city.geocoder import Match
from notify.core.db import transaction
from notify.core.errors import Invalid, NotFound, Refused, TocsinError
from notify.core.settings import settings
from notify.models import Topic
from notify.subscribers import own, reach

router = APIRouter(prefix="/me", include_in_schema=False)
Text = Annotated[str, Form(max_length=320)]
ENTERED = {"new", "entered"}  # in the address to which a right code leads


def viewer(request: Request) -> Resident:
    """Return whose page it is. Raises NeedsCode, and NotAllowed for a form sent from another site."""
    if request.method not in {"GET", "HEAD"}:
        require_own_form(request)
    return session.resident(request)


Viewer = Annotated[Resident, Depends(viewer)]


def to_sign_in(request: Request, _error: Exception) -> Response:
    """Ask who it is: by a code again. Who has just entered one is in a browser that keeps no cookies."""
    unkept = "&unkept=yes" if ENTERED & request.query_params.keys() else ""
    return RedirectResponse(f"/me/sign-in?lang={of_resident(request)}{unkept}", 303)


@router.get("")
def show(request: Request, me: Viewer) -> Response:
    return own_page(request, me)


@router.post("/choose")
def choose(
    request: Request,
    me: Viewer,
    topic: Annotated[list[Topic] | None, Form()] = None,
    language: Text = "",
) -> Response:
    with transaction() as s:
        own.choose(s, me.subscriber_id, topic or (), language, datetime.now(UTC))
    return RedirectResponse(f"/me?lang={language}&saved=yes", 303)


@router.post("/places")
def add_place(request: Request, me: Viewer, asked: places.AskedPlace) -> Response:
    given = asked.given
    try:
        with transaction() as s:
            found = places.read(s, asked)
            if found.wish is not None:
                own.place(s, me.subscriber_id, found.wish, datetime.now(UTC))
    except (Invalid, Refused) as error:
        return own_page(request, me, error, given)
    if found.wish is None:
        return own_page(request, me, given=given, choices=found.choices)
    return saved(request)


@router.post("/places/{place_id}/change")
def change_place(request: Request, me: Viewer, place_id: Id, label: Text = "", radius: Text = "") -> Response:
    """Change the name of a place and how far around it alerts count. `radius`: metres; "" leaves it as it is."""
    try:
        with transaction() as s:
            radius_m = places.radius_of(radius) if radius else None
            own.change_place(s, me.subscriber_id, place_id, label, radius_m, datetime.now(UTC))
    except (Invalid, Refused, NotFound) as error:
        return own_page(request, me, error)
    return saved(request)


@router.post("/places/{place_id}/remove")
def remove_place(request: Request, me: Viewer, place_id: int, address: Text = "", label: Text = "") -> Response:
    """Remove a place. `address`, `label`: of one for which there was no room, to add it next."""
    with transaction() as s:
        own.remove_place(s, me.subscriber_id, place_id, datetime.now(UTC))
    if address:
        return own_page(request, me, given={"address": address, "label": label})
    return saved(request)


@router.post("/contacts/{contact_id}/stop")
def stop(request: Request, me: Viewer, contact_id: int) -> Response:
    with transaction() as s:
        own.stop(s, me.subscriber_id, contact_id, datetime.now(UTC))
    return saved(request)


@router.post("/start")
def start(request: Request, me: Viewer) -> Response:
    """Send again to the phone or email that the code came to."""
    with transaction() as s:
        own.start(s, me.subscriber_id, me.contact_id, datetime.now(UTC))
    return saved(request)


@router.post("/out")
def out(request: Request, me: Viewer) -> Response:
    answer = RedirectResponse(f"/?lang={of_resident(request)}", 303)
    session.end(answer)
    return answer


def saved(request: Request) -> Response:
    return RedirectResponse(f"/me?lang={of_resident(request)}&saved=yes", 303)


def own_page(
    request: Request,
    me: Resident,
    error: TocsinError | None = None,
    given: Mapping[str, str] | None = None,
    choices: Sequence[Match] = (),
    typed: Callable[[ChoicesView], ChoicesView] = lambda own: own,
) -> Response:
    """Return the page of a resident. `typed`: fills in the form of their choices. Raises NeedsCode once they are
    erased."""
    try:
        with transaction() as s:
            now = datetime.now(UTC)
            mine, when = own.read(s, me.subscriber_id), choices_view.view(s, me.subscriber_id, now)
            days = reminders_view.view(s, me.subscriber_id, now)
    except NotFound:
        raise NeedsCode from None
    new = "new" in request.query_params
    stopped = next((one for one in mine.contacts if one.stopped and one.id == me.contact_id), None)
    return form_page(
        request,
        "me.html",
        error,
        given,
        mine=mine,
        reached=reach.sentences(mine.contacts, mine.topics, when.chosen, has_place=bool(mine.places)),
        own=typed(when),
        days=days,
        me=me,
        topics=list(Topic),
        languages=settings().languages,
        new=new,
        unsent=stopped if new else None,
        others="others" in request.query_params,
        saved="saved" in request.query_params,
        choices=choices,
        radii=places.radii(),
        headers=places.MAY_LOCATE,
        **places.asks_more(error),
    )
