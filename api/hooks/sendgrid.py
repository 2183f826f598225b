"""SendGrid's Event Webhook: what became of many mails."""

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from api.hooks.incoming import Incoming
from notify.channels import registry
from notify.settings import settings

router = APIRouter(prefix="/hooks/sendgrid", include_in_schema=False)


@router.post("/events")
async def events(hook: Incoming, request: Request) -> Response:
    """204 only when they are in PostgreSQL; SendGrid sends them again after anything else, for 24 hours."""
    adapter = registry.build(settings(), "sendgrid")
    found = await run_in_threadpool(adapter.parse_receipt, hook)  # up to megabytes of JSON
    await request.app.state.receipts["sendgrid"].keep(found)
    return Response(status_code=204)
