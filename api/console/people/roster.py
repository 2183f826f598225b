"""The console's duty roster: who is on duty, one tap to take over, hand-over, and a week as a table."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated

from fastapi import APIRouter, Form, Request
from sqlalchemy.orm import Session
from starlette.responses import RedirectResponse, Response

from api.auth import Caller, Viewer
from api.console.forms import whole_number
from api.errors import Told, tell
from api.ids import Id
from api.rendering import page
from notify.accounts import roster
from notify.accounts.roster import Shift
from notify.alerts.practice import drill_scores
from notify.core import city_time
from notify.core.db import transaction
from notify.core.errors import Invalid, TocsinError
from notify.core.settings import settings
from notify.core.translation import gettext as _
from notify.core.translation import gettext_noop

router = APIRouter(prefix="/console/roster", include_in_schema=False)
DAYS = 7
UNSAID, AGAIN = gettext_noop("The form does not say which shift it is about."), gettext_noop("Open the roster again.")
Words = Annotated[str, Form()]


@dataclass(frozen=True, slots=True)
class Day:
    """One day of the week's table. A shift over midnight is in the rows of both days."""

    date: date
    shifts: list[Shift]


@router.get("")
def show_roster(request: Request, caller: Viewer, week: str = "") -> Response:
    return _page(request, caller, week)


@router.post("/take")
def take_over(request: Request, caller: Viewer, note: Words = "", deputy: Words = "") -> Response:
    return _done(
        request, caller, lambda s: roster.take_over(s, caller.acting, datetime.now(UTC), note, deputy), "#now-title"
    )


@router.post("/hand-over")
def hand_over(
    request: Request, caller: Viewer, duty: Words = "", to: Words = "", deputy: Words = "", note: Words = ""
) -> Response:
    def step(s: Session) -> object:
        seen = whole_number(duty, UNSAID, AGAIN)
        if seen is None:
            raise Invalid(_(UNSAID), hint=_(AGAIN))
        return roster.hand_over(s, to, caller.acting, datetime.now(UTC), note, deputy, seen=seen)

    return _done(request, caller, step, "#now-title")


@router.post("/plan")
def plan(
    request: Request,
    caller: Viewer,
    who: Words = "",
    deputy: Words = "",
    starts_at: Words = "",
    ends_at: Words = "",
    note: Words = "",
) -> Response:
    def step(s: Session) -> object:
        begins, ends = _time(_("Beginning"), starts_at), _time(_("End"), ends_at)
        return roster.plan(s, who, deputy, begins, ends, caller.acting, datetime.now(UTC), note)

    return _done(request, caller, step, "#week-title")


@router.post("/{duty_id}/take-off")
def take_off(duty_id: Id, request: Request, caller: Viewer) -> Response:
    return _done(
        request, caller, lambda s: roster.take_off(s, duty_id, caller.acting, datetime.now(UTC)), "#week-title"
    )


def _time(label: str, words: str) -> datetime:
    try:
        return city_time.moment(words, settings().tz)
    except ValueError as error:
        raise Invalid(_("%(label)s: %(words)s %(error)s.", label=label, words=repr(words), error=error)) from None


def _done(request: Request, caller: Caller, step: Callable[[Session], object], place: str) -> Response:
    """Do a step and show the roster again; if the step was refused, with the reason on top."""
    try:
        with transaction() as s:
            step(s)
    except TocsinError as error:
        return _page(request, caller, "", tell(error))
    return RedirectResponse(f"/console/roster{place}", 303)


def _page(request: Request, caller: Caller, week: str, told: Told | None = None) -> Response:
    now = datetime.now(UTC)
    today = now.astimezone(settings().tz).date()
    first = _monday(week, today)
    with transaction() as s:
        present, following = roster.at(s, now)
        able = roster.may_serve(s)
        days = _days(s, first)
        idle = drill_scores.not_drilled(s, now)
    may_act = caller.may("roster")
    return page(
        request,
        "console/roster.html",
        caller=caller,
        told=told,
        now=now,
        today=today,
        present=present,
        following=following,
        able=able,
        days=days,
        idle=idle,
        earlier=first - timedelta(days=DAYS),
        later=first + timedelta(days=DAYS),
        may_act=may_act,
        serves=present is not None and present.operator.id in {one.id for one in able},
    )


def _monday(week: str, today: date) -> date:
    """Return the Monday of the week that contains a date; of this week without a valid one."""
    try:
        shown = date.fromisoformat(week) if week else today
    except ValueError:
        shown = today
    if not 2000 <= shown.year < 2200:
        shown = today
    return shown - timedelta(days=shown.weekday())


def _days(s: Session, first: date) -> list[Day]:
    dates = [first + timedelta(days=n) for n in range(DAYS + 1)]
    midnights = [city_time.on_clock(datetime.combine(one, time(12)), settings().tz) for one in dates]
    bounds = [at.replace(hour=0, fold=0).astimezone(UTC) for at in midnights]
    shifts = roster.between(s, bounds[0], bounds[-1])
    return [
        Day(one, [x for x in shifts if x.duty.starts_at < until and x.duty.ends_at > since])
        for one, since, until in zip(dates, bounds, bounds[1:], strict=False)
    ]
