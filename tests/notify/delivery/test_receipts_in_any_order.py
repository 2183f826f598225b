"""The end of a delivery is a function of the set of its receipts: not of their order, number or rounds."""

import random
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from notify.channels.contract import Receipt, ReceiptState
from notify.core.db import transaction
from notify.delivery import receipts
from tests.database import sql
from tests.factories import NOW, alert_resolved, resident, zone

R = ReceiptState
BEFORE = ("sending", "unknown", "accepted", "queued", "skipped", "cancelled", "expired", "failed")
CODES = ("", "30003", "30005", "30008")

told = st.builds(Receipt, delivery_id=st.just(0), state=st.sampled_from(list(R)), code=st.sampled_from(CODES))


@pytest.fixture
def delivery(database: str) -> int:
    with transaction() as s:
        zone(s)
        resident(s)
    alert_resolved()
    return int(sql("UPDATE deliveries SET attempts = 1, claimed_at = :now RETURNING id", now=NOW)[0].id)


def end(provider: str, delivery: int, before: str, rounds: list[list[Receipt]]) -> tuple[str, str | None]:
    sql(
        """UPDATE deliveries SET state = CAST(:before AS delivery_state), settled_at = NULL, reference = NULL,
                  reason = CASE WHEN :before = 'failed' THEN 'outcome-unknown'
                                WHEN :before IN ('accepted', 'sending', 'queued') THEN NULL ELSE 'x' END""",
        before=before,
    )
    for together in rounds:
        receipts.store(provider, [Receipt(delivery, r.state, r.code) for r in together], NOW)
        receipts.apply(NOW)
    row = sql("SELECT state, reason FROM deliveries")[0]
    return row.state, row.reason


def expected(provider: str, before: str, facts: list[Receipt]) -> tuple[str, str | None]:
    """The highest rank; of its codes the one that sorts first, and none only when none was ever given."""
    ranks = [
        R.ACCEPTED,
        R.FAILED,
        *((R.UNDELIVERED, R.DELIVERED) if provider == "twilio" else (R.DELIVERED, R.UNDELIVERED)),
    ]
    best = max((fact.state for fact in facts if fact.state), key=ranks.index)
    if before == "failed" and best is R.ACCEPTED:
        return "failed", "outcome-unknown"
    if best in (R.ACCEPTED, R.DELIVERED):
        return best.value, None
    codes = [fact.code for fact in facts if fact.state is best and fact.code]
    return best.value, min(codes, default="lost")


TWO = [Receipt(0, R.UNDELIVERED, code) for code in ("30003", "30005")]


@example(provider="twilio", facts=TWO, before="accepted", more=[], cuts=set(), seed=1)
@example(provider="twilio", facts=TWO[::-1], before="accepted", more=[], cuts=set(), seed=1)
@example(provider="twilio", facts=[Receipt(0, R.FAILED), *TWO[:1]], before="accepted", more=[], cuts={1}, seed=1)
@example(provider="twilio", facts=[*TWO[:1], Receipt(0, R.FAILED)], before="accepted", more=[], cuts={1}, seed=1)
@example(provider="sendgrid", facts=[Receipt(0, R.DELIVERED), *TWO], before="accepted", more=[], cuts={1, 2}, seed=2)
@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(
    provider=st.sampled_from(["twilio", "sendgrid"]),
    facts=st.lists(told, min_size=1, max_size=5),
    before=st.sampled_from(BEFORE),
    more=st.lists(st.integers(0, 4), max_size=4),
    cuts=st.sets(st.integers(1, 8), max_size=4),
    seed=st.integers(0, 2**32),
)
def test_the_end_is_the_same(
    delivery: int, provider: str, facts: list[Receipt], before: str, more: list[int], cuts: set[int], seed: int
) -> None:
    shuffled = [*facts, *(facts[n % len(facts)] for n in more)]
    random.Random(seed).shuffle(shuffled)
    edges = [0, *sorted(cut for cut in cuts if cut < len(shuffled)), len(shuffled)]
    rounds = [shuffled[a:b] for a, b in pairwise(edges)]
    assert end(provider, delivery, before, rounds) == expected(provider, before, facts)
