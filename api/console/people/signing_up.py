"""Staff sign up residents who call, hand in a paper form or come to an event; and they start a tablet for an event."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Form, Request
from starlette.responses import RedirectResponse, Response

from api import auth
from api.auth import Caller, Viewer
from api.errors import retry_after, tell
from api.language import spoken_to_residents
from api.rendering import page
from api.resident import places, tablet
from notify.accounts import operators
from notify.accounts.tries import TooManyTries
from notify.city.geocoder import Match
from notify.core.db import transaction
from notify.core.errors import Invalid, Refused, TocsinError, Unavailable
from notify.core.settings import settings
from notify.core.translation import gettext as _
from notify.models import Topic
from notify.subscribers import enrolling, entering
from notify.subscribers.entering import Entered, Entry, How

router = APIRouter(prefix="/console/sign-up", include_in_schema=False)
Text = Annotated[str, Form(max_length=320)]
TOLD = (Invalid, Refused, TooManyTries)


@router.get("")
def ask(request: Request, caller: Viewer) -> Response:
    operators.require(caller.acting, "serve")
    return _page(request, caller)


@router.post("")
def enter(
    request: Request,
    caller: Viewer,
    asked: places.AskedPlace,
    contact: Text = "",
    topic: Annotated[list[Topic] | None, Form()] = None,
    spoken: Text = "",
    how: Annotated[How, Form()] = "call",
    agreed: Text = "",
) -> Response:
    operators.require(caller.acting, "serve")
    given = {**asked.given, "contact": contact, "spoken": spoken, "how": how, "agreed": agreed}
    try:
        if not agreed:
            raise Invalid(_("The resident must agree first."), hint=_("Read the words aloud, then tick the box."))
        with transaction() as s:
            where = places.read(s, asked, may_be_nowhere=True)
        if where.wish is None:
            return _page(request, caller, None, given, topic or (), choices=where.choices)
        with transaction() as s:
            entry = Entry(contact, where.wish, topic or (), spoken, how)
            entered = entering.enter(s, entry, datetime.now(UTC), caller.acting)
    except places.Unknown as error:
        hint = _("Choose the nearest address, or write what is near, or give a point.")
        return _page(request, caller, places.Unknown(error.message, hint=hint), given, topic or ())
    except Unavailable as error:
        later = Unavailable(error.message, hint=_("Write down who it is, and enter it here later."))
        return _page(request, caller, later, given, topic or ())
    except TOLD as error:
        return _page(request, caller, error, given, topic or ())
    return _page(request, caller, entered=entered, given={"how": how, "spoken": spoken})


@router.post("/tablet")
def start_tablet(request: Request, caller: Viewer) -> Response:
    """Sign the operator out in this browser, and turn it into a tablet on which people sign up one after the other."""
    operators.require(caller.acting, "serve")
    answer = RedirectResponse("/tablet", 303)
    auth.sign_out(request, answer)
    tablet.begin(answer, caller.acting, datetime.now(UTC))
    return answer


def _page(
    request: Request,
    caller: Caller,
    error: TocsinError | None = None,
    given: Mapping[str, str] | None = None,
    topics: Sequence[Topic] | None = None,
    choices: Sequence[Match] = (),
    entered: Entered | None = None,
) -> Response:
    chosen = enrolling.first_topics() if topics is None else topics
    languages = spoken_to_residents()
    return page(
        request,
        "console/sign_up.html",
        caller=caller,
        told=tell(error) if error else None,
        headers=retry_after(error),
        given={"spoken": settings().languages[0], "how": "call"} | dict(given or {}),
        topics=[(one.value, one in chosen) for one in Topic],
        languages=languages,
        words=[(channel, [(one, entering.words(channel, one)) for one in languages]) for channel in entering.CONTACTS],
        hows=entering.HOWS,
        choices=choices,
        entered=entered,
        **places.asks_more(error),
    )
