"""What a worker that died leaves behind, for tests of who takes it up."""

import time
from datetime import UTC, datetime

from notify.channels.contract import Accepted, Late
from notify.core.db import transaction
from notify.core.settings import settings
from notify.delivery import claims, leases, recovery, requests
from notify.delivery.transport import Transport
from tests.database import sql
from tests.factories import alert_resolved, resident, sender, zone

NOW = datetime.now(UTC)  # of the alerts: they must not be over for PostgreSQL's clock


def resolved(event: str = "storm", channel: str = "sms", people: int = 2) -> int:
    """A launched alert whose audience has become deliveries; returns its id."""
    with transaction() as s:
        zone(s, now=NOW)
        for _ in range(people):
            resident(
                s,
                topics=(event,),
                phone="" if channel == "sms" else None,
                email="" if channel == "email" else None,
                now=NOW,
            )
    return alert_resolved(event=event, channels=(channel,), now=NOW)


def claimed_by_a_worker_that_died(posting_by: Transport | None = None) -> int:
    """Claims all of the only batch, posts it perhaps, and lets its lease run out; returns the batch."""
    batch = int(sql("SELECT id FROM batches ORDER BY id")[0].id)
    held = leases.lease(batch, 60)
    assert held is not None
    provider = {"sms": "twilio", "email": "sendgrid", "social": "mastodon"}[held.channel]
    with transaction() as s:
        account = sender(s, provider)
    claimed = claims.claim(held, account.id, 100, held.now())
    assert claimed
    if posting_by is not None:
        words = requests.content(held, settings())
        opened, _ = requests.recipients(claimed, held, settings())
        posts = [requests.message(words, account.address, [one], settings(), None) for one in opened]
        until_s = time.monotonic() + 60
        while posts:  # on a busy machine a post is late for its slot, and needs another one
            assert time.monotonic() < until_s
            posted = posting_by.post(provider, posts, [time.monotonic()] * len(posts))
            assert all(isinstance(p.answer, Accepted | Late) for p in posted)
            posts = [p.message for p in posted if isinstance(p.answer, Late)]
    sql("UPDATE batches SET lease_until = now() - interval '1 second' WHERE id = :b", b=batch)
    return batch


def states() -> list[str]:
    return [row.state for row in sql("SELECT state FROM deliveries ORDER BY id")]


def unsettled() -> int:
    batch = claimed_by_a_worker_that_died()
    give_back(batch)
    return batch


def give_back(batch: int) -> None:
    """The sweep takes the batch back, and another worker finds nothing left to send in it."""
    recovery.take_back_expired_leases()
    held = leases.lease(batch, 60)
    assert held is not None
    leases.finish(held)
    assert sql("SELECT state FROM batches WHERE id = :b", b=batch)[0].state == "unsettled"
