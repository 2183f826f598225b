"""SendGrid's Event Webhook, which reports the outcomes of many mails."""

from collections.abc import Sequence

from starlette.types import Message

from api.hooks.collector import Collector
from api.hooks.hook import KEPT, Hook, Shape
from api.hooks.threads import Threads
from api.hooks.watch import Watch
from api.metrics import Metrics
from notify.channels.contract import Adapter, HookRequest
from notify.channels.sendgrid.receipts import SIGNATURE, TIMESTAMP

SHAPE = Shape((SIGNATURE, TIMESTAMP), 10 * 2**20)
READERS, MOST_WAITING = 2, 20


def hooks(metrics: Metrics) -> tuple[Hook, ...]:
    watch = Watch("sendgrid")
    collector, threads = Collector("sendgrid", watch), Threads("events", READERS, MOST_WAITING)

    async def events(adapter: Adapter, request: HookRequest) -> Sequence[Message]:
        """Answer 204 once they are in PostgreSQL. After any other answer, SendGrid sends them again for 24 hours."""
        await collector.keep(await threads.run(adapter.parse_receipt, request))  # up to megabytes of JSON
        return KEPT

    return (Hook("/hooks/sendgrid/events", "sendgrid", SHAPE, events, metrics, watch),)
