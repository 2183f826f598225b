"""A resident on the agent's screen, and what the agent changes on the caller's word."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Form, Request
from sqlalchemy.orm import Session
from starlette.responses import RedirectResponse, Response

from api import auth
from api.auth import Caller, Viewer
from api.cookies import is_https
from api.desk.counted import counted
from api.errors import retry_after, tell
from api.ids import Id
from api.language import spoken_to_residents
from api.rendering import page
from notify.accounts import operators
from notify.accounts.tries import TooManyTries
from notify.core.db import transaction
from notify.core.errors import Invalid, NotFound, Refused, TocsinError, Unavailable
from notify.core.settings import settings
from notify.core.translation import gettext as _
from notify.models import Topic
from notify.service311.desk import acts, card, proof, resend
from notify.service311.desk.acts import Call
from notify.service311.desk.proof import Proven
from notify.service311.reminders import asking, readers, wishes
from notify.subscribers import entering

router = APIRouter(prefix="/desk/residents", include_in_schema=False)
Text = Annotated[str, Form(max_length=320)]
Number = Annotated[int, Form(ge=0, lt=2**63)]
TOLD = (Invalid, NotFound, Refused, TooManyTries, Unavailable)
COOKIE = "tocsin-desk-call"


@router.get("/{resident_id}")
def show(resident_id: Id, request: Request, caller: Viewer, done: str = "") -> Response:
    return card_page(request, caller, resident_id, done=done)


@router.post("/{resident_id}/clear")
def in_clear(resident_id: Id, request: Request, caller: Viewer) -> Response:
    """Show phones, emails and addresses in clear, on this one page."""
    return card_page(request, caller, resident_id, in_clear=True)


@router.post("/{resident_id}/code")
def send_code(resident_id: Id, request: Request, caller: Viewer, contact: Number = 0) -> Response:
    """Send a code to a contact, and ask for what the caller reads back."""
    now = datetime.now(UTC)
    try:
        with transaction() as s:
            token = proof.send_code(s, resident_id, contact, now, caller.acting)
    except TOLD as error:
        return card_page(request, caller, resident_id, error=error)
    return card_page(request, caller, resident_id, waiting=token)


@router.post("/{resident_id}/prove")
def prove(resident_id: Id, request: Request, caller: Viewer, token: Text = "", code: Text = "") -> Response:
    now, refused = datetime.now(UTC), None
    with transaction() as s:  # a wrong code is committed: it counts
        try:
            joined = proof.confirm(s, token, code, now, caller.acting, resident_id)
        except (NotFound, Refused) as error:
            refused = error
    if refused is not None:
        return card_page(request, caller, resident_id, error=refused, waiting=token)
    return opened(caller, joined.subscriber_id, joined.contact_id, now)


@router.post("/{resident_id}/stop")
def stop(resident_id: Id, request: Request, caller: Viewer, contact: Number = 0, topic: Text = "") -> Response:
    def act(s: Session, now: datetime) -> None:
        acts.stop(s, _call(request, caller, resident_id), contact, now, _topic(topic))

    return _act(request, caller, resident_id, "stop", act)


@router.post("/{resident_id}/start")
def start(resident_id: Id, request: Request, caller: Viewer) -> Response:
    def act(s: Session, now: datetime) -> None:
        acts.start(s, _call(request, caller, resident_id), now)

    return _act(request, caller, resident_id, "start", act)


@router.post("/{resident_id}/resend")
def send_again(resident_id: Id, request: Request, caller: Viewer, alert: Number = 0, contact: Number = 0) -> Response:
    """Send an alert that they got to another phone or email of theirs."""

    def act(s: Session, now: datetime) -> None:
        resend.resend(s, _call(request, caller, resident_id), alert, contact, now)

    return _act(request, caller, resident_id, "resend", act)


@router.post("/{resident_id}/reminders")
def remind(
    resident_id: Id, request: Request, caller: Viewer, hour: Number = asking.USUAL, channel: Text = ""
) -> Response:
    """Remind them the evening before each collection."""

    def act(s: Session, now: datetime) -> None:
        acts.remind(s, _call(request, caller, resident_id), hour, channel, now)

    return _act(request, caller, resident_id, "remind", act)


@router.post("/{resident_id}/reminders/stop")
def remind_no_more(resident_id: Id, request: Request, caller: Viewer) -> Response:
    def act(s: Session, now: datetime) -> None:
        acts.remind_no_more(s, _call(request, caller, resident_id), now)

    return _act(request, caller, resident_id, "unremind", act)


@router.post("/{resident_id}/calendar")
def mail_calendar(
    resident_id: Id, request: Request, caller: Viewer, place: Number = 0, contact: Number = 0
) -> Response:
    """Send the collection days of a place for the year ahead to an email of theirs."""

    def act(s: Session, now: datetime) -> None:
        acts.mail_calendar(s, _call(request, caller, resident_id), place, contact, now)

    return _act(request, caller, resident_id, "calendar", act)


@router.post("/{resident_id}/topics")
def choose(
    resident_id: Id,
    request: Request,
    caller: Viewer,
    topic: Annotated[list[Topic] | None, Form()] = None,
    language: Text = "",
) -> Response:
    def act(s: Session, now: datetime) -> None:
        acts.choose(s, _call(request, caller, resident_id), topic or (), language, now)

    return _act(request, caller, resident_id, "choose", act)


@router.post("/{resident_id}/mute")
def mute(resident_id: Id, request: Request, caller: Viewer, until: Text = "") -> Response:
    def act(s: Session, now: datetime) -> None:
        acts.mute(s, _call(request, caller, resident_id), _day(until), now)

    return _act(request, caller, resident_id, "mute", act)


@router.post("/{resident_id}/places")
def add_place(resident_id: Id, request: Request, caller: Viewer, label: Text = "", address: Text = "") -> Response:
    def act(s: Session, now: datetime) -> None:
        acts.add_place(s, _call(request, caller, resident_id), label, address, now)

    return _act(request, caller, resident_id, "place", act)


@router.post("/{resident_id}/places/{place_id}")
def change_place(
    resident_id: Id, place_id: Id, request: Request, caller: Viewer, address: Text = "", remove: Text = ""
) -> Response:
    """Move a place to another address, or remove it."""

    def act(s: Session, now: datetime) -> None:
        call = _call(request, caller, resident_id)
        if remove:
            acts.remove_place(s, call, place_id, now)
        else:
            acts.move_place(s, call, place_id, address, now)

    return _act(request, caller, resident_id, "place", act)


def card_page(
    request: Request,
    caller: Caller,
    resident_id: int,
    *,
    error: TocsinError | None = None,
    in_clear: bool = False,
    first: int = 0,
    waiting: str = "",
    done: str = "",
) -> Response:
    """Return the page of a resident. `first`: the contact that was looked up, which the keys stop. The look is counted
    and noted. Raises NotFound, NotAllowed, TooManyTries."""
    operators.require(caller.acting, "serve")
    now = datetime.now(UTC)
    proven = _call(request, caller, resident_id).proven
    with counted(caller.acting, now) as s:
        shown = card.show(s, resident_id, now, caller.acting, in_clear=in_clear)
        remindable = wishes.channels(s, resident_id) if proven else ()
    shown = replace(shown, contacts=sorted(shown.contacts, key=lambda one: one.id != first))
    language = shown.resident.language
    given: dict[str, Any] = {
        "card": shown,
        "now": now,
        "proven": proven,
        "reminder_words": {one: asking.words(one, language) for one in remindable},
        "reminder_hours": asking.hours(),
        "evening_at": dict(asking.hours())[readers.HOUR],
        "reminded_at": dict(asking.hours()).get(shown.reminded.hour, "") if shown.reminded else "",
        "topics": [(one.value, any(one.value == has.topic for has in shown.resident.topics)) for one in Topic],
        "in_force": {
            told.alert.id: told.alert
            for place in shown.places
            if place.here is not None
            for told in place.here.alerts
            if told.stands == "active"
        },
        "languages": spoken_to_residents(),
        "city_languages": settings().languages,
        "consent_words": {one.channel: entering.words(one.channel, language) for one in shown.contacts},
    }
    told = tell(error) if error else None
    given |= {"waiting": waiting, "done": done, "headers": {"Cache-Control": "no-store", **retry_after(error)}}
    return page(request, "desk/resident.html", caller=caller, told=told, **given)


def opened(caller: Caller, resident_id: int, contact_id: int, now: datetime, done: str = "prove") -> Response:
    """Lead to the page of a resident who has read back a code; the agent may now change what they ask for."""
    answer = RedirectResponse(f"/desk/residents/{resident_id}?done={done}", 303)
    token = proof.token(Proven(caller.acting.id, resident_id, contact_id), now)
    auth.set_cookie(answer, _cookie(), token, int(proof.LIVES.total_seconds()))
    return answer


def _cookie() -> str:
    return f"__Host-{COOKIE}" if is_https() else COOKIE


def _call(request: Request, caller: Caller, resident_id: int) -> Call:
    proven = proof.read(request.cookies.get(_cookie(), ""), caller.acting, datetime.now(UTC))
    return Call(caller.acting, resident_id, proven if proven and proven.resident == resident_id else None)


def _act(
    request: Request, caller: Caller, resident_id: int, done: str, act: Callable[[Session, datetime], None]
) -> Response:
    """Do it and lead back to the resident, or show the page with what is wrong."""
    operators.require(caller.acting, "serve")
    now = datetime.now(UTC)
    try:
        with transaction() as s:
            act(s, now)
    except TOLD as error:
        return card_page(request, caller, resident_id, error=error)
    return RedirectResponse(f"/desk/residents/{resident_id}?done={done}", 303)


def _topic(given: str) -> Topic | None:
    try:
        return Topic(given) if given else None
    except ValueError:
        raise Invalid(_("There is no such topic."), hint=_("Choose one of the list.")) from None


def _day(given: str) -> date | None:
    try:
        return date.fromisoformat(given) if given else None
    except ValueError:
        raise Invalid(_("This is not a day."), hint=_("Write it as 2026-12-24.")) from None
