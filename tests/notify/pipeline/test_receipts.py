"""Receipts come late, twice and out of order; an address that must not be written to is suppressed at once."""

from itertools import permutations
from typing import Any

import pytest
from sqlalchemy import text

from notify import alerts
from notify.channels.contract import Receipt, ReceiptState
from notify.db import transaction
from notify.pipeline import fanout, receipts
from tests.factories import NOW, alert_ready, operator, resident, zone

R = ReceiptState


@pytest.fixture
def delivery(database: str) -> int:
    """One delivery that a provider has accepted."""
    with transaction() as s:
        zone(s)
        resident(s)
        alert = alert_ready(s)
        alerts.launch(s, alert.id, operator(s), NOW)
    for _ in fanout.resolve(alert.id, NOW):
        pass
    return int(sql("UPDATE deliveries SET state = 'accepted', sent_at = :now RETURNING id", now=NOW)[0].id)


def sql(statement: str, **values: Any) -> list[Any]:
    with transaction() as s:
        result = s.execute(text(statement), values)
        return list(result) if result.returns_rows else []


def state() -> tuple[str, str | None]:
    row = sql("SELECT state, reason FROM deliveries")[0]
    return row.state, row.reason


@pytest.mark.parametrize("order", list(permutations([R.ACCEPTED, R.UNDELIVERED, R.DELIVERED])))
def test_any_order_ends_in_the_highest_rank(delivery: int, order: tuple[ReceiptState, ...]) -> None:
    for told in order:
        receipts.keep("twilio", [Receipt(delivery, told, code="30003")] * 2, NOW)
        receipts.apply(NOW)
    assert state() == ("delivered", None)


def test_one_apply_takes_the_best_of_what_it_finds(delivery: int) -> None:
    receipts.keep("twilio", [Receipt(delivery, R.UNDELIVERED, code="30005"), Receipt(delivery, R.ACCEPTED)], NOW)
    assert receipts.apply(NOW) == 2
    assert state() == ("undelivered", "30005")
    assert receipts.apply(NOW) == 0


def test_a_receipt_clears_up_an_unknown_outcome(delivery: int) -> None:
    sql("UPDATE deliveries SET state = 'unknown', reason = 'timeout', sent_at = NULL")
    receipts.keep("twilio", [Receipt(delivery, R.ACCEPTED, reference="SM1")], NOW)
    receipts.apply(NOW)
    row = sql("SELECT state, reference, sent_at FROM deliveries")[0]
    assert (row.state, row.reference, row.sent_at) == ("accepted", "SM1", NOW)


@pytest.mark.parametrize("before", ["queued", "skipped", "cancelled", "expired"])
def test_a_receipt_for_what_was_never_sent_moves_nothing(delivery: int, before: str) -> None:
    sql("UPDATE deliveries SET state = CAST(:before AS delivery_state), reason = 'x'", before=before)
    receipts.keep("twilio", [Receipt(delivery, R.DELIVERED)], NOW)
    receipts.apply(NOW)
    assert state()[0] == before


def test_a_receipt_for_an_unknown_delivery_is_kept_and_harmless(delivery: int) -> None:
    receipts.keep("twilio", [Receipt(999_999_999, R.DELIVERED)], NOW)
    assert receipts.apply(NOW) == 1
    assert state()[0] == "accepted"


@pytest.mark.parametrize("reason", ["opt-out", "hard-bounce", "complaint", "invalid"])
def test_an_address_is_suppressed_before_the_receipt_is_applied(delivery: int, reason: Any) -> None:
    receipts.keep("sendgrid", [Receipt(delivery, None, suppress=reason)] * 2, NOW)
    assert [row.reason for row in sql("SELECT reason FROM suppressions")] == [reason]
    assert len(sql("SELECT 1 FROM consents WHERE kind = 'opt-out'")) == (1 if reason == "opt-out" else 0)
