"""Metrics in Prometheus's text format. They contain ids and counts, never an address (law 9)."""

import math
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import psycopg
import redis
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy import text
from sqlalchemy.exc import OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import Session

from notify.core.db import transaction
from notify.core.errors import Unavailable
from notify.models import Lane
from notify.operations import tasks

FRESH_S = 10.0
PATIENCE_MS = 2_000  # time limit of a query
BUCKETS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
METHODS = {"GET", "HEAD", "POST", "PATCH", "PUT", "DELETE", "OPTIONS"}


class Metrics:
    """The metrics of this process, with their own registry."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._requests = Counter(
            "tocsin_http_requests", "HTTP requests.", ("method", "route", "status"), registry=self.registry
        )
        self._seconds = Histogram(
            "tocsin_http_request_seconds",
            "Time to answer.",
            ("method", "route"),
            buckets=BUCKETS_S,
            registry=self.registry,
        )
        self.registry.register(Servers())

    def request(self, method: str, route: str, status: int, seconds: float) -> None:
        method = method if method in METHODS else "other"  # clients can send any word
        self._requests.labels(method, route, str(status)).inc()
        if not route.endswith("/events"):  # a stream lasts as long as somebody watches it
            self._seconds.labels(method, route).observe(seconds)

    def of_many(self, method: str, route: str, status: int) -> Callable[[float], None]:
        """Return a fast version of `request` for a frequent route, to be called with the seconds of each request."""
        counted, timed = self._requests.labels(method, route, str(status)), self._seconds.labels(method, route)

        def note(seconds: float) -> None:
            counted.inc()
            timed.observe(seconds)

        return note

    def text(self) -> bytes:
        return generate_latest(self.registry)


class Servers(Collector):
    """The metrics from PostgreSQL and Redis. Those that cannot be read, or not in time, are left out.

    They are read at most every FRESH_S however often they are scraped, so that counting does not slow down sending.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._found: list[Metric] = []
        self._asked_s = -math.inf

    def describe(self) -> Iterable[Metric]:
        return ()  # otherwise the registry would collect once to find the names

    def collect(self) -> Iterator[Metric]:
        with self._lock:
            if time.monotonic() - self._asked_s >= FRESH_S:
                self._found = list(self._ask())
                self._asked_s = time.monotonic()
            found = self._found
        yield from found

    def _ask(self) -> Iterator[Metric]:
        up = GaugeMetricFamily("tocsin_server_up", "Whether a server answers.", labels=("server",))
        for server, ask in (("postgres", _of_postgres), ("redis", _of_redis)):
            try:
                found = list(ask())
            except (SQLAlchemyError, redis.RedisError, Unavailable):
                found = []
                up.add_metric((server,), 0)
            else:
                up.add_metric((server,), 1)
            yield from found
        yield up


def _of_postgres() -> Iterator[Metric]:
    """Run each query in a transaction of its own. One that takes too long is left out and reported as left out.

    If this process has no free connection, the remaining ones are left out: that does not mean a server is down.
    """
    left_out = GaugeMetricFamily("tocsin_metric_left_out", "1: not read, or it took too long.", labels=("metric",))
    for number, question in enumerate(_QUESTIONS):
        try:
            with transaction() as s:
                s.execute(text("SELECT set_config('statement_timeout', :most, true)"), {"most": f"{PATIENCE_MS}ms"})
                yield _gauge(s, *question)
        except OperationalError as error:
            if not isinstance(error.orig, psycopg.errors.QueryCanceled | psycopg.errors.LockNotAvailable):
                raise
            left_out.add_metric((question[0],), 1)
        except PoolTimeout:
            for name, *_ in _QUESTIONS[number:]:
                left_out.add_metric((name,), 1)
            break
    yield left_out


def _of_redis() -> Iterator[Metric]:
    length = GaugeMetricFamily("tocsin_queue_length", "Doorbells that no worker has taken.", labels=("lane",))
    for lane in Lane:
        length.add_metric((lane.value,), _as_int(tasks.redis_client().llen(lane.value)))
    yield length


def _gauge(s: Session, name: str, explained: str, labels: tuple[str, ...], question: str) -> Metric:
    """Make a gauge of a query: its last column is the number, those before it are the labels."""
    gauge = GaugeMetricFamily(name, explained, labels=labels)
    for *values, number in s.execute(text(question)):
        gauge.add_metric([str(value) for value in values], number)
    return gauge


def _as_int(answered: Any) -> int:
    return int(answered)  # redis-py's types also cover its asynchronous client


_QUESTIONS = (
    (
        "tocsin_alerts",
        "Alerts that are not final, by state.",
        ("state",),
        "SELECT state, count(*) FROM alerts WHERE state IN ('draft', 'approved', 'scheduled', 'sending', 'paused')"
        " GROUP BY state",
    ),
    (
        "tocsin_deliveries",
        "Deliveries of alerts that are sending or paused, by state.",
        ("alert", "lane", "state"),
        "SELECT a.id, a.lane, d.state, count(*) FROM alerts a JOIN deliveries d ON d.alert_id = a.id"
        " WHERE a.state IN ('sending', 'paused')"
        " GROUP BY a.id, a.lane, d.state",
    ),
    (
        "tocsin_batches",
        "Batches that are not done, by lane and state.",
        ("lane", "state"),
        "SELECT lane, state, count(*) FROM batches WHERE state <> 'done' GROUP BY lane, state",
    ),
    (
        "tocsin_receipts_to_apply",
        "Receipts that have not been applied yet.",
        (),
        "SELECT count(*) FROM receipts WHERE applied_at IS NULL",
    ),
    (
        "tocsin_alarms",
        "Unresolved alarms, by kind.",
        ("kind",),
        "SELECT kind, count(*) FROM alarms WHERE resolved_at IS NULL GROUP BY kind ORDER BY kind",
    ),
    (
        "tocsin_job_age_seconds",
        "Seconds since a timed job last succeeded.",
        ("job",),
        "SELECT name, extract(epoch FROM now() - succeeded_at) FROM jobs WHERE succeeded_at IS NOT NULL ORDER BY name",
    ),
    (
        "tocsin_heartbeat_age_seconds",
        "Seconds since the last heartbeat of a process, by kind and lane.",
        ("process", "lane"),
        "SELECT kind, coalesce(lane, ''), extract(epoch FROM now() - max(at))"
        " FROM heartbeats LEFT JOIN unnest(lanes) AS lane ON true GROUP BY kind, lane ORDER BY kind, lane",
    ),
    (
        "tocsin_sender_open",
        "1: open, 0: stopped.",
        ("sender", "provider", "channel"),
        "SELECT id, provider, channel, (status = 'open')::int FROM senders ORDER BY id",
    ),
    (
        "tocsin_sender_rate_per_second",
        "The rate limit of a sender.",
        ("sender", "provider", "channel"),
        "SELECT id, provider, channel, rate_per_s FROM senders ORDER BY id",
    ),
)
