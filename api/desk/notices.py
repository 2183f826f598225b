"""`/desk/notices`: what a holiday changes, and its notice, published in one act."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from typing import Annotated, Any

from fastapi import APIRouter, Form, Request
from starlette.responses import RedirectResponse, Response

from api.auth import Caller, Viewer
from api.errors import Told, tell
from api.ids import Id
from api.rendering import page
from notify.accounts import operators
from notify.alerts import lifecycle
from notify.alerts.approving import approval_asks
from notify.alerts.readiness import channel_policies
from notify.alerts.reporting import reports
from notify.alerts.writing import times
from notify.audience import written
from notify.core.city_time import on_clock
from notify.core.db import transaction
from notify.core.errors import Invalid, Refused, TocsinError
from notify.core.settings import settings
from notify.core.translation import gettext as _
from notify.delivery import senders
from notify.models import Alert
from notify.models.states import AlertState
from notify.operations import tasks
from notify.service311 import calendars
from notify.service311.notices import holidays, kept, publishing, showing
from notify.service311.notices.composing import Notice
from notify.service311.notices.holidays import Changed
from notify.service311.notices.publishing import Wanted

router = APIRouter(prefix="/desk/notices", include_in_schema=False)
Key = Annotated[str, Form(max_length=200)]


@router.get("")
def list_holidays(request: Request, caller: Viewer) -> Response:
    operators.require(caller.acting, "draft collection")
    now = datetime.now(UTC)
    with transaction() as s:
        found, recent = holidays.upcoming(s, now), kept.recent(s, now)
    year = calendars.today(now).year
    return page(request, "desk/notices.html", caller=caller, holidays=found, recent=recent, this_year=year)


@router.get("/holiday")
def show_holiday(request: Request, caller: Viewer, key: str = "") -> Response:
    operators.require(caller.acting, "draft collection")
    return _holiday(request, caller, key)


@router.post("/holiday")
def publish_holiday(
    request: Request,
    caller: Viewer,
    key: Key = "",
    edition: Annotated[int, Form()] = 0,
    channel: Annotated[list[str] | None, Form()] = None,
    when: Annotated[str, Form(max_length=10)] = "now",
    on: Annotated[str, Form(max_length=10)] = "",
    at: Annotated[str, Form(max_length=10)] = "",
) -> Response:
    """Publish the notice of a holiday: one alert, approved and launched or scheduled."""
    operators.require(caller.acting, "publish collection")
    given = {"channel": channel or [], "when": when, "on": on, "at": at}
    now = datetime.now(UTC)
    try:
        launch_at = _launch(on, at) if when == "later" else None
        with transaction() as s:
            changed = holidays.changed_by(s, key, now)
            again, replaces = _again(changed)
            if not changed.parts:
                raise Refused(_("This holiday changes no day: there is nobody to tell."))
            areas = publishing.shapes(s, changed.parts)
        wanted = Wanted(
            "holiday", changed.holiday.name, changed.holiday.day, edition, _notice(changed), channel or (), launch_at,
            again, replaces,
        )  # fmt: skip
        ready = publishing.prepare(wanted, areas, caller.acting, now, settings())
        with transaction() as s:
            published = publishing.publish(s, ready, caller.acting, now, settings())
            number = kept.of_alert(s, published.alert.id)
    except TocsinError as error:
        return _holiday(request, caller, key, tell(error), given)
    if published.alert.state is AlertState.SENDING:
        tasks.ring_alert(published.alert)
    return RedirectResponse(f"/desk/notices/{number}", 303)


@router.get("/{notice_id}")
def show(request: Request, caller: Viewer, notice_id: Id) -> Response:
    return _notice_page(request, caller, notice_id)


@router.post("/{notice_id}/cancel")
def cancel(request: Request, caller: Viewer, notice_id: Id) -> Response:
    """Take back a notice that is not all sent yet."""
    try:
        with transaction() as s:
            lifecycle.cancel(s, kept.find(s, notice_id).alert_id, caller.acting, datetime.now(UTC))
    except TocsinError as error:
        return _notice_page(request, caller, notice_id, tell(error))
    return RedirectResponse(f"/desk/notices/{notice_id}", 303)


def _holiday(
    request: Request, caller: Caller, key: str, told: Told | None = None, given: Mapping[str, Any] | None = None
) -> Response:
    now = datetime.now(UTC)
    with transaction() as s:
        changed = holidays.changed_by(s, key, now)
        shown: dict[str, Any] = {"changed": changed, "rows": [], "texts": [], "all": None}
        channels = senders.open_channels(s)
        ticked = channel_policies.chosen(s, None, "collection") if channels else []
        if changed.parts:
            whole = publishing.shapes(s, changed.parts).whole
            by_zone = publishing.shapes_of_zones(s, changed.parts)
            shown["texts"] = showing.texts(s, _notice(changed), channels, now, settings())
    if changed.parts:
        counted = showing.reached(by_zone, whole, channels, now)
        shown |= {"rows": showing.rows(changed.zones, changed.parts, counted), "all": counted}
        shown["last_day"] = max(part.last_day for part in changed.parts)
        shown["best"] = publishing.best_launch(changed.first_day, now, settings().tz)
    return page(
        request, "desk/notice_holiday.html", caller=caller, told=told, channels=channels,
        given=given or {"channel": ticked, "when": "", "on": "", "at": ""}, alone_most=settings().alone_most, **shown,
    )  # fmt: skip


def _notice_page(request: Request, caller: Caller, notice_id: int, told: Told | None = None) -> Response:
    operators.require(caller.acting, "draft collection")
    with transaction() as s:
        shown = kept.shown(s, notice_id)
        counted = reports.progress(s, shown.alert_id)
        waiting = approval_asks.waiting(s, s.get_one(Alert, shown.alert_id), datetime.now(UTC), settings())
    messages = sum(counted.audience.by_channel.values()) if counted.is_counted else None
    return page(request, "desk/notice.html", caller=caller, told=told, one=shown, messages=messages, waiting=waiting)


def _notice(changed: Changed) -> Notice:
    return Notice(changed.holiday.name, changed.parts, changed.names, written())


def _again(changed: Changed) -> tuple[int | None, int | None]:
    """Return the incident that a correction goes on with, where the holiday was told of an earlier edition, and the
    alert that it replaces where that still waits. Raises Refused where it was told of this one."""
    told = changed.holiday.told
    if told is None or not told.stands:
        return None, None
    if told.edition == changed.edition:
        raise Refused(
            _("This holiday was told already."), hint=_("Look at its notice. If days change, it can be told again.")
        )
    return (told.incident_id, None) if told.is_out else (None, told.alert_id)


def _launch(on: str, at: str) -> datetime:
    try:
        day = date.fromisoformat(on)
        if day > datetime.now(UTC).date() + times.FURTHEST_LAUNCH:
            raise ValueError
        return on_clock(datetime.combine(day, time.fromisoformat(at)), settings().tz)
    except (ValueError, OverflowError):
        raise Invalid(_("Give the date and time at which the notice goes out.")) from None
