"""`/me/why`: why a resident got an alert, and why not."""

from datetime import UTC, datetime

from fastapi import APIRouter, Request
from starlette.responses import Response

from api.rendering import page
from api.resident.me import Viewer
from api.resident.session import NeedsCode
from notify.core.db import transaction
from notify.core.errors import NotFound
from notify.subscribers import received

router = APIRouter(include_in_schema=False)


@router.get("/me/why")
def show(request: Request, me: Viewer) -> Response:
    try:
        with transaction() as s:
            answer = received.read(s, me.subscriber_id, datetime.now(UTC))
    except NotFound:
        raise NeedsCode from None
    return page(request, "why.html", answer=answer, days=received.NEAR_WITHIN.days)
