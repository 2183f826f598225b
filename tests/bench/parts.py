"""`importing` and `asking`: parts of the pipeline before sending, each with a baseline."""

import json
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import redis
import shapely
from sqlalchemy import text

from notify import migrations, subscribers, training
from notify.accounts import operators
from notify.alerts import lifecycle
from notify.alerts.writing import drafting
from notify.core.db import raw, transaction
from notify.core.settings import settings
from notify.delivery import fanout
from notify.delivery.throttle import Allowance, Throttle
from notify.local.stack import servers
from notify.models import Lane
from notify.training.city import TrainingCity
from tests.bench.figures import Figure
from tests.bench.installation import SETTINGS, environment
from tests.bench.size import Size

RESIDENTS = {Size.SMOKE: 500, Size.USUAL: 40_000, Size.FULL: 40_000}
TAKES = {Size.SMOKE: 100, Size.USUAL: 5_000, Size.FULL: 5_000}


def asking(size: Size) -> Iterator[Figure]:
    """Grants of one token at an unlimited rate. Baseline: PING."""
    takes = TAKES[size]
    with fresh_servers(), redis.Redis.from_url(settings().require_redis()) as client:
        ours = Throttle(client)
        now = datetime.now(UTC)
        took = seconds(lambda: [ours.take(Allowance(1, 100_000, None), 1, Lane.ROUTINE, now=now) for _ in range(takes)])
        bare = seconds(lambda: [client.ping() for _ in range(takes)])
        yield figure("asking the throttle", takes, took, "redis PING", bare)


def importing(size: Size) -> Iterator[Figure]:
    """Import residents, and fan an alert out to deliveries."""
    with fresh_servers():
        yield _import(RESIDENTS[size])
        yield _fan_out()


def _import(count: int) -> Figure:
    """Import subscribers from CSV, sealed and indexed. Baseline: COPY of the same lines into a table of text."""
    lines = list(training.csv_lines(TrainingCity(), count))
    took = seconds(lambda: subscribers.import_csv(lines, datetime.now(UTC)))
    table = "CREATE TEMP TABLE lines (line text)"
    bare = seconds(lambda: copy(table, "lines", [(line,) for line in lines]))
    return figure("residents: import", len(lines), took, "COPY of the lines", bare)


def _fan_out() -> Figure:
    """From launch to the last delivery row, for the whole city. Baseline: COPY of as many rows of the same columns."""
    now = datetime.now(UTC)
    alert = _launched(now)
    took = seconds(lambda: list(fanout.resolve(alert, now)))
    columns = "alert_id, contact_id, batch_id, state, reason"
    with transaction() as s:
        rows = [tuple(row) for row in s.execute(text(f"SELECT {columns} FROM deliveries"))]
    table = "CREATE TEMP TABLE bare (LIKE deliveries INCLUDING ALL)"
    bare = seconds(lambda: copy(table, f"bare ({columns})", rows))
    return figure("residents: fan-out to deliveries", len(rows), took, "COPY of the rows", bare)


def _launched(now: datetime) -> int:
    with transaction() as s:
        author = operators.add(s, "author@bench.example.org", "author", now)
        approver = operators.add(s, "approver@bench.example.org", "approver", now)
        training.add_senders(s, now)
        wanted = drafting.Draft(
            event="storm",
            area=json.dumps(shapely.geometry.mapping(shapely.box(*TrainingCity().bounds))),
            area_description="Bellhaven",
            blanks={"hazard": "wind"},
            channels=("sms", "email"),
            expires_at=now + timedelta(hours=1),
        )
        alert = drafting.draft(s, wanted, author, now, settings())
        lifecycle.approve(s, alert.id, approver, now, settings())
        lifecycle.launch(s, alert.id, approver, now)
    return alert.id


def copy(table: str, into: str, rows: Sequence[tuple[object, ...]]) -> None:
    with transaction() as s:
        s.execute(text(table))
        with raw(s).cursor() as cursor, cursor.copy(f"COPY {into} FROM STDIN") as copy:
            for row in rows:
                copy.write_row(row)


@contextmanager
def fresh_servers() -> Iterator[None]:
    with (
        tempfile.TemporaryDirectory() as folder,
        servers(Path(folder) / "data") as urls,
        environment(SETTINGS | urls),
    ):
        migrations.upgrade()
        yield


def figure(name: str, amount: int, seconds: float, baseline: str, baseline_seconds: float) -> Figure:
    return Figure(name, amount, seconds, baseline=baseline, baseline_amount=amount, baseline_seconds=baseline_seconds)


def seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began
