"""`/desk/outages`: what is out and where, what residents were told of it, and the acts that can follow."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Form, Path, Request
from sqlalchemy.orm import Session
from starlette.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse, Response

from api.auth import Caller, Viewer
from api.desk import clock, outage_reports
from api.errors import tell
from api.rendering import page
from notify.accounts import operators
from notify.alerts.writing import told_before
from notify.city import parts as city_parts
from notify.city import zones as city_zones
from notify.content.compose import catalogue
from notify.core.db import transaction
from notify.core.errors import Invalid, NotFound, TocsinError
from notify.core.settings import settings
from notify.core.translation import gettext as _
from notify.service311 import zone_order
from notify.service311.desk import departures
from notify.service311.outages import acting, kept, proposals, steps
from notify.service311.outages.acting import Report, Where
from notify.service311.outages.kept import Shown
from notify.service311.outages.steps import EARLIER, LATER, Act, State
from notify.service311.outages.words import EVENT
from zones.geometry import from_wkb

router = APIRouter(prefix="/desk/outages", include_in_schema=False)
Number = Annotated[int, Path(ge=1, le=2**63 - 1)]
MOST_FIELDS = 3_000  # a tick for each zone among them
QUICK = (0.5, 1, 2, 4, 8)  # hours from now that have a button


@dataclass(frozen=True, slots=True)
class Looked:
    """An estimate that was looked at and not recorded yet. `sent`: residents would be told."""

    back_at: datetime
    sent: bool


@router.get("")
def show(request: Request, caller: Viewer) -> Response:
    return _list(request, caller)


@router.post("")
async def report(request: Request, caller: Viewer) -> Response:
    return await run_in_threadpool(_report, request, caller, await _fields(request))


@router.get("/{outage_id}")
def show_one(request: Request, caller: Viewer, outage_id: Number) -> Response:
    return _one(request, caller, outage_id)


@router.post("/{outage_id}/grow")
async def grow(request: Request, caller: Viewer, outage_id: Number) -> Response:
    return await run_in_threadpool(_grow, request, caller, outage_id, await _fields(request))


@router.post("/{outage_id}/{what}")
def act(
    request: Request,
    caller: Viewer,
    outage_id: Number,
    what: str,
    begins_at: Annotated[str, Form(max_length=40)] = "",
    back_at: Annotated[str, Form(max_length=40)] = "",
    do: Annotated[str, Form(max_length=10)] = "",
) -> Response:
    """Apply an act; with `do=look` only say whether residents would be told of an estimate."""
    operators.require(caller.acting, "draft")
    now = datetime.now(UTC)
    try:
        if what not in set(Act) or what == Act.GROW:
            raise NotFound(_("There is no such act."))
        begins, back = clock.read(begins_at), clock.read(back_at)
        if do == "look" and back is not None:
            return _one(request, caller, outage_id, looked=back)
        with transaction() as s:
            acting.apply(s, outage_id, Act(what), caller.acting, now, settings(), begins, back)
    except TocsinError as error:
        return _one(request, caller, outage_id, error, {"begins_at": begins_at, "back_at": back_at})
    return RedirectResponse(f"/desk/outages/{outage_id}", 303)


def _report(request: Request, caller: Caller, given: Mapping[str, str]) -> Response:
    operators.require(caller.acting, "draft")
    try:
        cause = {one: given.get(f"cause.{one}", "").strip() for one in settings().languages}
        new = Report(
            utility=given.get("utility", ""),
            where=_where(given),
            begins_at=clock.read(given.get("begins_at", "")),
            back_at=clock.read(given.get("back_at", "")),
            report_phone=given.get("report_phone", "").strip(),
            cause=cause,
        )
        with transaction() as s:
            number = acting.report(s, new, caller.acting, datetime.now(UTC), settings()).outage.id
    except TocsinError as error:
        return _list(request, caller, error, given)
    return RedirectResponse(f"/desk/outages/{number}", 303)


def _grow(request: Request, caller: Caller, outage_id: int, given: Mapping[str, str]) -> Response:
    operators.require(caller.acting, "draft")
    try:
        with transaction() as s:
            acting.grow(s, outage_id, _where(given), caller.acting, datetime.now(UTC), settings())
    except TocsinError as error:
        return _one(request, caller, outage_id, error, given)
    return RedirectResponse(f"/desk/outages/{outage_id}", 303)


async def _fields(request: Request) -> dict[str, str]:
    form = await request.form(max_fields=MOST_FIELDS)
    return {name: str(value)[:2_000] for name, value in form.items()}


def _where(given: Mapping[str, str]) -> Where:
    """Read an area: ticked zones, a circle, a street. Raises Invalid."""
    ticked = [name.partition(".")[2] for name in given if name.startswith("zone.")]
    around, street = given.get("around", "").strip(), given.get("street", "").strip()
    parts: list[city_parts.Part] = [city_parts.circle_from(around)] if around else []
    parts += [city_parts.segments_from(street)] if street else []
    named = {one: words for one in settings().languages if (words := given.get(f"called.{one}", "").strip())}
    if not ticked and not parts:
        raise Invalid(_("Where is it? Tick a zone, or give an address or a street."))
    return Where(ticked, parts, named)


def _list(
    request: Request, caller: Caller, error: TocsinError | None = None, given: Mapping[str, str] | None = None
) -> Response:
    with transaction() as s:
        now = datetime.now(UTC)
        outages, due = kept.recent(s, now), proposals.waiting(s, now)
        zones = _zones(s)
    return page(
        request, "desk/outages.html", caller=caller, told=tell(error) if error else None, outages=outages,
        zones=zones, given=given or {}, outages_due=due, **_common(caller),
    )  # fmt: skip


def _one(
    request: Request,
    caller: Caller,
    outage_id: int,
    error: TocsinError | None = None,
    given: Mapping[str, str] | None = None,
    looked: datetime | None = None,
) -> Response:
    now = datetime.now(UTC)
    with transaction() as s:
        one = kept.shown(s, outage_id)
        last = one.last_out
        words = kept.text_of(s, last.alert.id) if last else ""
        held = departures.held(s, [last.alert], now).get(last.alert.id) if last else None
        recorded = kept.steps_of(s, outage_id)
        all_told = told_before.covers(kept.heard_in(one.told), from_wkb(one.row.area))
        zones = [] if one.known.state is State.RESTORED else _zones(s, but=one.row.zones if all_told else [])
    told_back_at, (by_residents, _digest) = one.known.told_back_at, outage_reports.live(one)
    return page(
        request, "desk/outage.html", caller=caller, told=tell(error) if error else None, one=one, last=last, held=held,
        words=words, by_residents=by_residents,
        all_told=all_told, recorded=recorded, zones=zones, given=given or {}, now=now,
        acts=steps.possible(one.known.state), quick=_quick(one, now),
        looked=Looked(looked, steps.matters(told_back_at, looked, now)) if looked else None,
        stands=told_back_at is not None and told_back_at > now, later_by=LATER, earlier_by=EARLIER,
        reminder=next((each.alert for each in one.waiting if each.step.act == Act.REMIND), None),
        waiting=[each.alert for each in one.waiting if each.step.act != Act.REMIND], **_common(caller),
    )  # fmt: skip


def _quick(one: Shown, now: datetime) -> list[Looked]:
    """Return the estimates that have a button: on the half hour."""
    step = timedelta(minutes=30)
    first = now - timedelta(minutes=now.minute % 30, seconds=now.second, microseconds=now.microsecond) + step
    times = [first + timedelta(hours=hours) for hours in QUICK]
    return [Looked(at, steps.matters(one.known.told_back_at, at, now)) for at in times]


def _zones(s: Session, but: list[str] | None = None) -> list[tuple[str, list[tuple[str, str]]]]:
    """Return the zones to tick, by kind: each with its field and name."""
    by_kind: dict[str, list[tuple[str, str]]] = {}
    for one in sorted(city_zones.all_zones(s), key=lambda one: (one.zone.kind, zone_order.place(one.zone.name))):
        field = f"{one.zone.kind}:{one.zone.name}"
        if field not in (but or ()):
            by_kind.setdefault(one.zone.kind, []).append((field, one.zone.name))
    return list(by_kind.items())


def _common(caller: Caller) -> dict[str, Any]:
    event = catalogue().event(EVENT)
    return {
        "called": event.called["utility"],
        "utilities_called": event.called["utility"],
        "utilities": next(blank.choices for blank in event.declared if blank.name == "utility"),
        "may_draft": caller.may("draft"),
        "languages": settings().languages,
    }
