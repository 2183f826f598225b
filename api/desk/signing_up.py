"""`/desk/sign-up`: an agent signs up a caller, who hears the words of the consent and reads a code back."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Form, Request
from starlette.responses import Response

from api.auth import Caller, Viewer
from api.desk.residents import TOLD, opened
from api.errors import retry_after, tell
from api.language import spoken_to_residents
from api.rendering import page
from api.resident import places
from notify.accounts import operators
from notify.city.geocoder import Match
from notify.core.db import transaction
from notify.core.errors import Invalid, Refused, TocsinError
from notify.core.settings import settings
from notify.core.translation import gettext as _
from notify.models import Topic
from notify.service311.desk import signing_up
from notify.service311.desk.signing_up import NewCaller
from notify.subscribers import enrolling, entering, joining, pressed_twice

router = APIRouter(prefix="/desk/sign-up", include_in_schema=False)
Text = Annotated[str, Form(max_length=320)]
Token = Annotated[str, Form(max_length=1_000)]
Topics = Annotated[list[Topic] | None, Form()]


@router.get("")
def ask(request: Request, caller: Viewer) -> Response:
    operators.require(caller.acting, "serve")
    return _form(request, caller)


@router.post("/with")
def ask_with(
    request: Request,
    caller: Viewer,
    asked: places.AskedPlace,
    contact: Text = "",
    topic: Topics = None,
    spoken: Text = "",
) -> Response:
    """Show the form with what is known already: a phone or email, or an address, which stand in no address."""
    operators.require(caller.acting, "serve")
    given = {**asked.given, "contact": contact, "spoken": spoken}
    if asked.place and asked.place != places.NONE_OF_THEM:
        given["address"] = places.chosen(asked.place)[2]
    return _form(request, caller, None, given, topic)


@router.post("")
def begin(
    request: Request,
    caller: Viewer,
    asked: places.AskedPlace,
    contact: Text = "",
    topic: Topics = None,
    spoken: Text = "",
    agreed: Text = "",
    once: Text = "",
) -> Response:
    """Send a code to the caller, and ask for what they read back."""
    operators.require(caller.acting, "serve")
    given = {**asked.given, "contact": contact, "spoken": spoken, "agreed": agreed}
    try:
        if not agreed:
            raise Invalid(_("The caller must agree first."), hint=_("Read the words aloud, then tick the box."))
        joining.parse(contact)
        with transaction() as s:
            where = places.read(s, asked, may_be_nowhere=True)
        if where.wish is None:
            return _form(request, caller, None, given, topic or (), choices=where.choices)
        with transaction() as s:
            new = NewCaller(contact, where.wish, topic or (), spoken)
            token = signing_up.begin(s, new, datetime.now(UTC), caller.acting, once)
    except places.Unknown as error:
        hint = _("Choose the nearest address, or write what is near, or give a point.")
        return _form(request, caller, places.Unknown(error.message, hint=hint), given, topic or ())
    except TOLD as error:
        return _form(request, caller, error, given, topic or ())
    return _code(request, caller, token, {**given, "place": asked.place}, topic or ())


@router.post("/code")
def confirm(
    request: Request,
    caller: Viewer,
    asked: places.AskedPlace,
    token: Token = "",
    code: Text = "",
    contact: Text = "",
    topic: Topics = None,
    spoken: Text = "",
) -> Response:
    """Sign the caller up, and lead to their page, where the agent may change what they ask for."""
    operators.require(caller.acting, "serve")
    now, refused = datetime.now(UTC), None
    with transaction() as s:  # a wrong code is committed: it counts
        try:
            joined = signing_up.confirm(s, token, code, now, caller.acting)
        except Refused as error:
            refused = error
    if refused is not None:
        given = {**asked.given, "place": asked.place, "contact": contact, "spoken": spoken, "agreed": "yes"}
        return _code(request, caller, token, given, topic or (), refused)
    done = "full" if joined.left_out else "new" if joined.is_new else "known"
    return opened(caller, joined.subscriber_id, joined.contact_id, now, done)


def _form(
    request: Request,
    caller: Caller,
    error: TocsinError | None = None,
    given: Mapping[str, str] | None = None,
    topics: Sequence[Topic] | None = None,
    choices: Sequence[Match] = (),
) -> Response:
    given = {"spoken": settings().languages[0]} | {name: value for name, value in dict(given or {}).items() if value}
    channels = _channels(given.get("contact", ""))
    chosen = enrolling.first_topics() if topics is None else topics
    aloud = [(one, [entering.words(channel, one) for channel in channels]) for one in spoken_to_residents()]
    return page(
        request,
        "desk/sign_up.html",
        caller=caller,
        told=tell(error) if error else None,
        headers={"Cache-Control": "no-store", **retry_after(error)},
        given=given,
        topics=[(one.value, one in chosen) for one in Topic],
        aloud=aloud,
        choices=choices,
        once=pressed_twice.form_token(),
        **places.asks_more(error),
    )


def _channels(contact: str) -> Sequence[str]:
    """Return the channels whose words are to be read aloud: of the phone or email, if it is known."""
    try:
        return (joining.parse(contact)[0],)
    except Invalid:
        return entering.CONTACTS


def _code(
    request: Request,
    caller: Caller,
    token: str,
    given: Mapping[str, str],
    topics: Sequence[Topic],
    error: TocsinError | None = None,
) -> Response:
    """`given`: what the form had, for another code or to correct it."""
    with transaction() as s:
        waiting = signing_up.waiting(s, token, datetime.now(UTC), caller.acting)
    fields = [(name, value) for name, value in given.items() if value] + [("topic", one.value) for one in topics]
    return page(
        request,
        "desk/sign_up_code.html",
        caller=caller,
        told=tell(error) if error else None,
        headers={"Cache-Control": "no-store", **retry_after(error)},
        token=token,
        waiting=waiting,
        fields=fields,
    )
