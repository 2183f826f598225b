"""Public pages: the alerts in force, and one launched alert."""

from datetime import UTC, datetime

from fastapi import APIRouter, Request
from starlette.responses import Response

from api.ids import Id
from api.rendering import language_of, page
from api.resident import notices
from notify.core.db import transaction

router = APIRouter(include_in_schema=False)


@router.get("/")
def landing(request: Request) -> Response:
    language, now = language_of(request), datetime.now(UTC)
    with transaction() as s:
        threads = notices.in_force(s, language, now)
    return page(request, "landing.html", threads=threads, now=now)


@router.get("/alerts/{alert_id}")
def alert(alert_id: Id, request: Request) -> Response:
    language, now = language_of(request), datetime.now(UTC)
    with transaction() as s:
        shown = notices.find(s, alert_id, language, now)
    return page(request, "notice.html", shown=shown, notice=shown.notice, now=now)
