"""A digest on its way to a simulator: by the real claim, throttle and transport."""

import threading
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
import redis as redis_client
from sqlalchemy import text

from notify.alerts.public import verifying
from notify.content.together import About, Brief, most_units, write
from notify.core import crypto
from notify.core.db import transaction
from notify.core.settings import settings
from notify.delivery import digests, held, leases, reconcile
from notify.delivery.send_batch import LeasedBatch
from notify.delivery.throttle import Throttle
from notify.delivery.transport import Transport
from notify.models import Choices
from tests.database import sql
from tests.factories import alert_resolved, resident, sender, zone
from tests.notify.conftest import Providers
from tests.owner import as_owner


@pytest.fixture(autouse=True)
def _no_quiet_hours(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOCSIN_QUIET_HOURS", "off")
    settings.cache_clear()


@pytest.mark.parametrize("channel", ["sms", "email"])
def test_each_resident_gets_one_message_about_all_and_each_alert_its_outcome(
    channel: str, redis: "redis_client.Redis", providers: Providers, transport: Transport
) -> None:
    now = datetime.now(UTC)
    with transaction() as s:
        zone(s, now=now)
        sender(s, {"sms": "twilio", "email": "sendgrid"}[channel], 400.0, now=now)
        way = {"phone": "" if channel == "sms" else None, "email": "" if channel == "email" else None}
        who = [resident(s, topics=("snow",), language="es" if n == 0 else "en", now=now, **way) for n in range(7)]
        s.add_all(Choices(subscriber_id=one.id, digest="daily") for one in who)
    alerts = [
        alert_resolved(event="snow", channels=(channel,), expires_at=now + timedelta(days=3), now=now) for _ in range(3)
    ]
    as_owner("UPDATE batches SET held_until = now() - interval '1 second'")
    held.release(datetime.now(UTC))
    for (batch,) in sql("SELECT id FROM batches WHERE state = 'waiting' ORDER BY id"):
        lease = leases.lease(batch, 60)
        assert lease is not None
        LeasedBatch(lease, providers.settings(), Throttle(redis), transport, threading.Event()).send()
    received = providers.received()
    assert len({one["to"] for one in received}) == len(received) == 7
    for one in received:
        assert all(f"/alerts/{alert}" in one["body"] for alert in alerts)
    assert Counter("3 mensajes para usted" in str(one) for one in received) == {True: 1, False: 6}
    if channel == "email":
        assert len({one["headers"]["List-Unsubscribe"] for one in received}) == 7
        assert all("-unsubscribe_url-" not in one["body"] + one["html"] for one in received)
        links = {one["headers"]["List-Unsubscribe"].strip("<>").split(",")[0].rstrip(">") for one in received}
        assert {crypto.read_token("unsubscribe", link.rpartition("/u/")[2]).split(".")[1] for link in links} == {"all"}
    with transaction() as s:
        for one in received:
            assert verifying.is_digest(s, one["body"])
            other = one["body"].replace(f"/alerts/{alerts[0]}", f"/alerts/{alerts[1]}")
            assert not verifying.is_digest(s, other)
            assert not verifying.is_digest(s, one["body"] + " Pay at example.org")
    digests.follow(datetime.now(UTC) + timedelta(seconds=1))
    assert {tuple(row) for row in sql("SELECT alert_id, state, count(*) FROM deliveries GROUP BY 1, 2")} == {
        (alert, "accepted", 7) for alert in alerts
    }
    with transaction() as s:
        assert s.execute(text("SELECT count(*) FROM merged")).scalar() == 14


def test_a_worker_that_dies_after_it_sent_a_digest_sends_it_once(
    redis: "redis_client.Redis", providers: Providers, transport: Transport
) -> None:
    now = datetime.now(UTC)
    with transaction() as s:
        zone(s, now=now)
        sender(s, "twilio", 400.0, now=now)
        s.add(Choices(subscriber_id=resident(s, topics=("snow",), now=now).id, digest="daily"))
    for _ in range(3):
        alert_resolved(event="snow", expires_at=now + timedelta(days=3), now=now)
    as_owner("UPDATE batches SET held_until = now() - interval '1 second'")
    held.release(datetime.now(UTC))
    (carrier,) = sql("SELECT id FROM batches WHERE state = 'waiting'")
    lease = leases.lease(carrier.id, 60)
    assert lease is not None
    LeasedBatch(lease, providers.settings(), Throttle(redis), transport, threading.Event()).send()
    as_owner(
        "UPDATE deliveries SET state = 'unknown', reason = 'worker-lost', reference = NULL, sent_at = NULL"
        " WHERE state = 'accepted'",
        f"UPDATE batches SET state = 'unsettled', not_before = NULL WHERE id = {carrier.id}",
    )
    reconcile.reconcile_batch(carrier.id, providers.settings(), transport)
    digests.follow(datetime.now(UTC) + timedelta(seconds=1))
    assert [row.state for row in sql("SELECT state FROM deliveries")] == ["accepted"] * 3
    assert len(providers.received()) == 1


@pytest.mark.parametrize(("starts_h", "together_in_force"), [(23, True), (24, False)])
def test_alerts_that_were_never_in_force_together_are_in_no_digest(starts_h: int, together_in_force: bool) -> None:
    before = datetime.now(UTC) - timedelta(days=3)
    with transaction() as s:
        zone(s, now=before)
        sender(s, now=before)
        resident(s, topics=("snow",), now=before)
    starts = [before, before + timedelta(hours=starts_h)]
    alerts = [alert_resolved(event="snow", expires_at=at + timedelta(days=1), now=at) for at in starts]
    ours = settings()
    about = About(ours.city, ours.program, ours.help_contact)
    with transaction() as s:
        found = [verifying.find(s, one) for one in alerts]
        words = {one.alert_id: one.words["sms", "en"].text for one in found if one}
        briefs = [Brief("", said, f"{ours.public_url}/alerts/{alert}") for alert, said in words.items()]
        written = write("sms", "en", briefs, about, most_units("sms"))
        assert written
        assert written[1] == 2
        assert verifying.is_digest(s, written[0].text) is together_in_force
