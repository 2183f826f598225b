"""What is left over is taken up again, and nothing is sent again blindly."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from notify import alerts
from notify.channels.contract import Accepted, Message, SendError
from notify.db import transaction
from notify.models import Lane
from notify.models.states import DeliveryState
from notify.pipeline import fanout, records, settling
from notify.pipeline.settling import Doorbell
from notify.pipeline.verdicts import Outcome
from notify.settings import settings
from tests.factories import NOW, alert_ready, operator, resident, sender, zone


def sql(statement: str, **values: Any) -> list[Any]:
    with transaction() as s:
        result = s.execute(text(statement), values)
        return list(result) if result.returns_rows else []


def resolved(event: str = "storm", channel: str = "sms", people: int = 2) -> int:
    with transaction() as s:
        zone(s)
        for _ in range(people):
            resident(
                s, topics=(event,), phone="" if channel == "sms" else None, email="" if channel == "email" else None
            )
        alert = alert_ready(s, event=event, channels=(channel,))
        alerts.launch(s, alert.id, operator(s), NOW)
    for _ in fanout.resolve(alert.id, NOW):
        pass
    return alert.id


def claimed_by_a_worker_that_died() -> int:
    """Claims everything of the only batch and lets its lease run out; returns the batch."""
    batch = int(sql("SELECT id FROM batches")[0].id)
    held = records.lease(batch, 60)
    assert held is not None
    with transaction() as s:
        provider = {"sms": "twilio", "email": "sendgrid", "social": "mastodon"}[held.channel]
        sender_id = sender(s, provider).id
    assert records.claim(held, sender_id, 10, NOW)
    sql("UPDATE batches SET lease_until = now() - interval '1 second'")
    return batch


def states() -> list[str]:
    return [row.state for row in sql("SELECT state FROM deliveries ORDER BY id")]


class Provider:
    """What a provider knows, in place of the way to it: the answer to every question."""

    def __init__(self, provider: str, answer: Accepted | SendError | None) -> None:
        from notify.channels import registry

        self._class = registry.PROVIDERS[provider].adapter
        self._answer = answer
        self.asked: list[Message] = []

    def adapter(self, provider: str) -> Any:
        return self._class

    def find(self, provider: str, message: Message, since: datetime) -> Accepted | None:
        self.asked.append(message)
        if isinstance(self._answer, SendError):
            raise self._answer
        return self._answer


def test_a_dead_workers_claims_become_unknown_and_its_batch_waits(database: str) -> None:
    resolved()
    batch = claimed_by_a_worker_that_died()
    assert settling.take_back_expired_leases() == 1
    assert states() == ["unknown", "unknown"]
    assert sql("SELECT state, lease FROM batches")[0] == ("waiting", None)
    held = records.lease(batch, 60)
    assert held is not None
    assert records.claim(held, 1, 10, NOW) is None, "nothing unknown is sent again blindly"


def test_a_lease_that_is_held_is_left_alone(database: str) -> None:
    resolved()
    records.lease(sql("SELECT id FROM batches")[0].id, 60)
    assert settling.take_back_expired_leases() == 0


@pytest.mark.parametrize(
    ("answer", "state"),
    [
        (Accepted("SM1"), "accepted"),
        (None, "queued"),
        (SendError("500", retryable=True, blame="provider"), "unknown"),
    ],
)
def test_a_provider_that_can_be_asked_decides(database: str, answer: Any, state: str) -> None:
    resolved()
    batch = unsettled()
    provider = Provider("twilio", answer)
    settling.clear_up(batch, settings(), provider)  # type: ignore[arg-type]  # a stand-in for the way out
    assert states() == [state, state]
    assert len(provider.asked) == 2
    assert all(message.recipients[0].address.startswith("+1") for message in provider.asked)


@pytest.mark.parametrize(("event", "state"), [("storm", "queued"), ("snow", "failed")])
def test_where_the_provider_cannot_be_asked_the_lane_decides(database: str, event: str, state: str) -> None:
    resolved(event, "email")
    batch = unsettled()
    settling.clear_up(batch, settings(), Provider("sendgrid", None))  # type: ignore[arg-type]
    assert states() == [state, state]


def test_nothing_unknown_is_sent_again_after_a_cancel(database: str) -> None:
    alert = resolved()
    batch = unsettled()
    with transaction() as s:
        alerts.cancel(s, alert, operator(s), NOW)
    settling.clear_up(batch, settings(), Provider("twilio", None))  # type: ignore[arg-type]
    assert states() == ["failed", "failed"]
    assert sql("SELECT state FROM batches")[0].state == "done"


def unsettled() -> int:
    batch = claimed_by_a_worker_that_died()
    settling.take_back_expired_leases()
    held = records.lease(batch, 60)
    assert held is not None
    records.finish(held)
    assert sql("SELECT state FROM batches")[0].state == "unsettled"
    return batch


def test_an_unsettled_batch_is_looked_at_when_the_provider_should_know(database: str) -> None:
    resolved()
    batch = unsettled()
    sql("UPDATE deliveries SET claimed_at = now()")
    assert settling.unsettled_batches(20) == []
    sql("UPDATE deliveries SET claimed_at = now() - interval '21 seconds'")
    assert settling.unsettled_batches(20) == [Doorbell(batch, Lane.EMERGENCY)]
    assert settling.unsettled_batches(20) == [], "not twice at once"


def test_doorbells_that_were_lost_are_rung_again(database: str) -> None:
    resolved()
    bell = Doorbell(sql("SELECT id FROM batches")[0].id, Lane.EMERGENCY)
    assert settling.unrung_batches(wiped=False, idle=[]) == [bell]
    settling.note_rung([bell.id])
    assert settling.unrung_batches(wiped=False, idle=list(Lane)) == []
    assert settling.unrung_batches(wiped=True, idle=[]) == [bell]
    sql("UPDATE batches SET rung_at = now() - interval '1 minute'")
    assert settling.unrung_batches(wiped=False, idle=[Lane.ROUTINE]) == []
    assert settling.unrung_batches(wiped=False, idle=[Lane.EMERGENCY]) == [bell]


def test_a_paused_alerts_batches_are_not_rung(database: str) -> None:
    alert = resolved()
    with transaction() as s:
        alerts.pause(s, alert, operator(s), NOW)
    assert settling.unrung_batches(wiped=True, idle=list(Lane)) == []


def test_an_alert_is_sent_when_nothing_is_left(database: str) -> None:
    alert = resolved()
    assert settling.finish_alerts(NOW) == []
    held = records.lease(sql("SELECT id FROM batches")[0].id, 60)
    assert held is not None
    claimed = records.claim(held, sql("SELECT id FROM senders")[0].id, 10, NOW) or []
    records.record([Outcome(c.delivery_id, DeliveryState.ACCEPTED) for c in claimed], NOW)
    records.finish(held)
    assert settling.finish_alerts(NOW) == [alert]
    assert settling.finish_alerts(NOW) == []


def test_an_unresolved_alert_is_found(database: str) -> None:
    with transaction() as s:
        zone(s)
        alert = alert_ready(s)
        alerts.launch(s, alert.id, operator(s), NOW)
    assert settling.unresolved_alerts(NOW + timedelta(seconds=1)) == []
    assert settling.unresolved_alerts(NOW + timedelta(seconds=3)) == [Doorbell(alert.id, Lane.EMERGENCY)]


def test_what_comes_back_to_the_queue_of_an_ended_alert_is_ended_too(database: str) -> None:
    alert = resolved()
    held = records.lease(sql("SELECT id FROM batches")[0].id, 60)
    assert held is not None
    claimed = records.claim(held, sql("SELECT id FROM senders")[0].id, 10, NOW) or []
    with transaction() as s:
        alerts.cancel(s, alert, operator(s), NOW)
    records.record([Outcome(c.delivery_id, DeliveryState.QUEUED) for c in claimed], NOW)
    records.finish(held)
    settling.end_leftovers(datetime.now(UTC))
    assert states() == ["cancelled", "cancelled"]
    assert sql("SELECT state FROM batches")[0].state == "done"
