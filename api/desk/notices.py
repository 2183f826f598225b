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
from notify.alerts.reporting import reports
from notify.alerts.writing import times
from notify.core import quiet_time
from notify.core.city_time import on_clock
from notify.core.db import transaction
from notify.core.errors import Invalid, TocsinError
from notify.core.settings import settings
from notify.core.translation import gettext as _
from notify.models import Alert
from notify.models.states import AlertState
from notify.operations import tasks
from notify.service311 import calendars
from notify.service311.notices import acts, holidays, kept, looking
from notify.service311.notices.causes import is_ours
from notify.service311.outputs.words import clock
from notify.service311.reminders import readers

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
    remind: Annotated[bool, Form()] = False,
) -> Response:
    """Publish the notice of a holiday: one alert, approved and launched or scheduled."""
    operators.require(caller.acting, "publish collection")
    given = {"channel": channel or [], "when": when, "on": on, "at": at, "remind": remind}
    try:
        launch_at = _launch(on, at) if when == "later" else None
        now = datetime.now(UTC)
        published = acts.publish_holiday(
            key, edition, channel or (), launch_at, caller.acting, now, settings(), remind=remind
        )
    except TocsinError as error:
        return _holiday(request, caller, key, tell(error), given)
    if published.alert.state is AlertState.SENDING:
        tasks.ring_alert(published.alert)
    return RedirectResponse(f"/desk/notices/{published.notice_id}", 303)


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
    changed, look = looking.at_holiday(key, now, settings())
    given = given or {"channel": look.proposed, "when": "", "on": "", "at": "", "remind": True}
    return page(
        request, "desk/notice_holiday.html", caller=caller, told=told, changed=changed, look=look, given=given,
        typed=not is_ours(changed.because), alone_most=settings().alone_most, today=calendars.today(now),
        remind_at=clock(time(readers.HOUR)),
    )  # fmt: skip


def _notice_page(request: Request, caller: Caller, notice_id: int, told: Told | None = None) -> Response:
    operators.require(caller.acting, "draft collection")
    now = datetime.now(UTC)
    with transaction() as s:
        shown = kept.shown(s, notice_id, now)
        counted = reports.progress(s, shown.alert_id)
        alert = s.get_one(Alert, shown.alert_id)
        waiting, two_people = approval_asks.waiting(s, alert, now, settings()), list(alert.two_people)
        residents = kept.residents_told(s, shown.alert_id)
    not_for_them = ("skipped", "cancelled", "expired")
    messages = sum(n for state, n in counted.deliveries.items() if state not in not_for_them)
    quiet_until = quiet_time.until(max(now, alert.launch_at or now), settings().quiet, settings().tz)
    return page(
        request, "desk/notice.html", caller=caller, told=told, one=shown, alert=alert, residents=residents,
        messages=messages if counted.is_counted else None, waiting=waiting, quiet_until=quiet_until,
        two_people=two_people, now=now, today=calendars.today(now), remind_at=clock(time(readers.HOUR)),
    )  # fmt: skip


def _launch(on: str, at: str) -> datetime:
    try:
        day = date.fromisoformat(on)
        if day > datetime.now(UTC).date() + times.FURTHEST_LAUNCH:
            raise ValueError
        return on_clock(datetime.combine(day, time.fromisoformat(at)), settings().tz)
    except (ValueError, OverflowError):
        raise Invalid(_("Give the date and time at which the notice goes out.")) from None
