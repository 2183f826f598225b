"""The forms that add holidays, rules and exceptions to the collection calendars."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Annotated

from fastapi import APIRouter, Form, Request
from sqlalchemy.orm import Session
from starlette.responses import RedirectResponse, Response

from api.auth import Caller, Viewer
from api.errors import Told, tell
from api.rendering import page
from notify.accounts import operators
from notify.core.db import transaction
from notify.core.errors import TocsinError
from notify.service311 import calendars, rule_data, rule_entry, rule_store
from notify.service311.holiday_dates import by_dates, named_holidays
from notify.service311.notices.causes import CAUSES
from notify.service311.outputs import rule_findings, rule_words
from notify.service311.rule_entry import ExceptionForm, RuleForm
from notify.service311.streams import STREAMS

router = APIRouter(prefix="/desk/rules", include_in_schema=False)
YEARS = 3  # for which dates of the library are shown: this one and the next
Text = Annotated[str, Form(max_length=400)]
Texts = Annotated[list[str], Form(max_length=400)]
Long = Annotated[str, Form(max_length=4000)]


@router.get("/holidays")
def choose_holidays(request: Request, caller: Viewer, country: str = "US", state: str = "") -> Response:
    return _holidays(request, caller, country[:10], state[:10])


@router.post("/holidays")
def add_holidays(
    request: Request,
    caller: Viewer,
    country: Text = "US",
    state: Text = "",
    chosen: Texts = [],  # noqa: B006  FastAPI copies it
    name: Text = "",
    days: Long = "",
    reason: Long = "",
) -> Response:
    """Add those chosen from the library, or one by hand."""
    now = datetime.now(UTC)
    given = {"name": name, "days": days, "reason": reason}

    def add(s: Session) -> None:
        if name or days or not chosen:
            rule_store.add_holiday(s, name, rule_entry.dates(days), reason, now, caller.acting)
        if chosen:
            rule_store.add_chosen(s, chosen, country, state or None, _years(now), reason, now, caller.acting)

    return _added(caller, add, lambda told: _holidays(request, caller, country, state, told, given, chosen))


@router.get("/new")
def write_rule(request: Request, caller: Viewer, instead: int = 0) -> Response:
    """`instead`: the rule that the new one takes the place of; its words stand in the form."""
    if not instead:
        return _rule(request, caller, RuleForm())
    with transaction() as s:
        row = rule_store.row(s, instead, "rule")
        form, reason = rule_entry.form_of_rule(rule_data.to_rule(row.body)), row.reason
    return _rule(request, caller, form, reason=reason, instead=instead)


@router.post("/new")
def add_rule(
    request: Request,
    caller: Viewer,
    holiday: Texts = [],  # noqa: B006
    effect: Text = "",
    direction: Text = "later",
    zone: Texts = [],  # noqa: B006
    stream: Texts = [],  # noqa: B006
    bound: Text = "",
    spill_to: Text = "",
    weekend: Text = "ignore",
    otherwise: Text = "announce",
    set_out_at: Text = "",
    reason: Long = "",
    instead: Annotated[int, Form()] = 0,
) -> Response:
    form = RuleForm(holiday, effect, direction, zone, stream, bound, spill_to, weekend, otherwise, set_out_at)

    def add(s: Session) -> None:
        rule_store.add_rule(s, rule_entry.rule(s, form), reason, datetime.now(UTC), caller.acting, instead or None)

    return _added(caller, add, lambda told: _rule(request, caller, form, told, reason, instead))


@router.get("/exception")
def write_exception(request: Request, caller: Viewer, instead: int = 0) -> Response:
    if not instead:
        return _exception(request, caller, ExceptionForm(author=caller.acting.email))
    with transaction() as s:
        form = rule_entry.form_of_exception(rule_data.to_exception(rule_store.row(s, instead, "exception").body))
    return _exception(request, caller, form, instead=instead)


@router.post("/exception")
def add_exception(
    request: Request,
    caller: Viewer,
    day: Text = "",
    zone: Text = "",
    stream: Text = "",
    happens: Text = "moved",
    moved_to: Text = "",
    author: Text = "",
    reason: Long = "",
    instead: Annotated[int, Form()] = 0,
) -> Response:
    form = ExceptionForm(day, zone, stream, happens, moved_to, author, reason)

    def add(s: Session) -> None:
        rule_store.add_exception(s, rule_entry.exception(s, form), datetime.now(UTC), caller.acting, instead or None)

    return _added(caller, add, lambda told: _exception(request, caller, form, told, instead))


def _added(caller: Caller, add: Callable[[Session], None], again: Callable[[Told], Response]) -> Response:
    """Add what a form asks for and lead to what it changes, or show the form `again` with what is wrong."""
    operators.require(caller.acting, "collections")
    try:
        with transaction() as s:
            add(s)
    except TocsinError as error:
        return again(tell(error))
    return RedirectResponse("/desk/rules#changes", 303)


def _years(now: datetime) -> range:
    this = calendars.today(now).year
    return range(this, this + YEARS)


def _holidays(
    request: Request,
    caller: Caller,
    country: str,
    state: str,
    told: Told | None = None,
    given: Mapping[str, str] | None = None,
    chosen: Sequence[str] = (),
) -> Response:
    """Show the holidays of a country and state with their dates, before any is added."""
    now = datetime.now(UTC)
    names_of: dict[tuple[date, ...], list[str]] = {}
    try:
        names_of = by_dates(named_holidays(country, state or None, _years(now)))
    except TocsinError as error:
        told = told or tell(error)
    with transaction() as s:
        there = {(one.name, one.day) for one in rule_store.read(rule_store.standing(s)).holidays}
    listed = []
    for days, names in names_of.items():
        kept = [name for name in names if all((name, day) in there for day in days)]
        name = next(iter(kept or [name for name in names if name in chosen] or names))
        others = [other for other in names if other != name]
        listed.append((name, others, ", ".join(map(rule_words.date_of, days)), bool(kept)))
    empty = {"name": "", "days": "", "reason": ""}
    return page(
        request,
        "desk/rules_holidays.html",
        caller=caller,
        country=country,
        state=state,
        listed=listed,
        chosen=set(chosen),
        filled=given or empty,
        told=told,
        may_change=caller.may("collections"),
    )


def _rule(
    request: Request, caller: Caller, form: RuleForm, told: Told | None = None, reason: str = "", instead: int = 0
) -> Response:
    with transaction() as s:
        zones = rule_findings.zone_names(s)
        names = sorted({one.name for one in rule_store.read(rule_store.standing(s)).holidays} | set(form.holidays))
    return page(
        request,
        "desk/rules_new.html",
        caller=caller,
        form=form,
        reason=reason,
        names=names,
        zones=zones,
        streams=list(STREAMS),
        weekdays=rule_words.weekdays(),
        words=rule_words,
        told=told,
        instead=instead,
        may_change=caller.may("collections"),
    )


def _exception(
    request: Request, caller: Caller, form: ExceptionForm, told: Told | None = None, instead: int = 0
) -> Response:
    with transaction() as s:
        zones = rule_findings.zone_names(s)
    return page(
        request,
        "desk/rules_exception.html",
        caller=caller,
        form=form,
        zones=zones,
        streams=list(STREAMS),
        causes=list(CAUSES.values()),
        words=rule_words,
        told=told,
        instead=instead,
        may_change=caller.may("collections"),
    )
