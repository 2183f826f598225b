"""`/tablet`: at an event people sign up one after the other on a tablet of the city.

An operator starts it from the console and is signed out by that: the browser keeps only a cookie that lets it open
these pages. Nothing of one person is left for the next: every answer is a page of its own that goes away by itself, no
form is filled in by the browser, and no page says whether a phone or email was known.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from starlette.responses import RedirectResponse, Response

from api.auth import require_own_form
from api.cookies import is_https
from api.language import of_resident
from api.resident import places
from api.resident.form_page import form_page
from notify.accounts.tries import TooManyTries
from notify.city.geocoder import Match
from notify.core import crypto
from notify.core.db import transaction
from notify.core.errors import Invalid, NotAllowed, Refused, TocsinError, Unavailable
from notify.core.translation import gettext as _
from notify.models import Operator
from notify.subscribers import enrolling, entering, joining
from notify.subscribers.entering import Entry

router = APIRouter(prefix="/tablet", include_in_schema=False)
Text = Annotated[str, Form(max_length=320)]
LIFE = timedelta(hours=12)
PURPOSE = "tablet"


def begin(response: Response, by: Operator, now: datetime) -> None:
    """Let this browser open the pages of a tablet, in the name of an operator."""
    token = crypto.sign_token(PURPOSE, f"{by.id}.{int((now + LIFE).timestamp())}")
    response.set_cookie(
        _name(), token, int(LIFE.total_seconds()), secure=is_https(), httponly=True, samesite="strict", path="/"
    )


def operator_of(request: Request) -> int:
    """Return the operator who started the tablet. Raises NotAllowed on any other browser, and once it has ended."""
    if request.method not in {"GET", "HEAD"}:
        require_own_form(request)
    try:
        number, _point, ends = crypto.read_token(PURPOSE, request.cookies.get(_name(), "")).partition(".")
    except Invalid:
        number, ends = "0", "0"
    with transaction() as s:
        operator = s.get(Operator, int(number))
        is_here = operator is not None and operator.disabled_at is None
    if not is_here or int(ends) < datetime.now(UTC).timestamp():
        raise NotAllowed(
            _("This page is for a tablet at an event."), hint=_("Staff start it in the console. To join, open /join.")
        )
    return int(number)


Starter = Annotated[int, Depends(operator_of)]


@router.get("")
def ask(request: Request, starter: Starter) -> Response:
    return _page(request)


@router.post("")
def enter(
    request: Request, starter: Starter, asked: places.AskedPlace, contact: Text = "", agreed: Text = ""
) -> Response:
    given = {**asked.given, "contact": contact}
    language = of_resident(request)
    try:
        joining.parse(contact)
        if not agreed:
            raise Invalid(_("Tick the box if you agree."), hint=_("Nothing is sent to you without it."))
        try:
            with transaction() as s:
                where = places.read(s, asked, may_be_nowhere=True)
        except Invalid as error:  # who stands at the city's own table is not sent to the telephone
            raise Invalid(error.message, hint=_("Check it, or ask the staff beside you.")) from None
        if where.wish is None:
            return _page(request, given=given, choices=where.choices)
        entry = Entry(contact, where.wish, enrolling.first_topics(), language, "event")
        with transaction() as s:
            entering.enter(s, entry, datetime.now(UTC), s.get_one(Operator, starter))
    except Refused:
        pass  # it is known, was asked, or has opted out: whoever stands here need not know
    except (Invalid, TooManyTries, Unavailable) as error:
        return _page(request, error, given)
    return RedirectResponse(f"/tablet/thanks?lang={language}", 303)


@router.get("/thanks")
def thank(request: Request, starter: Starter) -> Response:
    return form_page(request, "tablet_thanks.html")


@router.post("/end")
def end(request: Request, starter: Starter) -> Response:
    answer = RedirectResponse("/console", 303)
    answer.delete_cookie(_name(), path="/", secure=is_https(), httponly=True, samesite="strict")
    return answer


def _page(
    request: Request,
    error: TocsinError | None = None,
    given: Mapping[str, str] | None = None,
    choices: Sequence[Match] = (),
) -> Response:
    words = [(channel, entering.words(channel, of_resident(request))) for channel in entering.CONTACTS]
    return form_page(request, "tablet.html", error, given, choices=choices, words=words, **places.asks_more(error))


def _name() -> str:
    return "__Host-tocsin-tablet" if is_https() else "tocsin-tablet"
