"""What load balancers and monitoring see."""

from collections.abc import Callable
from contextlib import ExitStack
from datetime import datetime

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import QueuePool, select, text

from api import metrics as api_metrics
from notify.alerts import lifecycle
from notify.core.crypto import unseal
from notify.core.db import engine, forget_engine, transaction
from notify.core.settings import settings
from notify.models import Contact, Sender
from tests import factories
from tests.api import asked
from tests.owner import as_owner, owning

Key = Callable[..., dict[str, str]]


def metrics(door: httpx.Client) -> dict[tuple[str, str], float]:
    """(name, labels in order) -> number."""
    found = {}
    for family in text_string_to_metric_families(door.get("/metrics").text):
        for sample in family.samples:
            found[sample.name, ",".join(f"{k}={v}" for k, v in sorted(sample.labels.items()))] = sample.value
    return found


def test_ready_when_both_servers_answer(door: httpx.Client) -> None:
    answer = door.get("/readyz")
    assert (answer.status_code, answer.json()) == (200, {"ready": True, "postgres": "ok", "redis": "ok"})


def test_not_ready_but_alive_while_redis_is_away(door: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOCSIN_REDIS_URL", "redis://127.0.0.1:9/0")
    settings.cache_clear()
    answer = door.get("/readyz")
    assert answer.status_code == 503
    assert answer.json() == {"ready": False, "postgres": "ok", "redis": "does not answer"}
    assert door.get("/healthz").status_code == 200


def test_not_ready_while_postgresql_is_away(door: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOCSIN_DATABASE_URL", "postgresql://nobody@127.0.0.1:9/none")
    settings.cache_clear()
    forget_engine()
    answer = door.get("/readyz")
    assert (answer.status_code, answer.json()["postgres"]) == (503, "does not answer")
    assert metrics(door)["tocsin_server_up", "server=postgres"] == 0
    assert door.get("/healthz").status_code == 200


@pytest.mark.parametrize(("schema", "remedy"), [("0001", "Run `tocsin migrate`"), ("9999", "newer than this Tocsin")])
def test_not_ready_on_another_schema(door: httpx.Client, schema: str, remedy: str) -> None:
    as_owner("UPDATE alembic_version SET version_num = :schema", schema=schema)
    answer = door.get("/readyz")
    assert answer.status_code == 503
    assert remedy in answer.json()["postgres"]


def test_metrics_count_what_is_in_work(door: httpx.Client, city: datetime, key: Key) -> None:
    alert = factories.alert_resolved(now=city, channels=("sms", "email"))
    door.get(f"/api/v1/alerts/{alert}", headers=key())
    found = metrics(door)
    for state in ("queued", "skipped"):
        of_alert = f"alert={alert},lane=emergency,state={state}"
        assert found["tocsin_deliveries", of_alert] == asked.number(
            "SELECT count(*) FROM deliveries WHERE state::text = :state", state=state
        )
    assert found["tocsin_batches", "lane=emergency,state=waiting"] > 0
    assert found["tocsin_receipts_to_apply", ""] == 0
    assert found["tocsin_queue_length", "lane=emergency"] == 0
    assert found["tocsin_server_up", "server=redis"] == 1
    assert [v for (name, _), v in found.items() if name == "tocsin_sender_open"] == [1, 1]
    assert found["tocsin_http_requests_total", "method=GET,route=/api/v1/alerts/{alert_id},status=200"] >= 1


def test_metrics_show_who_was_heard_and_which_job_succeeded_how_long_ago(door: httpx.Client, city: datetime) -> None:
    with transaction() as s:
        s.execute(
            text("""INSERT INTO heartbeats (kind, host, pid, lanes, at, unbroken_since) VALUES
                        ('worker', 'a', 1, '{emergency,routine}', now() - interval '60 s', now()),
                        ('worker', 'b', 1, '{routine}', now() - interval '5 s', now()),
                        ('scheduler', 'a', 2, '{}', now(), now())""")
        )
        s.execute(
            text("""INSERT INTO jobs (name, succeeded_at, next_at, late_after)
                    VALUES ('sweep', now() - interval '90 s', now(), now()), ('launch', NULL, now(), now())""")
        )
    found = metrics(door)
    heard = {labels: age for (name, labels), age in found.items() if name == "tocsin_heartbeat_age_seconds"}
    assert {labels: age // 60 for labels, age in heard.items()} == {
        "lane=emergency,process=worker": 1, "lane=routine,process=worker": 0, "lane=,process=scheduler": 0
    }  # fmt: skip
    assert {labels for name, labels in found if name == "tocsin_job_age_seconds"} == {"job=sweep"}
    assert found["tocsin_job_age_seconds", "job=sweep"] >= 90


def test_metrics_hold_no_address(door: httpx.Client, city: datetime, key: Key) -> None:
    with transaction() as s:
        alert = factories.alert_ready(s, now=city, channels=("sms", "email"))
        lifecycle.launch(s, alert.id, None, city)
        addresses = [unseal(c.address_sealed, c.channel) for c in s.scalars(select(Contact)) if c.address_sealed]
        senders = list(s.scalars(select(Sender.address)))
    door.get(f"/u/{addresses[0]}")
    door.get("/no/such/page", params={"phone": addresses[0]})
    said = door.get("/metrics").text
    assert len(addresses) == 60
    assert not [one for one in [*addresses, *senders] if one in said or one.lstrip("+") in said]


def test_not_ready_with_another_secret_key(door: httpx.Client) -> None:
    assert door.get("/readyz").status_code == 200, "it has recorded its own"
    as_owner("UPDATE key_ring SET fingerprint = sha256('another')")
    answer = door.get("/readyz")
    assert answer.status_code == 503
    assert "TOCSIN_SECRET_KEY" in answer.json()["postgres"]


def test_metrics_need_their_token(door: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    assert door.get("/metrics").status_code == 200, "without one, to this machine"
    assert door.get("/metrics", headers={"X-Forwarded-For": "203.0.113.9"}).status_code == 401
    monkeypatch.setenv("TOCSIN_METRICS_TOKEN", "a token for tests")
    settings.cache_clear()
    for given in (b"", b"Bearer no", "Bearer é".encode()):
        assert door.get("/metrics", headers={b"Authorization": given}).status_code == 401
    assert door.get("/metrics", headers={"Authorization": "Bearer a token for tests"}).status_code == 200


def test_metrics_are_not_counted_for_every_scrape(door: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    sender = ("tocsin_sender_open", "channel=sms,provider=twilio,sender=1")
    assert sender not in metrics(door)
    monkeypatch.setattr(api_metrics, "FRESH_S", 3_600.0)
    with transaction() as s:
        factories.sender(s)
    assert sender not in metrics(door), "the numbers of before"
    monkeypatch.setattr(api_metrics, "FRESH_S", 0.0)
    assert metrics(door)[sender] == 1


def test_a_process_without_a_free_connection_does_not_call_postgresql_away(
    door: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    pool = engine().pool
    assert isinstance(pool, QueuePool)
    monkeypatch.setattr(pool, "_timeout", 0.1)
    with ExitStack() as taken:
        while pool.checkedout() < pool.size() + pool._max_overflow:
            taken.enter_context(engine().connect())
        found = metrics(door)
    assert found["tocsin_server_up", "server=postgres"] == 1
    assert found["tocsin_metric_left_out", "metric=tocsin_sender_open"] == 1


def test_one_slow_question_leaves_the_others(door: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api_metrics, "PATIENCE_MS", 3_000)  # for the others, too
    with owning() as s:
        s.execute(text("LOCK TABLE senders IN ACCESS EXCLUSIVE MODE"))
        found = metrics(door)
    assert found["tocsin_server_up", "server=postgres"] == 1
    assert found["tocsin_receipts_to_apply", ""] == 0
    assert found["tocsin_metric_left_out", "metric=tocsin_sender_open"] == 1
