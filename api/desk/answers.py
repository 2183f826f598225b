"""Questions and answers at the desk: search while somebody calls, write them once, and see what nobody has answered.

A search is a form that is posted: words of callers must not stand in logs (law 9).
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Form, Request
from starlette.responses import RedirectResponse, Response

from api.auth import Caller, Viewer
from api.console.forms import whole_number
from api.errors import tell
from api.ids import Id
from api.rendering import page
from notify.accounts import operators
from notify.core.city_time import on_clock
from notify.core.db import transaction
from notify.core.errors import Invalid, TocsinError
from notify.core.settings import settings
from notify.core.translation import gettext as _
from notify.core.translation import gettext_noop
from notify.models import Answer
from notify.service311.answers import search, store
from notify.service311.answers.store import Text, Written

router = APIRouter(prefix="/desk/answers", include_in_schema=False)
Said = Annotated[str, Form(max_length=300)]
FIELDS = ("question", "answer", "short", "keywords")


@dataclass(frozen=True, slots=True)
class Looked:
    """A search: what was asked, and the answers. `language`: of both."""

    asked: str
    language: str
    answers: list[Answer] = field(default_factory=list)


@router.get("")
def show(request: Request, caller: Viewer) -> Response:
    return _page(request, caller)


@router.post("")
def look(request: Request, caller: Viewer, asked: Said = "", language: Said = "") -> Response:
    """Search in the language of the caller."""
    spoken = language if language in settings().languages else settings().languages[0]
    with transaction() as s:
        found = search.find(s, asked, spoken, datetime.now(UTC))
    return _page(request, caller, Looked(asked, spoken, list(found.answers)))


@router.get("/new")
def show_new(request: Request, caller: Viewer) -> Response:
    operators.require(caller.acting, "words")
    return _form(request, caller, {})


@router.get("/{number}")
def show_one(number: Id, request: Request, caller: Viewer) -> Response:
    operators.require(caller.acting, "words")
    with transaction() as s:
        there = store.of_number(s, number)
    given = {f"{name}_{language}": getattr(one, name) for language, one in there.items() for name in FIELDS}
    first = next(iter(there.values()))
    given |= {"number": str(number), "seen": str(first.version), "incident": str(first.incident_id or "")}
    return _form(request, caller, given | {"until": _local(first.valid_until), "from": _local(first.valid_from)})


@router.post("/save")
async def save(request: Request, caller: Viewer) -> Response:
    operators.require(caller.acting, "words")
    async with request.form(max_fields=100, max_files=0) as sent:
        given = {name: value for name, value in sent.items() if isinstance(value, str)}
    try:
        with transaction() as s:
            store.save(s, _written(given), datetime.now(UTC), caller.acting)
    except TocsinError as error:
        return _form(request, caller, given, error)
    return RedirectResponse("/desk/answers", 303)


@router.post("/{number}/end")
def end(number: Id, caller: Viewer) -> Response:
    with transaction() as s:
        store.end(s, number, datetime.now(UTC), caller.acting)
    return RedirectResponse("/desk/answers", 303)


def _written(given: dict[str, str]) -> Written:
    """Read the form. Raises Invalid."""
    texts = {
        language: Text(**{name: given.get(f"{name}_{language}", "") for name in FIELDS})
        for language in settings().languages
    }
    wrong, hint = gettext_noop("%(given)s is not a number."), gettext_noop("Write a number, or nothing.")
    numbers = {name: whole_number(given.get(name, ""), wrong, hint) for name in ("number", "seen", "incident")}
    return Written(
        texts,
        numbers["number"] or 0,
        numbers["seen"] or 0,
        numbers["incident"],
        _time(given.get("from", "")),
        _time(given.get("until", "")),
    )


def _time(given: str) -> datetime | None:
    """Read a time on the city's clock; None for an empty field. Raises Invalid."""
    if not given:
        return None
    try:
        return on_clock(datetime.fromisoformat(given), settings().tz)
    except ValueError as error:
        hint = _("Choose a date and a time.")
        raise Invalid(_("%(given)s is not a time: %(error)s.", given=repr(given), error=error), hint=hint) from None


def _local(at: datetime | None) -> str:
    return f"{at.astimezone(settings().tz):%Y-%m-%dT%H:%M}" if at is not None else ""


def _page(request: Request, caller: Caller, looked: Looked | None = None) -> Response:
    first, now = settings().languages[0], datetime.now(UTC)
    with transaction() as s:
        every, in_vain = store.every(s, first), search.in_vain(s, 30)
    shown: dict[str, Any] = {"looked": looked, "every": every, "in_vain": in_vain, "now": now, "city_language": first}
    return page(request, "desk/answers.html", caller=caller, languages=settings().languages, **shown)


def _form(request: Request, caller: Caller, given: dict[str, str], error: TocsinError | None = None) -> Response:
    return page(
        request,
        "desk/answer_form.html",
        caller=caller,
        told=tell(error) if error else None,
        given=given,
        languages=settings().languages,
        longest=store.LONGEST,
    )
