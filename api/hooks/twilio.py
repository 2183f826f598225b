"""Twilio's webhooks: the status of messages, and messages from residents.

https://www.twilio.com/docs/usage/security#validating-requests
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import cast

from starlette.types import Message

from api.hooks.collector import Collector
from api.hooks.hook import KEPT, SMALL_BYTES, Hook, Shape
from api.hooks.threads import Threads
from api.hooks.watch import Watch
from api.metrics import Metrics
from notify.channels.contract import Adapter, HookRequest, Inbound
from notify.channels.twilio.adapter import SIGNATURE, TwilioSms, twiml
from notify.core import db
from notify.inbound import messages

SHAPE = Shape((SIGNATURE,), SMALL_BYTES)  # a callback has less than 1 KiB, a message of 1,600 characters less than 20
REPLY_THREADS, MOST_WAITING = 4, 500
XML = [(b"content-type", b"application/xml"), (b"cache-control", b"no-store")]


def hooks(metrics: Metrics) -> tuple[Hook, ...]:
    watch = Watch("twilio")
    collector, threads = Collector("twilio", watch), Threads("replies", REPLY_THREADS, MOST_WAITING)

    async def status(adapter: Adapter, request: HookRequest) -> Sequence[Message]:
        """Answer 204 once it is in PostgreSQL."""
        await collector.keep(adapter.parse_receipt(request))
        return KEPT

    async def inbound(adapter: Adapter, request: HookRequest) -> Sequence[Message]:
        """Answer a message. A STOP is committed before the answer."""
        body = await threads.run(_obey, cast(TwilioSms, adapter).parse_inbound(request))
        start = {"type": "http.response.start", "status": 200, "headers": XML}
        return start, {"type": "http.response.body", "body": body}

    return (
        Hook("/hooks/twilio/status/{delivery_id}", "twilio", SHAPE, status, metrics, watch),
        Hook("/hooks/twilio/inbound", "twilio", SHAPE, inbound, metrics, watch, status=200),
    )


def _obey(heard: Inbound) -> bytes:
    with db.transaction(db.hooks_engine) as s:
        reply = messages.receive(s, "twilio", heard, datetime.now(UTC))
    return twiml(reply.text, reply.sender_address).encode()
