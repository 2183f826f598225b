"""Law 14: an exercise cannot reach a real provider, whatever becomes of the settings after its launch."""

import threading
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
import redis as redis_client
from pydantic import ValidationError
from sqlalchemy import text

from notify.alerts import lifecycle
from notify.channels import registry
from notify.core.db import transaction
from notify.core.errors import Refused
from notify.core.settings import Settings, settings
from notify.delivery import exercise, fanout, leases, reconcile, recovery, senders
from notify.delivery.send_batch import LeasedBatch
from notify.delivery.throttle import Throttle
from notify.delivery.transport import Transport
from notify.models import Alert
from notify.models.states import AlertState
from tests.factories import alert_ready, operator, resident, zone
from tests.notify.conftest import Providers
from tests.owner import as_owner

SIMULATOR = "http://127.0.0.1:8025"
REAL = {"simulator_url": ""}
CHANNELS = ("sms", "email", "social")


@pytest.fixture
def now(database: str) -> datetime:
    """A zone with three residents who have a phone and an email each."""
    now = datetime.now(UTC)
    with transaction() as s:
        zone(s, now=now)
        for _ in range(3):
            resident(s, email="", now=now)
    return now


@pytest.fixture
def rehearsing(monkeypatch: pytest.MonkeyPatch, now: datetime) -> None:
    for name in ("SIMULATOR", "TWILIO_BASE", "SENDGRID_BASE", "MASTODON_BASE"):
        monkeypatch.setenv(f"TOCSIN_{name}_URL", SIMULATOR)
    settings.cache_clear()


def ready(now: datetime, status: str, *, in_s: int = 0) -> int:
    launch_at = now + timedelta(seconds=in_s) if in_s else None
    with transaction() as s:
        return alert_ready(s, channels=CHANNELS, now=now, status=status, launch_at=launch_at).id


def launch(alert: int, now: datetime) -> list[int]:
    """Its batches."""
    with transaction() as s:
        lifecycle.launch(s, alert, operator(s), now)
    return [batch for batches in fanout.resolve(alert, now) for batch in batches]


def send(batches: list[int], set_to: Settings, client: "redis_client.Redis") -> None:
    """As a worker with these settings does."""
    transport = Transport(set_to)
    try:
        for batch in batches:
            held = leases.lease(batch, 60)
            assert held is not None
            leased = LeasedBatch(held, set_to, Throttle(client), transport, threading.Event())
            assert leased.send(), "it keeps nobody waiting"
    finally:
        transport.close()


def outcomes() -> Counter[tuple[str, str | None]]:
    with transaction() as s:
        rows = s.execute(text("SELECT state::text, reason FROM deliveries")).all()
    return Counter((row.state, row.reason) for row in rows)


def alarms() -> list[tuple[str, str]]:
    with transaction() as s:
        return [(row.kind, row.message) for row in s.execute(text("SELECT kind, message FROM alarms ORDER BY id"))]


@pytest.mark.parametrize("provider", registry.PROVIDERS)
@pytest.mark.parametrize(
    ("simulator", "base", "may"),
    [
        (SIMULATOR, SIMULATOR, True),
        (f"{SIMULATOR}/", SIMULATOR, True),
        ("http://simulator:8025", "http://simulator:8025", True),
        ("", "", False),
        ("", SIMULATOR, False),  # on this machine, but it may be a way to the provider
        (SIMULATOR, "https://twilio.proxy.example.gov", False),
        (SIMULATOR, "http://127.0.0.1:8026", False),
    ],
)
def test_a_simulator_is_what_the_stack_says_is_one(provider: str, simulator: str, base: str, may: bool) -> None:
    chosen = Settings(simulator_url=simulator, **{f"{provider}_base_url": base})
    for status in ("Exercise", "Test", "System", "Draft"):
        assert exercise.may_carry(chosen, provider, status) is may
    assert exercise.may_carry(chosen, provider, "Actual")


@pytest.mark.parametrize("url", ["https://api.twilio.com", "http://10.0.0.7:8025", "http://proxy.local", "8025"])
def test_a_simulator_is_close_by(url: str) -> None:
    with pytest.raises(ValidationError, match="is neither on this machine"):
        Settings(simulator_url=url)


@pytest.mark.parametrize("status", ["Exercise", "Test"])
@pytest.mark.parametrize("in_s", [0, 600])
def test_it_is_not_launched_where_a_provider_is_real(now: datetime, status: str, in_s: int) -> None:
    alert = ready(now, status, in_s=in_s)
    with pytest.raises(Refused, match=f"status {status} cannot be sent here: mastodon, sendgrid, twilio") as refused:
        launch(alert, now)
    assert "tocsin up --demo" in str(refused.value.hint)
    with transaction() as s:
        assert s.get_one(Alert, alert).state is AlertState.APPROVED


def test_one_real_sender_among_simulators_is_enough(
    now: datetime, rehearsing: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    alert = ready(now, "Exercise")
    monkeypatch.setenv("TOCSIN_SENDGRID_BASE_URL", "https://api.sendgrid.com")
    settings.cache_clear()
    with pytest.raises(Refused, match="here: sendgrid would"):
        launch(alert, now)
    with transaction() as s:
        stopped = next(x for x in senders.all_senders(s) if x.provider == "sendgrid")
        senders.change(s, stopped.id, now, status="stopped")
    assert launch(alert, now)


def test_a_scheduled_one_rings_when_providers_have_become_real(
    now: datetime, rehearsing: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    alert = ready(now, "Exercise", in_s=600)
    launch(alert, now)
    monkeypatch.delenv("TOCSIN_SIMULATOR_URL")
    settings.cache_clear()
    with transaction() as s:
        assert lifecycle.launch_due(s, now + timedelta(seconds=601)) == []
        assert s.get_one(Alert, alert).state is AlertState.SCHEDULED
    ((kind, message),) = alarms()
    assert kind == "launch-failed"
    assert "write to real people" in message


def test_nothing_is_posted_by_a_worker_whose_providers_are_real(
    now: datetime, rehearsing: None, redis: "redis_client.Redis", providers: Providers
) -> None:
    alert = ready(now, "Exercise")
    batches = launch(alert, now)
    real = providers.settings().model_copy(update=REAL)
    send(batches, real, redis)
    assert providers.received() == []
    assert outcomes() == {("skipped", "exercise"): 8}
    ((kind, message),) = alarms()
    assert kind == "exercise-barred"
    assert "tocsin up --demo" in message
    assert recovery.finish_alerts(now) == [alert]
    send(launch(ready(now, "Actual"), now), real, redis)
    assert len(providers.received()) == 8, "the same worker sends what is meant"


def test_a_status_set_in_the_database_keeps_it_from_real_providers(
    now: datetime, redis: "redis_client.Redis", providers: Providers
) -> None:
    """Nobody asked at the launch: the alert was approved and launched as a real one."""
    batches = launch(ready(now, "Actual"), now)
    past_the_trigger = "SET LOCAL session_replication_role = replica"
    as_owner(past_the_trigger, "UPDATE alerts SET status = 'Exercise'")
    send(batches, providers.settings().model_copy(update=REAL), redis)
    assert providers.received() == []
    assert outcomes() == {("skipped", "exercise"): 8}


def test_simulators_get_it(now: datetime, rehearsing: None, redis: "redis_client.Redis", providers: Providers) -> None:
    send(launch(ready(now, "Exercise"), now), providers.settings(), redis)
    assert len(providers.received()) == 8
    assert outcomes() == {("accepted", None): 8}


def test_a_real_provider_is_not_asked_what_became_of_it(
    now: datetime, rehearsing: None, redis: "redis_client.Redis", providers: Providers
) -> None:
    batches = launch(ready(now, "Exercise"), now)
    send(batches, providers.settings(), redis)
    with transaction() as s:
        s.execute(text("UPDATE deliveries SET state = 'unknown', reason = 'timeout'"))
        s.execute(text("UPDATE batches SET state = 'unsettled'"))
    nowhere = Transport(
        real := providers.settings().model_copy(update=REAL | {"twilio_base_url": "http://127.0.0.1:9"})
    )
    try:
        for batch in batches:
            reconcile.reconcile_batch(batch, real, nowhere)
    finally:
        nowhere.close()
    assert not any(state == "unknown" for state, _ in outcomes()), "decided without asking: nobody answers there"
    send(batches, real, redis)
    assert outcomes() == {("skipped", "exercise"): 8}
    assert len(providers.received()) == 8
