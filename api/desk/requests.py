"""Requests to the city's own system (Open311): the caller's open ones, and filing a new one.

Numbers and addresses are sent in forms: an address in a URL would stand in logs (law 9).
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Annotated
from uuid import uuid4

from fastapi import APIRouter, Form, Request
from sqlalchemy.orm import Session
from starlette.responses import RedirectResponse, Response

from api.auth import Caller, Viewer
from api.console.forms import form_id
from api.errors import tell
from api.ids import Id
from api.rendering import page
from api.resident.house import House, house
from notify.accounts import operators
from notify.city.geocoder import Match
from notify.core.db import transaction
from notify.core.errors import Invalid, TocsinError
from notify.core.errors import Unavailable as NotThere
from notify.core.kept_results import KeptResults
from notify.core.settings import settings
from notify.core.translation import gettext as _
from notify.service311 import calendars
from notify.service311.open311 import client, endpoint, filing, missed
from notify.service311.open311.reading import Request as CityRequest
from notify.service311.open311.reading import Service

router = APIRouter(prefix="/desk/requests", include_in_schema=False)
Text = Annotated[str, Form(max_length=2_000)]
Short = Annotated[str, Form(max_length=320)]
BACK = timedelta(days=60)  # of the requests that are looked for around an address
SERVICES_KEPT_S = 600  # a city's list changes a few times a year
FAILURE_KEPT_S = 30
FIELDS = ("service", "address", "description", "look_address", "numbers")
MOST_NUMBERS = 10  # of those that an agent types

_services: KeptResults[tuple[str, int], list[Service]] = KeptResults(most=2)
_answers: KeptResults[tuple[str, int], list[Service] | NotThere] = KeptResults(most=2)


@dataclass(frozen=True, slots=True)
class Shown:
    """What a page shows beside its forms. `looked`: something was looked for; `are_all`: all of it was found."""

    error: TocsinError | None = None
    given: dict[str, str] = field(default_factory=dict)
    choices: Sequence[Match] = ()
    found: Sequence[CityRequest] = ()
    looked: bool = False
    are_all: bool = True
    answer: missed.Answer | None = None
    at: House | None = None


@router.get("")
def show(request: Request, caller: Viewer) -> Response:
    operators.require(caller.acting, "serve")
    return _page(request, caller, Shown())


@router.post("/look")
def look(request: Request, caller: Viewer, address: Short = "", place: Short = "", numbers: Short = "") -> Response:
    """Show the requests whose numbers were typed, and the open ones around an address."""
    operators.require(caller.acting, "serve")
    given, now = {"look_address": address, "numbers": numbers}, datetime.now(UTC)
    at, are_all = None, True
    found: dict[str, CityRequest] = {}
    try:
        if address.strip():
            with transaction() as s:
                at, choices = house(s, address, place)
            if at is None:
                return _page(request, caller, Shown(given=given, choices=choices))
        with _city() as city:
            for number in numbers.replace(",", " ").split()[:MOST_NUMBERS]:
                if one := city.request(number):
                    found[one.id] = one
            if at:
                near, are_all = city.open_ones_near((at.lon, at.lat), now - BACK, now)
                found |= {one.id: one for one in near}
    except TocsinError as error:
        return _page(request, caller, Shown(error, given))
    return _page(request, caller, Shown(given=given, found=[*found.values()], looked=True, are_all=are_all, at=at))


@router.post("")
def file(
    request: Request,
    caller: Viewer,
    service: Short = "",
    address: Short = "",
    place: Short = "",
    description: Text = "",
    form: Annotated[str, Form(max_length=40)] = "",
) -> Response:
    """File a request; a form that was sent twice files one."""
    operators.require(caller.acting, "serve")
    given = {"service": service, "address": address, "description": description, "form": form}
    try:
        chosen = next((one for one in _taken() if one.code == service), None)
        if chosen is None:
            raise Invalid(_("What is the request about?"), hint=_("Choose one of the city's services."))
        with transaction() as s:
            at, choices = house(s, address, place)
            answer = _missed(s, chosen, at) if at else None
        if at is None:
            return _page(request, caller, Shown(given=given, choices=choices))
        if answer and answer.verdict != "may":
            return _page(request, caller, Shown(given=given, answer=answer, at=at))
        wanted = client.Wanted(chosen.code, description, at.label, (at.lon, at.lat))
        with _city() as city:
            with transaction() as s:
                one, may_leave = filing.begin(s, form_id(form), chosen.name, wanted, caller.acting, datetime.now(UTC))
            if may_leave:
                became = filing.hand_over(city, one.wanted)
                with transaction() as s:
                    filing.record(s, one.id, became, datetime.now(UTC))
    except TocsinError as error:
        return _page(request, caller, Shown(error, given))
    return RedirectResponse(f"/desk/requests#request-{one.id}", 303)


@router.post("/{request_id}/settle")
def settle(request_id: Id, request: Request, caller: Viewer, number: Short = "", gone: Short = "") -> Response:
    """Take down what an agent found in the city's system: a number, or that it is not there."""
    operators.require(caller.acting, "serve")
    try:
        if not (number.strip() or gone):
            raise Invalid(_("The number of the request is missing."), hint=_("Or say that it is not there."))
        with transaction() as s:
            filing.settle(s, request_id, "" if gone else number, caller.acting, datetime.now(UTC))
    except TocsinError as error:
        return _page(request, caller, Shown(error))
    return RedirectResponse(f"/desk/requests#request-{request_id}", 303)


@router.post("/{request_id}/number")
def number_of_token(request_id: Id, request: Request, caller: Viewer) -> Response:
    """Ask the city which number a token stands for by now."""
    operators.require(caller.acting, "serve")
    try:
        with transaction() as s:
            token = filing.token_of(s, request_id)
        with _city() as city:
            known = city.by_token(token).id
        with transaction() as s:
            filing.name(s, request_id, known, caller.acting, datetime.now(UTC))
    except TocsinError as error:
        return _page(request, caller, Shown(error))
    return RedirectResponse(f"/desk/requests#request-{request_id}", 303)


def _missed(s: Session, service: Service, at: House) -> missed.Answer | None:
    """Return whether a missed collection may be reported at a house; None if the service is about something else, or
    the city has not published the days of the house."""
    streams, now = missed.streams_of(service), datetime.now(UTC)
    calendar = calendars.of_place(s, at.lon, at.lat, now, at.label) if streams else None
    known = streams & set(calendar.streams) if calendar else ()
    if calendar is None or not known:
        return None
    here = now.astimezone(settings().tz)
    return missed.best(missed.answer(calendar.collections, stream, here) for stream in sorted(known))


@contextmanager
def _city() -> Iterator[client.Open311]:
    """Open the city's system. What it does not answer is raised as `NotThere`, for the reader of a page."""
    try:
        with endpoint.opened(settings()) as city:
            yield city
    except client.Unavailable as error:
        raise NotThere(_("The city's system does not answer: %(why)s.", why=error), hint=_("Try again soon.")) from None


def _taken() -> list[Service]:
    """Return what the city takes requests for without asking more than a place and a description. Raises NotThere.

    A system that does not answer is asked again only after FAILURE_KEPT_S: it would keep each reader for 10 s.
    """
    system, now = settings().open311, datetime.now(UTC).timestamp()

    def ask() -> list[Service]:
        with _city() as city:
            return [one for one in city.services() if not one.has_attributes]

    def try_it() -> list[Service] | NotThere:
        try:
            return _services.get((system, int(now // SERVICES_KEPT_S)), ask)
        except NotThere as error:
            return error

    answered = _answers.get((system, int(now // FAILURE_KEPT_S)), try_it)
    if isinstance(answered, NotThere):
        raise NotThere(answered.message, hint=answered.hint)
    return answered


def _page(request: Request, caller: Caller, shown: Shown) -> Response:
    operators.require(caller.acting, "serve")  # it shows what callers said, and where they live
    error = shown.error
    try:
        services = _taken()
    except NotThere as unavailable:
        services, error = [], error or unavailable
    with transaction() as s:
        filings = filing.latest(s, datetime.now(UTC))
    return page(
        request,
        "desk/requests.html",
        status=None if shown.error else 200,
        caller=caller,
        told=tell(error) if error else None,
        services=services,
        filings=filings,
        shown=shown,
        given=dict.fromkeys(FIELDS, "") | shown.given | {"form": shown.given.get("form") or str(uuid4())},
    )
