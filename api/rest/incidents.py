"""Incidents, for programs."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query
from starlette.responses import Response

from api.auth import Reader
from api.ids import Id
from api.openapi import problems
from api.report_file import incident_report_file

router = APIRouter(prefix="/api/v1/incidents", tags=["incidents"])

AS_FILES = {"application/json": {"schema": {"type": "object"}}, "text/csv": {}, "application/pdf": {}}


@router.get(
    "/{incident_id}/report",
    summary="The after-action report of all its alerts",
    responses=problems(403, 404, 422) | {200: {"content": AS_FILES}},
    response_class=Response,
)
def get_report(
    incident_id: Id,
    caller: Reader,
    format: Annotated[Literal["json", "csv", "pdf"], Query(description="The kind of file.")] = "json",  # noqa: A002
) -> Response:
    """For authors, approvers and admins. It names no resident."""
    return incident_report_file(incident_id, format, caller)
