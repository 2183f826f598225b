"""A batch from its lease to its last window, against a simulator."""

import threading
import time
from collections import Counter
from typing import Any

import psycopg
import pytest
import redis as redis_client
import time_machine
from pydantic import SecretStr
from sqlalchemy import exc

from notify.alerts import lifecycle
from notify.channels.contract import Accepted, Content, Late, Message, Recipient
from notify.core import crypto
from notify.core.db import transaction
from notify.core.errors import Unavailable
from notify.delivery import leases
from notify.delivery.capacity import Reserved
from notify.delivery.send_batch import LeasedBatch
from notify.delivery.throttle import Throttle
from notify.delivery.transport import Transport
from tests.database import sql
from tests.factories import alert_ready, operator, resident, resolve, sender, zone
from tests.notify.conftest import Providers
from tests.owner import as_owner
from tests.waiting import until


def resolved(channel: str, people: int, rate_per_s: float = 200.0) -> list[int]:
    """A launched alert to so many residents; its batches."""
    from datetime import UTC, datetime

    now = datetime.now(UTC)
    with transaction() as s:
        zone(s, now=now)
        sender(s, {"sms": "twilio", "email": "sendgrid"}[channel], rate_per_s, now=now)
        for _ in range(people):
            resident(s, phone="" if channel == "sms" else None, email="" if channel == "email" else None, now=now)
        alert = alert_ready(s, channels=(channel,), now=now)
        lifecycle.launch(s, alert.id, operator(s), now)
    return resolve(alert.id, now)


def send(
    batch: int, providers: Providers, transport: Transport, client: Any, stop: threading.Event | None = None
) -> None:
    held = leases.lease(batch, 60)
    assert held is not None
    LeasedBatch(held, providers.settings(), Throttle(client), transport, stop or threading.Event()).send()


def states() -> Counter[str]:
    return Counter(row.state for row in sql("SELECT state FROM deliveries"))


def test_everybody_in_a_batch_gets_the_words_once(
    database: str, redis: "redis_client.Redis", providers: Providers, transport: Transport
) -> None:
    (batch,) = resolved("sms", 30)
    send(batch, providers, transport, redis)
    received = providers.received()
    assert Counter(m["to"] for m in received) == Counter(
        crypto.unseal(row.address_sealed, "sms") for row in sql("SELECT address_sealed FROM contacts")
    )
    assert {m["body"] for m in received} == {sql("SELECT text FROM contents WHERE language = 'en'")[0].text}
    assert states() == {"accepted": 30}
    assert sql("SELECT state FROM batches")[0].state == "done"


def test_an_email_window_is_one_request_and_everybody_has_a_link_of_their_own(
    database: str, redis: "redis_client.Redis", providers: Providers, transport: Transport
) -> None:
    (batch,) = resolved("email", 40, rate_per_s=400)
    send(batch, providers, transport, redis)
    received = providers.received()
    assert len({m["to"] for m in received}) == len(received) == 40
    links = {m["headers"]["List-Unsubscribe"] for m in received}
    assert len(links) == 40
    assert all("-unsubscribe_url-" not in m["body"] + m["html"] for m in received)
    assert {m["headers"]["List-Unsubscribe-Post"] for m in received} == {"List-Unsubscribe=One-Click"}


def test_no_transaction_is_open_while_the_provider_is_asked(
    database: str, redis: "redis_client.Redis", providers: Providers, transport: Transport
) -> None:
    (batch,) = resolved("sms", 3)
    providers.behave(twilio={"latency_ms": 3000})
    worker = threading.Thread(target=send, args=(batch, providers, transport, redis))
    worker.start()
    until(lambda: providers.asked("twilio") == 3, 60, "the provider is asked")
    open_ones = sql(
        """SELECT state FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()
              AND backend_type = 'client backend' AND xact_start < now()"""
    )
    worker.join()
    assert states() == {"accepted": 3}
    assert open_ones == []


def test_a_worker_that_is_told_to_stop_gives_its_batch_back(
    database: str, redis: "redis_client.Redis", providers: Providers, transport: Transport
) -> None:
    (batch,) = resolved("sms", 30, rate_per_s=20)
    sql("UPDATE senders SET rate_per_s = 4")  # it lasts longer than the machine may take to stop it
    stop = threading.Event()
    worker = threading.Thread(target=send, args=(batch, providers, transport, redis, stop))
    worker.start()
    until(providers.received, 60, "the first message is out")
    stop.set()
    worker.join(60)
    assert not worker.is_alive()
    left = states()
    assert left["queued"] > 0
    assert left["sending"] == left["unknown"] == 0
    assert sql("SELECT state, lease, rung_at FROM batches")[0] == ("waiting", None, None)


def test_a_passing_fault_is_tried_again_and_a_lasting_one_given_up(
    database: str, redis: "redis_client.Redis", providers: Providers, transport: Transport
) -> None:
    (batch,) = resolved("sms", 4)
    providers.behave(twilio={"next_errors": [{"status": 503}]})
    send(batch, providers, transport, redis)
    assert states() == {"accepted": 4}
    assert len(providers.received()) == 4


def test_a_refusal_that_is_our_fault_stops_the_sender_and_loses_nobody(
    database: str, redis: "redis_client.Redis", providers: Providers, transport: Transport
) -> None:
    (batch,) = resolved("sms", 4)
    providers.behave(twilio={"error_rate": [{"status": 401, "code": 20003, "rate": 1.0}]})
    held = leases.lease(batch, 60)
    assert held is not None
    stop = threading.Event()
    worker = threading.Thread(
        target=LeasedBatch(held, providers.settings(), Throttle(redis), transport, stop).send,
    )
    worker.start()
    until(lambda: sql("SELECT status FROM senders")[0].status == "stopped", 60, "the sender is stopped")
    stop.set()
    worker.join(60)
    assert sql("SELECT status FROM senders")[0].status == "stopped"
    assert "20003" in sql("SELECT note FROM senders")[0].note
    assert states() == {"queued": 4}
    assert sql("SELECT action FROM audit WHERE subject = 'sender' ORDER BY id DESC")[0].action == "stop"


def test_a_post_that_is_late_gives_its_slot_up(providers: Providers, transport: Transport, database: str) -> None:
    words = Content(1, "en", "storm", "", "words", "")
    late = Message(words, "+15555550100", [Recipient(1, "+12015550100")], "http://127.0.0.1:9")
    (posted,) = transport.post("twilio", [late], [time.monotonic() - 1])
    assert isinstance(posted.answer, Late)
    assert providers.received() == []


def test_nothing_leaves_when_its_claim_is_too_old(providers: Providers, transport: Transport, database: str) -> None:
    words = Content(1, "en", "storm", "", "words", "")
    one, two = (Message(words, "+15555550100", [Recipient(n, f"+1201555010{n}")], "http://127.0.0.1:9") for n in (1, 2))
    now_s = time.monotonic()
    sent = transport.send("twilio", [one, two], [now_s + 0.05, now_s + 0.3], Reserved(2), until_s=now_s + 0.2).result()
    assert isinstance(sent[0].answer, Accepted | Late)
    assert isinstance(sent[1].answer, Late)


def test_a_batch_without_an_open_sender_rests_and_leaves_its_thread_to_others(
    database: str, redis: "redis_client.Redis", providers: Providers, transport: Transport
) -> None:
    (batch,) = resolved("sms", 3)
    sql("UPDATE senders SET status = 'stopped'")
    send(batch, providers, transport, redis)  # returns at once
    assert states() == {"queued": 3}
    assert sql("SELECT state, not_before > now() AS rests FROM batches")[0] == ("waiting", True)
    assert leases.lease(batch, 60) is None


def test_a_batch_that_breaks_rests_before_it_is_tried_again(
    database: str, redis: "redis_client.Redis", providers: Providers, transport: Transport
) -> None:
    (batch,) = resolved("sms", 3)
    as_owner("UPDATE senders SET provider = 'sendgrid'")  # which carries no SMS, and has no credentials here
    bare = Transport(providers.settings().model_copy(update={"sendgrid_api_key": SecretStr("")}))
    with pytest.raises(Unavailable):
        send(batch, providers, bare, redis)
    bare.close()
    assert sql("SELECT lease, not_before > now() AS rests FROM batches")[0] == (None, True)
    assert providers.received() == []


def damage(where: str) -> None:
    sql(
        f"UPDATE contacts SET address_sealed = set_byte(address_sealed, 20, get_byte(address_sealed, 20) # 255) {where}"
    )


@pytest.mark.parametrize("channel", ["sms", "email"])
def test_an_address_that_cannot_be_read_keeps_nobody_else_waiting(
    database: str, redis: "redis_client.Redis", providers: Providers, transport: Transport, channel: str
) -> None:
    (batch,) = resolved(channel, 20)
    damage("WHERE id = (SELECT max(id) FROM contacts)")
    send(batch, providers, transport, redis)
    assert states() == {"accepted": 19, "failed": 1}
    assert sql("SELECT reason FROM deliveries WHERE state = 'failed'")[0].reason == "unreadable-address"
    assert sql("SELECT state FROM batches")[0].state == "done"
    assert [row.kind for row in sql("SELECT kind FROM alarms WHERE resolved_at IS NULL")] == ["unreadable-address"]


def test_a_worker_with_another_key_sends_nothing_and_loses_nobody(
    database: str, redis: "redis_client.Redis", providers: Providers, transport: Transport
) -> None:
    (batch,) = resolved("sms", 5)
    damage("")
    send(batch, providers, transport, redis)
    assert states() == {"queued": 5}
    assert {row.attempts for row in sql("SELECT attempts FROM deliveries")} == {0}
    assert sql("SELECT not_before > now() + interval '5 seconds' AS rests FROM batches")[0].rests
    assert "TOCSIN_SECRET_KEY" in sql("SELECT message FROM alarms")[0].message
    damage("")  # the same bits once more: as if the right key were there
    sql("UPDATE batches SET not_before = NULL")
    send(batch, providers, transport, redis)
    assert states() == {"accepted": 5}


def test_a_host_whose_clock_is_wrong_neither_claims_too_late_nor_gives_up_too_soon(
    database: str, redis: "redis_client.Redis", providers: Providers, transport: Transport
) -> None:
    (batch,) = resolved("sms", 3)
    with time_machine.travel(sql("SELECT expires_at FROM alerts")[0].expires_at, tick=True):
        send(batch, providers, transport, redis)
    assert states() == {"accepted": 3}


class _UncountableThrottle(Throttle):
    """Its daily count is lost with Redis, and PostgreSQL is away when it is asked for the `at`th grant."""

    def __init__(self, client: Any, at: int) -> None:
        super().__init__(client)
        self._asked, self._at = 0, at

    def take(self, *args: Any, **options: Any) -> Any:
        self._asked += 1
        if self._asked == self._at:
            raise exc.OperationalError("SELECT", {}, psycopg.OperationalError("server closed the connection"))
        return super().take(*args, **options)


@pytest.mark.parametrize("at", [1, 2, 3])
def test_a_database_that_is_away_while_tokens_are_counted_loses_no_outcome(
    database: str, redis: "redis_client.Redis", providers: Providers, transport: Transport, at: int
) -> None:
    """The requests of a window that were posted before that are in flight, and their outcomes nowhere else."""
    (batch,) = resolved("sms", 60, rate_per_s=400)
    held = leases.lease(batch, 60)
    assert held is not None
    LeasedBatch(held, providers.settings(), _UncountableThrottle(redis, at), transport, threading.Event()).send()
    assert states() == {"accepted": 60}
    assert sql("SELECT max(attempts) FROM deliveries")[0][0] == 1
