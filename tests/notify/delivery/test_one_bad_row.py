"""A row that PostgreSQL refuses to write keeps no other from its turn (law 15); an alarm names it."""

from collections import Counter
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest
import redis as redis_client
from sqlalchemy import text

from notify import audience
from notify.alerts import lifecycle
from notify.channels.contract import Receipt, ReceiptState
from notify.core import alarms
from notify.core.db import in_halves, transaction
from notify.delivery import claims, delivery_rows, fanout, leases, predictions, receipts, reconcile, recovery, senders
from notify.delivery.transport import Transport
from notify.models import Alert
from notify.subscribers import import_csv
from tests.database import sql
from tests.factories import NOW, alert_ready, operator, resident, resolve, sender, zone
from tests.notify.conftest import Providers
from tests.notify.delivery.test_send_batch import resolved, send
from tests.notify.subscribers.test_importing import TOM, lines
from tests.owner import refuse


def states() -> Counter[str]:
    return Counter(row.state for row in sql("SELECT state FROM deliveries"))


def told() -> list[str]:
    with transaction() as s:
        return [one.message for one in alarms.ringing(s) if one.kind == alarms.REFUSED_ROW]


def launched(people: int = 5, rate_per_s: float = 200.0) -> int:
    with transaction() as s:
        zone(s)
        sender(s, rate_per_s=rate_per_s)
        for _ in range(people):
            resident(s, email="")
        alert = alert_ready(s, channels=("sms",))
        lifecycle.launch(s, alert.id, operator(s), NOW)
        return alert.id


def test_only_what_is_refused_is_left_out(database: str) -> None:
    done: list[int] = []

    def work(items: Any) -> int:
        if 13 in items:
            with transaction() as s:
                s.execute(text("SELECT 1 / 0"))
        done.extend(items)
        return len(items)

    refused: list[int] = []
    counts = in_halves(range(100), work, lambda one, why: refused.append(one))
    assert (sorted(done), refused, sum(counts)) == ([n for n in range(100) if n != 13], [13], 99)
    assert in_halves([], work, lambda one, why: refused.append(one)) == []


def test_a_receipt_that_is_refused_keeps_no_other(own_database: str) -> None:
    resolve(launched())
    ids = [row.id for row in sql("UPDATE deliveries SET state = 'accepted', sent_at = :now RETURNING id", now=NOW)]
    refuse("deliveries", f"OLD.id = {ids[2]}")
    receipts.store("twilio", [Receipt(one, ReceiptState.DELIVERED) for one in ids], NOW)
    assert receipts.apply(NOW) == 5
    assert states() == {"delivered": 4, "accepted": 1}
    assert receipts.apply(NOW) == 0
    (said,) = told()
    assert f"to delivery {ids[2]} (CheckViolation)" in said


def test_a_resident_whose_delivery_is_refused_keeps_no_other_from_being_written_to(own_database: str) -> None:
    alert = launched()
    bad = sql("SELECT id FROM contacts WHERE channel = 'sms' AND subscriber_id IS NOT NULL ORDER BY id OFFSET 1")[0].id
    refuse("deliveries", f"NEW.contact_id = {bad}", "INSERT")
    assert resolve(alert)
    assert states() == {"queued": 4}
    assert sql("SELECT audience_total FROM alerts WHERE fanout_done_at IS NOT NULL")[0].audience_total == 4
    assert len(told()) == 1


def test_an_alert_whose_forecast_is_refused_ends_all_the_same(own_database: str) -> None:
    refuse("predictions", "true", "INSERT")
    with pytest.raises(Exception, match="refused"):
        resolve(launched())
    assert sql("SELECT fanout_done_at FROM alerts")[0].fanout_done_at is not None


def test_an_outcome_that_is_refused_keeps_no_other_from_being_recorded(
    own_database: str, redis: "redis_client.Redis", providers: Providers, transport: Transport
) -> None:
    (batch,) = resolved("sms", 12)
    bad = sql("SELECT max(id) AS id FROM deliveries")[0].id
    refuse("deliveries", f"OLD.id = {bad} AND NEW.state = 'accepted'")
    send(batch, providers, transport, redis)
    assert states() == {"accepted": 11, "sending": 1}
    assert len(told()) == 1
    reconcile.reconcile_batch(batch, providers.settings(), transport)  # and it is asked about
    assert states() == {"accepted": 11, "unknown": 1}
    assert len(providers.received()) == 12


@pytest.mark.parametrize("place", [0, 5, 11])
def test_a_delivery_whose_claim_is_refused_keeps_no_other_from_being_sent(
    own_database: str, redis: "redis_client.Redis", providers: Providers, transport: Transport, place: int
) -> None:
    (batch,) = resolved("sms", 12)
    bad = sql("SELECT id FROM deliveries ORDER BY id")[place].id
    refuse("deliveries", f"OLD.id = {bad}")
    send(batch, providers, transport, redis)
    assert states() == {"accepted": 11, "queued": 1}
    assert len(providers.received()) == 11
    (said,) = told()
    assert f"claim delivery {bad} (CheckViolation)" in said
    left = sql("SELECT state, not_before > now() AS rests FROM batches")[0]
    assert (left.state, left.rests) == ("waiting", True), "and it is not tried again in the same moment"


def test_a_delivery_that_cannot_be_passed_on_to_another_sender_keeps_no_other_from_being_sent(
    own_database: str, redis: "redis_client.Redis", providers: Providers, transport: Transport
) -> None:
    (batch,) = resolved("sms", 12)
    with transaction() as s:
        senders.add(s, "twilio", "+15555550299", 1.0, NOW)
    sql("""INSERT INTO carrier_blocks (sender_id, address_index, at)
           SELECT (SELECT min(id) FROM senders WHERE channel = 'sms'), address_index, now() FROM contacts c
             JOIN deliveries d ON d.contact_id = c.id WHERE d.id IN (SELECT id FROM deliveries ORDER BY id LIMIT 2)""")
    bad = sql("SELECT min(id) AS id FROM deliveries")[0].id
    refuse("deliveries", f"OLD.id = {bad} AND NEW.batch_id <> OLD.batch_id")
    send(batch, providers, transport, redis)
    assert states() == {"accepted": 10, "queued": 2}
    assert len(providers.received()) == 10
    rows = sql("SELECT batch_id, attempts FROM deliveries WHERE state = 'queued' ORDER BY id")
    assert [(row.batch_id == batch, row.attempts) for row in rows] == [(True, 0), (False, 0)]
    (said,) = told()
    assert f"pass delivery {bad} on to another sender" in said
    assert sql("SELECT sum(attempts) AS tries FROM deliveries")[0].tries == 10, "nobody was asked about"


def test_a_resolver_that_was_overtaken_stops_and_accuses_nobody(own_database: str) -> None:
    alert = launched()
    people = np.array([row.id for row in sql("SELECT id FROM subscribers ORDER BY id")])
    readers = audience.Readers(people, np.empty(0, np.int16))
    with transaction() as s:
        given = delivery_rows.shared_values(s, s.get_one(Alert, alert), NOW)
    assert fanout._write_slice(alert, readers, given, None)
    with pytest.raises(fanout._Halted):
        fanout._write_slice(alert, readers, given, None)
    assert states() == {"queued": 5}
    assert told() == []


def test_a_lease_that_cannot_be_taken_back_keeps_no_other(own_database: str) -> None:
    batches = resolve(launched(people=30, rate_per_s=1))
    for batch in batches:
        assert leases.lease(batch, 60)
    sql("UPDATE batches SET lease_until = now() - interval '1 second'")
    refuse("batches", f"OLD.id = {batches[1]}")
    assert len(batches) > 2
    assert recovery.take_back_expired_leases() == len(batches) - 1
    (said,) = told()
    assert f"take back batch {batches[1]} of alert 1 (CheckViolation). All other rows were changed" in said


def test_a_batch_that_cannot_be_ended_keeps_no_other(own_database: str) -> None:
    alert = launched(people=30, rate_per_s=1)
    batches = resolve(alert)
    with transaction() as s:
        lifecycle.cancel(s, alert, operator(s), NOW)
    refuse("batches", f"OLD.id = {batches[0]}")
    recovery.end_leftovers(NOW)
    left = sql("SELECT id FROM batches WHERE state = 'waiting'")
    assert [row.id for row in left] == [batches[0]]
    assert len(told()) == 1


def test_a_delivery_that_cannot_be_taken_back_keeps_no_other_from_being_sent(own_database: str) -> None:
    (batch,) = resolve(launched(people=6))
    held = leases.lease(batch, 60)
    assert held is not None
    claimed = claims.claim(held, 1, 4, NOW)
    assert claimed is not None
    sql("UPDATE batches SET lease_until = now() - interval '1 second'")
    refuse("deliveries", f"OLD.id = {claimed[1].delivery_id}")
    assert recovery.take_back_expired_leases() == 1
    assert states() == {"unknown": 3, "sending": 1, "queued": 2}
    assert len(told()) == 1


def test_a_delivery_that_cannot_be_ended_keeps_no_other(own_database: str) -> None:
    alert = launched(people=6)
    resolve(alert)
    with transaction() as s:
        lifecycle.cancel(s, alert, operator(s), NOW)
    refuse("deliveries", "OLD.id = 3")
    recovery.end_leftovers(NOW)
    assert states() == {"cancelled": 5, "queued": 1}
    assert sql("SELECT DISTINCT state FROM batches")[0].state == "done"
    assert len(told()) == 1


def test_posts_that_are_refused_keep_no_resident_from_being_written_to(own_database: str) -> None:
    with transaction() as s:
        zone(s)
        sender(s)
        sender(s, "mastodon")
        for _ in range(3):
            resident(s, email="")
        alert = alert_ready(s, channels=("sms", "social"))
        lifecycle.launch(s, alert.id, operator(s), NOW)
    refuse("contacts", "NEW.timeline_of IS NOT NULL", "INSERT")
    assert resolve(alert.id)
    assert states() == {"queued": 3}
    assert len(told()) == 1


def test_a_forecast_that_cannot_be_measured_keeps_no_other(own_database: str) -> None:
    for _ in range(3):
        resolve(launched())
    sql("UPDATE deliveries SET state = 'accepted', sent_at = :now", now=NOW)
    sql("UPDATE alerts SET state = 'sent'")
    refuse("predictions", "OLD.alert_id = 2")
    with transaction() as s:
        predictions.measure(s, NOW)
    assert [row.alert_id for row in sql("SELECT alert_id FROM predictions WHERE NOT measured")] == [2]
    assert len(told()) == 1


def test_a_sender_that_cannot_be_stopped_costs_no_outcome(
    own_database: str, redis: "redis_client.Redis", providers: Providers, transport: Transport
) -> None:
    (batch,) = resolved("sms", 8)
    providers.behave(twilio={"error_rate": [{"status": 401, "code": "20003", "rate": 1.0}]})
    refuse("senders", "true")
    with pytest.raises(Exception, match="refused"):
        send(batch, providers, transport, redis)
    assert states()["sending"] == 0


def test_a_row_of_a_file_that_is_refused_keeps_no_other(own_database: str) -> None:
    refuse("places", "NEW.label = 'bad'", "INSERT")
    rows = [TOM | {"phone": f"+121555501{n:02}", "email": "", "label": "bad" if n == 7 else "home"} for n in range(20)]
    report = import_csv(lines(*rows), datetime.now(UTC))
    assert (report.kept, report.bad_count) == (19, 1)
    assert [(one.line, one.reason) for one in report.bad] == [(9, "the database refuses it (CheckViolation).")]
    assert sql("SELECT count(*) AS n FROM subscribers")[0].n == 19
