"""The form on a resident's page about reminders of collections."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Form, Request
from starlette.responses import Response

from api.resident.me import Text, Viewer, own_page, saved
from notify.core.db import transaction
from notify.core.errors import Invalid, Refused
from notify.core.translation import language
from notify.service311.reminders import asking, wishes
from notify.subscribers.own import BY_PAGE

router = APIRouter(prefix="/me/reminders", include_in_schema=False)


@router.post("")
def remind(request: Request, me: Viewer, hour: Annotated[int, Form()] = asking.USUAL, channel: Text = "") -> Response:
    try:
        with transaction() as s:
            agreed = asking.words(channel, language()) if channel in wishes.CHANNELS_OF else ""
            wishes.wish(s, me.subscriber_id, hour, channel, datetime.now(UTC), how=BY_PAGE, agreed=agreed)
    except (Invalid, Refused) as error:
        return own_page(request, me, error)
    return saved(request)


@router.post("/stop")
def stop(request: Request, me: Viewer) -> Response:
    with transaction() as s:
        wishes.stop(s, me.subscriber_id, datetime.now(UTC))
    return saved(request)
