"""`/desk/snow`: the snow emergency in force, a form that drafts one, and its lift."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Form, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse, Response

from api.auth import Caller, Viewer
from api.desk.clock import on_city_clock
from api.errors import tell
from api.rendering import page
from notify.accounts import operators
from notify.core.city_time import shown
from notify.core.db import transaction
from notify.core.errors import Invalid, TocsinError
from notify.core.settings import settings
from notify.core.translation import gettext as _
from notify.models import Alert
from notify.service311.desk import departures
from notify.service311.snow import declaring, emergencies, routes
from notify.service311.snow.emergencies import InForce
from notify.service311.snow.rules import OTHERS, ROUTES, Ban, Phase

router = APIRouter(prefix="/desk/snow", include_in_schema=False)
PHASES = (1, 2, 3)
SIDES = ("both", "odd", "even")
MOST_FIELDS = 40


class TooEarly(Invalid):
    """A phase begins while quiet hours hold texts and emails."""

    def __init__(self, until: datetime) -> None:
        super().__init__(
            _(
                "A phase begins before texts and emails go out: it is quiet until %(at)s.",
                at=shown(until, settings().tz),
            ),
            hint=_(
                "Few residents can move their cars before. Let it begin later; or tick the box below: then it is in"
                " force, and only the public page and posts say so."
            ),
        )


@router.get("")
def show(request: Request, caller: Viewer) -> Response:
    return _page(request, caller)


@router.post("")
async def fields(request: Request, caller: Viewer) -> Response:
    """Draft the alert of an emergency, or of the changed rules of the one in force."""
    given = {name: str(value)[:2_000] for name, value in list((await request.form()).items())[:MOST_FIELDS]}
    return await run_in_threadpool(_declare, request, caller, given)


@router.post("/lift")
def lift(request: Request, caller: Viewer, incident: Annotated[str, Form(max_length=20)] = "") -> Response:
    operators.require(caller.acting, "draft")
    try:
        with transaction() as s:
            number = _incident(incident)
            if number is None:
                raise Invalid(_("There is no snow emergency to lift."))
            alert = declaring.lift(s, number, caller.acting, datetime.now(UTC), settings()).id
    except TocsinError as error:
        return _page(request, caller, error)
    return RedirectResponse(f"/console/alerts/{alert}", 303)


def _declare(request: Request, caller: Caller, given: dict[str, str]) -> Response:
    operators.require(caller.acting, "draft")
    now = datetime.now(UTC)
    try:
        phases = [phase for n in PHASES if (phase := _phase(given, n))]
        until = declaring.untold_until(phases, now, settings())
        if until is not None and not given.get("though_late"):
            raise TooEarly(until)
        instead = {language: given.get(f"instead.{language}", "").strip() for language in settings().languages}
        with transaction() as s:
            alert = declaring.declare(
                s,
                phases,
                given.get("tow_phone", "").strip(),
                instead,
                caller.acting,
                now,
                settings(),
                _incident(given.get("incident", "")),
            ).id
    except TocsinError as error:
        return _page(request, caller, error, given)
    return RedirectResponse(f"/console/alerts/{alert}", 303)


def _phase(given: dict[str, str], n: int) -> Phase | None:
    """Read a phase; None where no time is given. Raises Invalid."""
    starts, ends = given.get(f"starts{n}", "").strip(), given.get(f"ends{n}", "").strip()
    if not starts and not ends:
        return None
    bans = [
        Ban(where, sides)  # type: ignore[arg-type]  # one of SIDES
        for where, sides in (
            (given.get(f"class{n}") or ROUTES, given.get(f"routes{n}", "")),
            (OTHERS, given.get(f"others{n}", "")),
        )
        if sides in SIDES
    ]
    return Phase(_time(starts, n), _time(ends, n), tuple(bans))


def _time(given: str, n: int) -> datetime:
    """Read a time on the city's clock. Raises Invalid, also in the night on which the clocks change: a time that they
    skip or show twice."""
    try:
        read = datetime.fromisoformat(given)
    except ValueError:
        raise Invalid(
            _("Phase %(number)s needs a start and an end.", number=n), hint=_("Write them as 2027-01-12T18:00.")
        ) from None
    return on_city_clock(read)


def _incident(given: str) -> int | None:
    return int(given) if given.isascii() and given.isdecimal() and len(given) < 19 else None


def _filled(emergency: InForce | None) -> dict[str, str]:
    """Return the form with the rules in force: who changes them does not type them again."""
    if emergency is None:
        return {}
    given = {"tow_phone": emergency.tow_phone}
    given |= {f"instead.{language}": words for language, words in emergency.instead.items()}
    for n, phase in zip(PHASES, emergency.phases, strict=False):
        for name, at in (("starts", phase.starts), ("ends", phase.ends)):
            given[f"{name}{n}"] = f"{at.astimezone(settings().tz):%Y-%m-%dT%H:%M}"
        for ban in phase.bans:
            if ban.where == OTHERS:
                given[f"others{n}"] = ban.sides
            else:
                given[f"routes{n}"] = ban.sides
                given[f"class{n}"] = "" if ban.where == ROUTES else ban.where
    return given


def _page(
    request: Request, caller: Caller, error: TocsinError | None = None, given: dict[str, str] | None = None
) -> Response:
    now = datetime.now(UTC)
    with transaction() as s:
        emergency, over = emergencies.in_force(s, now), emergencies.to_clear(s, now)
        alert = s.get(Alert, emergency.alert_id) if emergency else None
        held = departures.held(s, [alert], now).get(alert.id) if alert else None
        classes = routes.classes(s)
    return page(
        request,
        "desk/snow.html",
        caller=caller,
        told=tell(error) if error else None,
        emergency=emergency,
        alert=alert,
        held=held,
        too_early=isinstance(error, TooEarly),
        snow_over=over,
        classes=[name for name in classes if name] if len(classes) > 1 else [],
        has_routes=bool(classes),
        given=_filled(emergency) if given is None else given,
        phases=PHASES,
        languages=settings().languages,
        may_draft=caller.may("draft"),
    )
