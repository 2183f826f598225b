"""Receipts come late, twice and out of order; an address that must not be written to is suppressed at once."""

from datetime import timedelta
from itertools import permutations
from typing import Any

import pytest
from structlog.testing import capture_logs

from notify.channels.contract import Receipt, ReceiptState
from notify.core.db import transaction
from notify.delivery import claims, leases, receipts
from tests.database import sql
from tests.factories import NOW, alert_resolved, resident, zone

R = ReceiptState


@pytest.fixture
def delivery(database: str) -> int:
    """One delivery that a provider has accepted."""
    with transaction() as s:
        zone(s)
        resident(s)
    alert_resolved()
    return int(sql("UPDATE deliveries SET state = 'accepted', sent_at = :now RETURNING id", now=NOW)[0].id)


def state() -> tuple[str, str | None]:
    row = sql("SELECT state, reason FROM deliveries")[0]
    return row.state, row.reason


@pytest.mark.parametrize("order", list(permutations([R.ACCEPTED, R.UNDELIVERED, R.DELIVERED])))
def test_any_order_ends_in_the_highest_rank(delivery: int, order: tuple[ReceiptState, ...]) -> None:
    for told in order:
        receipts.store("twilio", [Receipt(delivery, told, code="30003")] * 2, NOW)
        receipts.apply(NOW)
    assert state() == ("delivered", None)


@pytest.mark.parametrize("order", list(permutations([R.ACCEPTED, R.UNDELIVERED, R.DELIVERED])))
@pytest.mark.parametrize("at_once", [False, True])
def test_a_mail_that_bounces_after_it_was_delivered_did_not_arrive(
    delivery: int, order: tuple[ReceiptState, ...], at_once: bool
) -> None:
    """A server takes it, and another one behind it sends it back (RFC 3464). Each is told twice, in any order."""
    for state_ in order:
        receipts.store("sendgrid", [Receipt(delivery, state_, code="5.1.1")] * 2, NOW)
        if not at_once:
            receipts.apply(NOW)
    receipts.apply(NOW)
    assert state() == ("undelivered", "5.1.1")


def test_one_apply_takes_the_best_of_what_it_finds(delivery: int) -> None:
    receipts.store("twilio", [Receipt(delivery, R.UNDELIVERED, code="30005"), Receipt(delivery, R.ACCEPTED)], NOW)
    assert receipts.apply(NOW) == 2
    assert state() == ("undelivered", "30005")
    assert receipts.apply(NOW) == 0


def test_a_receipt_clears_up_an_unknown_outcome(delivery: int) -> None:
    sql("UPDATE deliveries SET state = 'unknown', reason = 'timeout', sent_at = NULL")
    receipts.store("twilio", [Receipt(delivery, R.ACCEPTED, reference="SM1")], NOW)
    receipts.apply(NOW)
    row = sql("SELECT state, reference, sent_at FROM deliveries")[0]
    assert (row.state, row.reference, row.sent_at) == ("accepted", "SM1", NOW)


@pytest.mark.parametrize("before", ["queued", "skipped", "cancelled", "expired"])
def test_a_receipt_for_what_was_never_sent_moves_nothing(delivery: int, before: str) -> None:
    sql("UPDATE deliveries SET state = CAST(:before AS delivery_state), reason = 'x'", before=before)
    receipts.store("twilio", [Receipt(delivery, R.DELIVERED)], NOW)
    receipts.apply(NOW)
    assert state()[0] == before


def test_a_receipt_for_an_unknown_delivery_is_kept_and_harmless(delivery: int) -> None:
    receipts.store("twilio", [Receipt(999_999_999, R.DELIVERED)], NOW)
    assert receipts.apply(NOW) == 1
    assert state()[0] == "accepted"


@pytest.mark.parametrize("reason", ["opt-out", "hard-bounce", "complaint", "invalid"])
def test_an_address_is_suppressed_before_the_receipt_is_applied(delivery: int, reason: Any) -> None:
    receipts.store("twilio", [Receipt(delivery, None, suppress=reason)] * 2, NOW)
    assert [row.reason for row in sql("SELECT reason FROM suppressions")] == [reason]
    assert len(sql("SELECT 1 FROM consents WHERE kind = 'opt-out'")) == (1 if reason == "opt-out" else 0)


@pytest.mark.parametrize("before", ["queued", "skipped", "cancelled", "expired"])
@pytest.mark.parametrize("told", list(R))
def test_a_receipt_proves_that_what_was_held_back_is_out(delivery: int, before: str, told: ReceiptState) -> None:
    """Its first outcome was unknown, so it waits for another try, or was closed: it must not be sent twice."""
    sql("UPDATE deliveries SET state = CAST(:before AS delivery_state), reason = 'x', attempts = 1", before=before)
    receipts.store("twilio", [Receipt(delivery, told, code="30005", reference="SM1")], NOW)
    receipts.apply(NOW)
    assert state()[0] == told.value
    assert sql("SELECT reference FROM deliveries")[0].reference == "SM1"


def test_what_a_receipt_has_moved_is_not_claimed_again(delivery: int) -> None:
    sql("UPDATE deliveries SET state = 'queued', attempts = 1, reason = 'sent-again'")
    held = leases.lease(int(sql("SELECT id FROM batches")[0].id), 60)
    assert held is not None
    receipts.store("twilio", [Receipt(delivery, R.ACCEPTED, reference="SM1")], NOW)
    receipts.apply(NOW)
    assert claims.claim(held, 1, 10, NOW) is None


def test_undelivered_after_failed_is_undelivered_and_never_back(delivery: int) -> None:
    for told, code in ((R.FAILED, "30001"), (R.UNDELIVERED, "30003"), (R.FAILED, "20500"), (R.ACCEPTED, "")):
        receipts.store("twilio", [Receipt(delivery, told, code)], NOW)
        receipts.apply(NOW)
    assert state() == ("undelivered", "30003")


def test_the_time_is_that_of_the_receipt_that_counts(delivery: int) -> None:
    for minutes, told in enumerate((R.UNDELIVERED, R.UNDELIVERED, R.FAILED, R.ACCEPTED)):
        receipts.store("twilio", [Receipt(delivery, told, "30003")], NOW + timedelta(minutes=minutes))
        receipts.apply(NOW + timedelta(hours=1))
    assert sql("SELECT settled_at FROM deliveries")[0].settled_at == NOW
    receipts.store("twilio", [Receipt(delivery, R.DELIVERED)], NOW + timedelta(minutes=9))
    receipts.apply(NOW + timedelta(hours=1))
    assert sql("SELECT settled_at FROM deliveries")[0].settled_at == NOW + timedelta(minutes=9)


def test_receipts_that_are_not_ours_are_told_of(delivery: int) -> None:
    sql("UPDATE deliveries SET state = 'queued'")
    with capture_logs() as logged:
        receipts.store("twilio", [Receipt(999_999_999, None, suppress="opt-out"), Receipt(delivery, R.DELIVERED)], NOW)
        receipts.store("twilio", [Receipt(999_999_999, R.DELIVERED)], NOW)
        receipts.apply(NOW)
    told = {line["event"]: sorted(line.get("deliveries", [])) for line in logged}
    assert told["receipts.no_address_to_suppress"] == [999_999_999]
    assert told["receipts.not_ours"] == [delivery, 999_999_999]


def test_an_opt_out_that_is_told_again_does_not_undo_a_return(delivery: int) -> None:
    told = Receipt(delivery, None, event_key="event-1", suppress="opt-out")
    receipts.store("twilio", [told], NOW)
    sql("DELETE FROM suppressions")
    receipts.store("twilio", [told], NOW)
    assert sql("SELECT 1 FROM suppressions") == []
    receipts.store("twilio", [Receipt(delivery, None, event_key="event-2", suppress="opt-out")], NOW)
    assert len(sql("SELECT 1 FROM suppressions")) == 1
