"""A running count says what a whole count says, while batches are sent and receipts come."""

from datetime import timedelta

import pytest
from sqlalchemy import text

from notify.alerts import counts, lifecycle
from notify.alerts.counts import RunningCount
from notify.alerts.reporting import reports
from notify.core.db import one_moment, transaction
from notify.delivery import claims, fanout, leases, recording
from notify.delivery.outcomes import Outcome
from notify.models import Lane
from notify.models.states import DeliveryState
from tests.factories import NOW, alert_launched, alert_resolved, operator, resident, sender, zone
from tests.owner import owning
from tests.waiting import until

SENT = NOW + timedelta(seconds=3)


@pytest.fixture
def alert(database: str) -> int:
    """To five phones, in two languages and so in two batches, and one who opted out of storms and is left out."""
    with transaction() as s:
        zone(s)
        sender(s)
        for language in ("en", "en", "en", "es", "es"):
            resident(s, language=language)
        resident(s, verified=False)
    return alert_resolved(channels=("sms",))


def looks(alert: int, running: RunningCount, times: int = 1) -> list[bool]:
    """Whether each look sees what there is."""
    found = []
    for _ in range(times):
        with one_moment() as s:
            row = reports.find_alert(s, alert)
            found.append(running.of(s, row) == counts.of(s, row))
    return found


def test_it_follows_a_batch_from_its_lease_to_its_end(alert: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(RunningCount, "AT_ONCE", 0)
    running = RunningCount()
    assert looks(alert, running) == [True]
    for _ in range(2):
        held = leases.lease_next(Lane.EMERGENCY, "sms", 60)
        assert held is not None
        assert looks(alert, running) == [True]
        with transaction() as s:
            by = sender(s).id
        while claimed := claims.claim(held, by, 1, NOW):
            assert looks(alert, running) == [True]
            gone = [
                Outcome(one.delivery_id, DeliveryState.ACCEPTED, None, f"SM{one.delivery_id}", SENT) for one in claimed
            ]
            recording.record(gone, NOW, NOW)
            assert looks(alert, running) == [True]
        leases.finish(held)
        assert looks(alert, running) == [True]
    with transaction() as s:
        row = reports.find_alert(s, alert)
        assert [one[:4] for one in running.of(s, row)] == [
            ("sms", "accepted", None, 5), ("sms", "skipped", "unverified", 1),
        ]  # fmt: skip
        assert {one.last_sent for one in running.of(s, row)} == {SENT, None}


def test_receipts_are_seen_batch_by_batch(alert: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """They do not change the row of their batch."""
    monkeypatch.setattr(RunningCount, "AT_ONCE", 1)
    running = RunningCount()
    assert looks(alert, running) == [True]
    with owning() as s:
        s.execute(text("UPDATE deliveries SET state = 'delivered' WHERE state = 'queued'"))
    assert looks(alert, running, 2) == [False, True]


def test_an_alert_that_is_over_is_counted_whole(alert: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(RunningCount, "AT_ONCE", 0)
    running = RunningCount()
    assert looks(alert, running) == [True]
    with transaction() as s:
        lifecycle.cancel(s, alert, operator(s), NOW)
    with owning() as s:
        s.execute(
            text("""UPDATE deliveries SET state = 'cancelled', reason = 'cancelled', settled_at = now()
                     WHERE state = 'queued'""")
        )
    assert looks(alert, running) == [True]
    monkeypatch.setattr(RunningCount, "RESTS", 1_000_000)
    with owning() as s:
        s.execute(text("UPDATE deliveries SET reason = 'expired' WHERE state = 'cancelled'"))
    until(lambda: looks(alert, running) == [True], 60, "it is counted again after a rest")
    with owning() as s:
        s.execute(text("UPDATE deliveries SET reason = 'cancelled' WHERE state = 'cancelled'"))
    assert looks(alert, running) == [False], "and a longer one"


def test_while_the_audience_is_resolved_only_what_is_new_is_counted(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (("FIRST_SLICE", 2), ("SLICE", 2), ("LARGEST_SLICE", 2)):
        monkeypatch.setattr(fanout, name, value)
    monkeypatch.setattr(RunningCount, "AT_ONCE", 0)
    with transaction() as s:
        zone(s)
        for n in range(8):
            resident(s, verified=n % 4 != 3)
    alert, running, found = alert_launched(channels=("sms",)), RunningCount(), list[bool]()
    for _ in fanout.resolve(alert, NOW):
        found += looks(alert, running)
    assert found == [True] * len(found)
    assert looks(alert, running) == [True]
    alert, running = alert_launched(channels=("sms",)), RunningCount()
    slices = fanout.resolve(alert, NOW)
    assert [next(slices), looks(alert, running)] == [[], [True]]
    assert [len(next(slices)), looks(alert, running)] == [1, [True]]
    with owning() as s:
        s.execute(text("UPDATE deliveries SET state = 'delivered' WHERE state = 'queued'"))
    assert looks(alert, running) == [False], "what was counted is not counted again"
    slices.close()
