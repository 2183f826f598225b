"""A worker process, as `tocsin worker` starts it."""

import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
import redis as redis_client
from kombu.exceptions import OperationalError

from notify.alerts import lifecycle
from notify.core import db
from notify.core.db import transaction
from notify.core.settings import settings
from notify.delivery import leases, recovery
from notify.models import Lane
from notify.operations import tasks, worker
from tests.factories import alert_ready, operator
from tests.notify.conftest import Providers
from tests.notify.delivery.test_worker_slots import launched, lost, residents, sql
from tests.owner import as_owner
from tests.waiting import until

GIVEN_UP_AFTER_S = 240


@pytest.fixture
def working(database: str, redis: "redis_client.Redis", providers: Providers) -> Iterator[subprocess.Popen[bytes]]:
    """One that serves both lanes and has one seat for each kind of sending."""
    ours = providers.settings()
    names = ("twilio_base_url", "twilio_account_sid", "twilio_auth_token", "sendgrid_base_url", "sendgrid_api_key")
    given = {name: getattr(ours, name) for name in names}
    given |= {"worker_threads": 1, "provider_timeout_s": GIVEN_UP_AFTER_S, "redis_url": os.environ["TOCSIN_REDIS_URL"]}
    env = os.environ | {
        f"TOCSIN_{name.upper()}": getattr(value, "get_secret_value", lambda v=value: str(v))()
        for name, value in given.items()
    }
    _forget()
    with subprocess.Popen([sys.executable, "-m", "notify.cli", "worker"], env=env) as process:
        try:
            yield process
        finally:
            process.kill()
    _forget()


def _forget() -> None:
    for remembered in (worker.app, tasks.app, tasks.redis_client):
        remembered.forget()


def test_a_new_emergency_does_not_wait_for_questions_that_the_provider_leaves_unanswered(
    working: subprocess.Popen[bytes], providers: Providers
) -> None:
    """More batches to clear up than the process has threads, each for as long as the provider is given."""
    residents(500)
    for event in ("snow", "storm"):
        launched(event)
    assert lost("sms") > 60
    providers.behave(twilio={"error_rate": [{"hang_s": 2 * GIVEN_UP_AFTER_S, "rate": 1.0, "on": "lookup"}]})
    tasks.ring_unsettled(recovery.unsettled_batches(20, wiped=False, idle=[]))
    asking = "SELECT count(*) AS n FROM batches WHERE state = 'leased'"
    until(lambda: sql(asking)[0].n, 60, "the provider is asked")
    now = datetime.now(UTC)
    with transaction() as s:
        alert = alert_ready(s, event="storm", now=now)
        lifecycle.launch(s, alert.id, operator(s), now)
    tasks.ring_alert(alert)
    sent = "SELECT FROM deliveries WHERE alert_id = :a AND state = 'accepted'"
    until(lambda: sql(sent, a=alert.id), GIVEN_UP_AFTER_S / 4, "the emergency goes out")
    assert sql(asking)[0].n, "the provider is still being asked"


def test_a_worker_looks_for_redis_as_often_after_a_long_time_without_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Celery's consumer would come to wait for half a minute: so long no emergency would go out after Redis is back."""
    monkeypatch.setenv("TOCSIN_REDIS_URL", "redis://127.0.0.1:9/0")
    settings.cache_clear()
    _forget()
    waits: list[float] = []
    connection = worker.app().connection_for_read()
    with pytest.raises(OperationalError):
        connection.ensure_connection(lambda _error, wait_s: waits.append(wait_s), 4)
    _forget()
    assert len(waits) >= 3
    assert max(waits) <= worker.REDIS_AGAIN_S


def test_a_worker_has_gone_the_way_of_an_alert_before_the_first_one_comes(
    database: str, redis: "redis_client.Redis", providers: Providers
) -> None:
    _forget()
    db.forget_engine()
    tasks.transport.forget()
    tasks.warm_up([Lane.EMERGENCY])
    for pool in (db._engine_by_key(), db.resolvers_engine()):
        assert pool.pool.checkedin() >= 1  # type: ignore[attr-defined]
    assert redis.llen(Lane.EMERGENCY.value) == 1
    made = tasks.transport.forget()
    assert made is not None
    made.close()
    _forget()


def test_a_worker_starts_before_the_migrations_have_run(own_database: str, redis: "redis_client.Redis") -> None:
    """They are made while it waits; and a supervisor may give up on one that ends again and again."""
    _forget()
    as_owner("DROP TABLE deliveries, batches, alerts CASCADE")
    try:
        tasks.warm_up([Lane.EMERGENCY])
        assert redis.llen(Lane.EMERGENCY.value) == 1
    finally:
        if made := tasks.transport.forget():
            made.close()
        _forget()


def test_a_worker_starts_without_its_database(redis: "redis_client.Redis", monkeypatch: pytest.MonkeyPatch) -> None:
    _forget()
    monkeypatch.setenv("TOCSIN_DATABASE_URL", "postgresql://nobody@127.0.0.1:1/none")
    settings.cache_clear()
    db.forget_engine()
    try:
        with pytest.raises(db.AWAY):
            leases.place_of(0, "waiting")
        tasks.warm_up([Lane.EMERGENCY])
    finally:
        db.forget_engine()
        if made := tasks.transport.forget():
            made.close()
        _forget()
