"""Twilio's webhooks: what became of a message, and what residents write to us.

https://www.twilio.com/docs/usage/security#validating-requests
"""

from datetime import UTC, datetime
from typing import cast

from fastapi import APIRouter, Request
from starlette.responses import Response

from api.hooks.incoming import Incoming
from notify import subscribers
from notify.channels import registry
from notify.channels.twilio import TwilioSms, twiml
from notify.db import transaction
from notify.settings import settings

router = APIRouter(prefix="/hooks/twilio", include_in_schema=False)


@router.post("/status/{delivery_id}")
async def status(delivery_id: str, hook: Incoming, request: Request) -> Response:
    """204 only when it is in PostgreSQL; Twilio asks again after anything else."""
    found = registry.build(settings(), "twilio").parse_receipt(hook)
    await request.app.state.receipts["twilio"].keep(found)
    return Response(status_code=204)


@router.post("/inbound")
def inbound(hook: Incoming) -> Response:
    """STOP is in force before it is answered."""
    adapter = cast(TwilioSms, registry.build(settings(), "twilio"))
    heard = adapter.parse_inbound(hook)
    with transaction() as s:
        reply = subscribers.receive(s, "twilio", heard, datetime.now(UTC))
    return Response(twiml(reply.text), media_type="application/xml")
