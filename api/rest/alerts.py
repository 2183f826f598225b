"""`/api/v1/alerts`: write, approve, launch, stop, watch."""

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Header, Query, Response
from starlette.responses import JSONResponse

from api.auth import Reader
from api.ids import Id
from api.openapi import problems
from api.report_file import report_file
from api.rest.alert_bodies import (
    AlertOut,
    Alerts,
    AlertSummary,
    NewAlert,
    PlanOut,
    Preview,
    Report,
    Seen,
    StepOut,
    Words,
)
from api.rest.lint import AlertWithFindings, FindingOut, SimilarOut
from api.rest.tallies import for_caller
from api.seats import area_seat
from notify.alerts import lifecycle
from notify.alerts.approving import audience_size, composed, explanation
from notify.alerts.reporting import history, reports
from notify.alerts.words import linting
from notify.alerts.writing import drafting, similar
from notify.core import idempotency, states
from notify.core.db import transaction
from notify.core.settings import settings
from notify.delivery import forecast, sender_status
from notify.models.states import AlertState
from notify.operations import tasks

router = APIRouter(prefix="/api/v1/alerts", tags=["alerts"])

# `reports.progress` is sent as it is, so that the API, the command line and the console show the same numbers.
AS_COUNTED: dict[str, Any] = {"response_model": AlertOut}


@router.get("", summary="The newest alerts", responses=problems(422))
def list_alerts(caller: Reader, limit: Annotated[int, Query(ge=1, le=500)] = 50) -> Alerts:
    with transaction() as s:
        return Alerts(alerts=[AlertSummary.model_validate(one) for one in reports.recent_alerts(s, limit)])


@router.post(
    "", summary="Write a draft", status_code=201, responses=problems(403, 404, 409, 422, 429, 503), **AS_COUNTED
)
def draft_alert(
    wanted: NewAlert,
    caller: Reader,
    idempotency_key: Annotated[
        str,
        Header(
            max_length=idempotency.LONGEST,
            description="A value of your choice, such as a UUID. If the request is repeated within 24 hours with the"
            " same body, no second alert is made and the first one is returned.",
        ),
    ] = "",
) -> Response:
    """Renders the messages in every language and channel. Nothing is sent until it is approved and launched."""
    with area_seat(caller.program):
        located = drafting.located(wanted.as_draft(), caller.acting)
    key, now = idempotency_key.strip(' "'), datetime.now(UTC)
    with transaction() as s:
        alert_id = key and idempotency.first(s, caller.program, key, wanted.model_dump_json().encode(), now)
        if not alert_id:
            alert_id = drafting.draft(s, located, caller.acting, now, settings()).id
            if key:
                idempotency.made(s, caller.program, key, alert_id)
        counted = reports.progress(s, alert_id)
    return JSONResponse(counted.as_json(), 201, {"Location": f"/api/v1/alerts/{counted.id}"})


@router.get(
    "/{alert_id}", summary="The progress of an alert", responses=problems(404), response_model=AlertWithFindings
)
def get_alert(alert_id: Id, caller: Reader) -> Response:
    with transaction() as s:
        counted = reports.progress(s, alert_id).as_json()
        alert = reports.find_alert(s, alert_id)
        checked = linting.findings(s, alert, settings())
        like = similar.similar(s, alert, datetime.now(UTC)) if alert.state in states.BEFORE_LAUNCH else []
    findings = [FindingOut.model_validate(one).model_dump(mode="json") for one in checked]
    others = [SimilarOut.model_validate(one).model_dump(mode="json") for one in like]
    return JSONResponse(for_caller(counted, caller) | {"findings": findings, "similar": others})


@router.get("/{alert_id}/audience", summary="Whom it would reach now", responses=problems(404, 409))
def preview_audience(alert_id: Id, caller: Reader) -> Preview:
    """The audit log records who asked."""
    now = datetime.now(UTC)
    with transaction() as s:
        alert = reports.find_alert(s, alert_id)
        preview = for_caller(Preview.of(explanation.explain(s, alert, now)).model_dump(), caller)
        explanation.note_preview(s, alert, preview["residents"], now, by=caller.operator, key_id=caller.program)
    return Preview.model_validate(preview)


@router.get("/{alert_id}/plan", summary="How long it would take", responses=problems(404, 409))
def plan_alert(alert_id: Id, caller: Reader) -> PlanOut:
    """By channel, sender and zone, from rates, daily caps and waiting messages. The audit log records who asked."""
    now = datetime.now(UTC)
    with transaction() as s:
        alert = reports.find_alert(s, alert_id)
        plan = forecast.plan(s, alert, now, sender_status.failing(s, tasks.redis_client()))
        told = for_caller(PlanOut.model_validate(plan).model_dump(), caller)
        residents = for_caller({"residents": plan.audience.residents}, caller)["residents"]
        explanation.note_preview(s, alert, residents, now, by=caller.operator, key_id=caller.program)
    return PlanOut.model_validate(told)


@router.get(
    "/{alert_id}/report",
    summary="Who was reached, when, who was not and why",
    responses=problems(403, 404, 409, 422) | {200: {"content": {"text/csv": {}, "application/pdf": {}}}},
    response_model=Report,
)
def get_report(
    alert_id: Id,
    caller: Reader,
    format: Annotated[  # noqa: A002  the name of the parameter
        Literal["csv", "pdf"] | None,
        Query(description="The after-action report as a file, from the launch on; for authors, approvers, admins."),
    ] = None,
) -> Response:
    if format is not None:
        return report_file(alert_id, format, caller)
    with transaction() as s:
        counted = reports.progress(s, alert_id).as_json()
        words = [Words.model_validate(one).model_dump() for one in reports.words(s, alert_id)]
        steps = [StepOut.model_validate(one).model_dump(mode="json") for one in history.steps(s, alert_id)]
    return JSONResponse(for_caller(counted | {"words": words, "steps": steps}, caller))


@router.post(
    "/{alert_id}/approve",
    summary="Freeze its area and words",
    responses=problems(403, 404, 409, 422, 503),
    **AS_COUNTED,
)
def approve_alert(alert_id: Id, caller: Reader, seen: Seen | None = None) -> Response:
    """Somebody other than the author must approve an emergency, certain events, free text, or a large audience.
    A program that has shown the area and the number of messages to a person sends both, so that no others go out.
    A collection notice is launched with it, or scheduled, as its author chose."""
    now, seen = datetime.now(UTC), seen or Seen()
    with transaction() as s:
        sent = audience_size.sent_now(s, alert_id, seen.typed, now)
    with transaction() as s:
        approved = composed.approve(s, alert_id, caller.acting, now, settings())
        audience_size.require_seen(approved, seen.area_hash, seen.typed, sent)
        counted = reports.progress(s, alert_id)
    if approved.state is AlertState.SENDING:
        tasks.ring_alert(approved)
    return JSONResponse(counted.as_json())


@router.post("/{alert_id}/launch", summary="Send it", responses=problems(403, 404, 409, 422), **AS_COUNTED)
def launch_alert(alert_id: Id, caller: Reader, seen: Seen | None = None) -> Response:
    """Sends it now, or schedules it if it has a `launch_at`. What a person has seen is checked as by `approve`."""
    now, seen = datetime.now(UTC), seen or Seen()
    with transaction() as s:
        sent = audience_size.sent_now(s, alert_id, seen.typed, now)
    with transaction() as s:
        launched = lifecycle.launch(s, alert_id, caller.acting, now)
        audience_size.require_seen(launched, seen.area_hash, seen.typed, sent)
        counted = reports.progress(s, alert_id)
    if launched.state is AlertState.SENDING:
        tasks.ring_alert(launched)
    return JSONResponse(counted.as_json())


@router.post("/{alert_id}/pause", summary="Stop sending for now", responses=problems(403, 404, 409), **AS_COUNTED)
def pause_alert(alert_id: Id, caller: Reader) -> Response:
    with transaction() as s:
        lifecycle.pause(s, alert_id, caller.acting, datetime.now(UTC))
        counted = reports.progress(s, alert_id)
    return JSONResponse(counted.as_json())


@router.post("/{alert_id}/resume", summary="Continue sending", responses=problems(403, 404, 409), **AS_COUNTED)
def resume_alert(alert_id: Id, caller: Reader) -> Response:
    with transaction() as s:
        resumed = lifecycle.resume(s, alert_id, caller.acting, datetime.now(UTC))
        counted = reports.progress(s, alert_id)
    tasks.ring_alert(resumed)
    return JSONResponse(counted.as_json())


@router.post("/{alert_id}/cancel", summary="Stop it for good", responses=problems(403, 404, 409), **AS_COUNTED)
def cancel_alert(alert_id: Id, caller: Reader) -> Response:
    """Queued messages are cancelled. Messages that have been sent cannot be recalled."""
    with transaction() as s:
        lifecycle.cancel(s, alert_id, caller.acting, datetime.now(UTC))
        counted = reports.progress(s, alert_id)
    return JSONResponse(counted.as_json())
