"""`/api/v1/alerts/{alert_id}/acknowledge`, `/ask-approval` and `/break-glass`: let a finding on its words stand, ask
somebody to approve, or launch without."""

from datetime import UTC, datetime

from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import JSONResponse

from api.auth import Reader
from api.ids import Id
from api.openapi import problems
from api.rest.alert_bodies import AlertOut, Seen
from api.rest.lint import Findings
from notify.alerts.approving import approval_asks, audience_size, break_glass
from notify.alerts.reporting import reports
from notify.alerts.words import linting
from notify.core.db import transaction
from notify.core.settings import settings
from notify.operations import tasks

router = APIRouter(prefix="/api/v1/alerts", tags=["alerts"])


class PersonOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    email: str
    duty: str = Field(description="`on duty`, `deputy`, or empty.")
    asked_at: datetime | None = None


class WaitingOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    asked: list[PersonOut]
    next: list[PersonOut] = Field(description="Who is asked if nobody has approved by `next_at`.")
    next_at: datetime | None = Field(description="Null: everybody was asked.")


class Alone(Seen):
    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"example": {"reason": "Nobody answers, and the river is at 4 m.", "messages": 1200}},
    )

    reason: str = Field(
        max_length=break_glass.LONGEST, description="Why nobody else can be waited for: 10 characters at least."
    )


class ToAcknowledge(BaseModel):
    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"key": "0f" * 32}})

    key: str = Field(max_length=64, description="Of the finding.")


@router.post(
    "/{alert_id}/acknowledge", summary="Let a finding on its words stand", responses=problems(403, 404, 409, 422)
)
def acknowledge(alert_id: Id, wanted: ToAcknowledge, caller: Reader) -> Findings:
    """Records that you have read a warning, or a translation that is older than its original, and let it stand. Returns
    all findings. Other errors cannot be acknowledged."""
    with transaction() as s:
        linting.acknowledge(s, alert_id, wanted.key, caller.acting, datetime.now(UTC), settings())
        return Findings.of(linting.findings(s, reports.find_alert(s, alert_id), settings()))


@router.post("/{alert_id}/ask-approval", summary="Ask for approval", responses=problems(403, 404, 409))
def ask_approval(alert_id: Id, caller: Reader) -> WaitingOut:
    """Asks who is on duty first, then the deputy, then everybody else who may approve. Asking again changes nothing.
    An emergency has asked already."""
    now = datetime.now(UTC)
    with transaction() as s:
        approval_asks.ask(s, alert_id, caller.acting, now)
        waiting = approval_asks.waiting(s, reports.find_alert(s, alert_id), now, settings())
        return WaitingOut.model_validate(waiting)


@router.post(
    "/{alert_id}/break-glass",
    summary="Launch an emergency alone",
    responses=problems(403, 404, 409, 422, 503),
    response_model=AlertOut,
)
def launch_alone(alert_id: Id, wanted: Alone, caller: Reader) -> Response:
    """Approves and launches an emergency's draft without a second person. An alarm rings, everybody else who may
    approve is told, and one of them must review it. Errors in the words are overridden, save those that make them false
    or keep them from arriving."""
    now = datetime.now(UTC)
    with transaction() as s:
        sent = audience_size.sent_now(s, alert_id, wanted.typed, now)
    with transaction() as s:
        launched = break_glass.launch(
            s,
            alert_id,
            caller.acting,
            now,
            settings(),
            reason=wanted.reason,
            area_hash=wanted.area_hash,
            messages=wanted.typed,
            sent=sent,
        )
        counted = reports.progress(s, alert_id)
    tasks.ring_alert(launched)
    return JSONResponse(counted.as_json())
