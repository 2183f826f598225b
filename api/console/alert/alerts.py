"""The operators' console: all alerts, and one page for each, with its buttons."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Form, Request
from sqlalchemy.orm import Session
from starlette.responses import RedirectResponse, Response

from api.auth import Caller, Viewer, require_fresh
from api.console.alert import alert_view, countdown
from api.errors import Told, tell
from api.ids import Id
from api.rendering import page
from api.rest import tallies
from notify.alerts import follow_up, lifecycle
from notify.alerts.approving import approval_asks, audience_size, break_glass, calling, composed, two_people
from notify.alerts.practice import own_tests
from notify.alerts.reporting import reports
from notify.alerts.words import linting
from notify.alerts.writing import rewriting
from notify.core.db import transaction
from notify.core.errors import Refused, TocsinError
from notify.core.settings import settings
from notify.core.translation import gettext as _
from notify.delivery import exercise
from notify.models import Alert
from notify.models.states import AlertState
from notify.operations import tasks

router = APIRouter(prefix="/console", include_in_schema=False)


@router.get("/alerts")
def list_alerts(request: Request, caller: Viewer) -> Response:
    with transaction() as s:
        recent = reports.recent_alerts(s, 200)
    return page(request, "console/alerts.html", caller=caller, alerts=recent, now=datetime.now(UTC))


@router.get("/alerts/{alert_id}")
def show_alert(alert_id: Id, request: Request, caller: Viewer) -> Response:
    return _alert_page(request, alert_id, caller)


@router.post("/alerts/{alert_id}/approve")
def approve(
    alert_id: Id,
    request: Request,
    caller: Viewer,
    area_hash: Annotated[str, Form()] = "",
    messages: Annotated[str, Form(max_length=100)] = "",
) -> Response:
    def step() -> None:
        now = datetime.now(UTC)
        found = alert_view.reached(alert_id, now)
        with transaction() as s:
            approved = composed.approve(s, alert_id, caller.acting, now, settings())
            _as_seen(approved, area_hash)
            audience_size.require_typed(s, approved, found, caller.acting, messages, launches=False)
        if approved.state is AlertState.SENDING:
            tasks.ring_alert(approved)

    return _done(request, alert_id, caller, step)


@router.post("/alerts/{alert_id}/acknowledge")
def acknowledge(alert_id: Id, request: Request, caller: Viewer, key: Annotated[str, Form(max_length=64)]) -> Response:
    """Let a warning about the words stand."""
    return _act(
        request, alert_id, caller, lambda s, now: linting.acknowledge(s, alert_id, key, caller.acting, now, settings())
    )


@router.post("/alerts/{alert_id}/test")
def send_test(alert_id: Id, request: Request, caller: Viewer) -> Response:
    """Send its words to the operator's own contacts."""
    return _act(request, alert_id, caller, lambda s, now: own_tests.send(s, alert_id, caller.acting, now, settings()))


@router.post("/alerts/{alert_id}/launch")
def launch(
    alert_id: Id,
    request: Request,
    caller: Viewer,
    area_hash: Annotated[str, Form()] = "",
    sure: Annotated[str, Form()] = "",
    word: Annotated[str, Form(max_length=100)] = "",
    messages: Annotated[str, Form(max_length=100)] = "",
    counted: Annotated[str, Form()] = "",
) -> Response:
    given = {"area_hash": area_hash, "sure": sure, "messages": messages}
    if sure and not counted and (last := countdown.ask(request, alert_id, caller, given)):
        return last

    def step() -> None:
        now = datetime.now(UTC)
        found = alert_view.reached(alert_id, now)  # in memory, and before the alert is locked
        with transaction() as s:
            alert = reports.find_alert(s, alert_id)
            if alert.status != "Actual":
                exercise.require_word(alert.status, word)
            elif not sure:
                raise Refused(
                    _("Nothing was sent."), hint=_("Tick the box that says how many it will reach, then launch.")
                )
            else:
                _require_proof(s, alert_id, caller)
            launched = lifecycle.launch(s, alert_id, caller.acting, now)
            _as_seen(launched, area_hash)
            audience_size.require_typed(s, launched, found, caller.acting, messages, launches=True)
        if launched.state is AlertState.SENDING:
            tasks.ring_alert(launched)

    return _done(request, alert_id, caller, step)


@router.post("/alerts/{alert_id}/ask")
def ask(alert_id: Id, request: Request, caller: Viewer) -> Response:
    return _act(request, alert_id, caller, lambda s, now: approval_asks.ask(s, alert_id, caller.acting, now))


@router.post("/alerts/{alert_id}/phones")
def show_phones(alert_id: Id, request: Request, caller: Viewer) -> Response:
    """Show the phone numbers of those who were asked. By a form, because it is recorded."""
    try:
        with transaction() as s:
            people = calling.phones(s, alert_id, caller.acting, datetime.now(UTC))
    except Refused as error:
        return _alert_page(request, alert_id, caller, tell(error))
    return page(request, "console/phones.html", caller=caller, alert=alert_id, people=people)


@router.post("/alerts/{alert_id}/break-glass")
def launch_alone(
    alert_id: Id,
    request: Request,
    caller: Viewer,
    area_hash: Annotated[str, Form()] = "",
    reason: Annotated[str, Form()] = "",
    messages: Annotated[str, Form()] = "",
    counted: Annotated[str, Form()] = "",
) -> Response:
    given = {"area_hash": area_hash, "reason": reason, "messages": messages}
    if reason and not counted and (last := countdown.ask(request, alert_id, caller, given)):
        return last

    def step() -> None:
        now = datetime.now(UTC)
        found = alert_view.reached(alert_id, now)  # in memory, and before the alert is locked
        with transaction() as s:
            _require_proof(s, alert_id, caller)
            launched = break_glass.launch(
                s,
                alert_id,
                caller.acting,
                now,
                settings(),
                reason=reason,
                area_hash=area_hash,
                messages=messages,
                sent=sum(found.by_channel.values()),
            )
        tasks.ring_alert(launched)

    return _done(request, alert_id, caller, step)


@router.post("/alerts/{alert_id}/review")
def review(alert_id: Id, request: Request, caller: Viewer, review: Annotated[str, Form()] = "") -> Response:
    return _act(request, alert_id, caller, lambda s, now: break_glass.review(s, alert_id, caller.acting, now, review))


@router.post("/alerts/{alert_id}/pause")
def pause(alert_id: Id, request: Request, caller: Viewer) -> Response:
    return _act(request, alert_id, caller, lambda s, now: lifecycle.pause(s, alert_id, caller.acting, now))


@router.post("/alerts/{alert_id}/resume")
def resume(alert_id: Id, request: Request, caller: Viewer) -> Response:
    def step() -> None:
        with transaction() as s:
            resumed = lifecycle.resume(s, alert_id, caller.acting, datetime.now(UTC))
        tasks.ring_alert(resumed)

    return _done(request, alert_id, caller, step)


@router.post("/alerts/{alert_id}/cancel")
def cancel(alert_id: Id, request: Request, caller: Viewer, sure: Annotated[str, Form()] = "") -> Response:
    def step() -> None:
        if not sure:
            raise Refused(_("Nothing was stopped."), hint=_("Tick the box, then cancel it."))
        with transaction() as s:
            lifecycle.cancel(s, alert_id, caller.acting, datetime.now(UTC))

    return _done(request, alert_id, caller, step)


@router.post("/alerts/{alert_id}/unreached")
def reach_unreached(alert_id: Id, request: Request, caller: Viewer) -> Response:
    """Write the follow-up for those whom the alert did not reach, and show it."""
    try:
        with transaction() as s:
            made = follow_up.make(s, alert_id, caller.acting, datetime.now(UTC), settings()).id
    except TocsinError as error:
        return _alert_page(request, alert_id, caller, tell(error))
    return RedirectResponse(f"/console/alerts/{made}", 303)


@router.post("/alerts/{alert_id}/change")
def change(alert_id: Id, request: Request, caller: Viewer) -> Response:
    """Open the form of a draft anew, and show it."""
    try:
        with transaction() as s:
            opened = rewriting.open_form(s, alert_id, caller.acting, datetime.now(UTC)).id
    except TocsinError as error:
        return _alert_page(request, alert_id, caller, tell(error))
    return RedirectResponse(f"/console/compose/{opened}", 303)


def _require_proof(s: Session, alert_id: int, caller: Caller) -> None:
    """Raise NeedsProof before an emergency, or the all-clear of one, is launched that is not an exercise."""
    alert = reports.find_alert(s, alert_id)
    if two_people.is_grave(alert) and alert.status == "Actual":
        require_fresh(caller)


def _as_seen(alert: Alert, area_hash: str) -> None:
    """Raise Refused unless the area is the one that the operator's page showed."""
    if area_hash != alert.area_hash:
        raise Refused(_("The area is not the one that this page showed."), hint=_("Check it again, then decide."))


def _act(request: Request, alert_id: int, caller: Caller, act: Callable[[Session, datetime], object]) -> Response:
    """Do a step that is one transaction, and show the alert's page again."""

    def step() -> None:
        with transaction() as s:
            act(s, datetime.now(UTC))

    return _done(request, alert_id, caller, step)


def _done(request: Request, alert_id: int, caller: Caller, step: Callable[[], None]) -> Response:
    """Do a step and show the alert's page again; if the step was refused, with the reason on top."""
    try:
        step()
    except TocsinError as error:
        return _alert_page(request, alert_id, caller, tell(error))
    return RedirectResponse(f"/console/alerts/{alert_id}", 303)


def _alert_page(request: Request, alert_id: int, caller: Caller, told: Told | None = None) -> Response:
    now = datetime.now(UTC)
    read = alert_view.read(alert_id, caller, now)
    return page(
        request,
        "console/alert.html",
        caller=caller,
        d=read,
        may_report=caller.may("count"),
        **tallies.shown_to(caller),
        p=read.progress,
        over=alert_view.is_over(read.progress, now),
        now=now,
        told=told,
    )
