"""`make bench`: how fast the parts are, each beside a baseline of the same run. Machines are noisy: read the ratios."""

import argparse
import io
import json
import os
import platform
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import redis
import shapely
from rich.console import Console
from rich.table import Table
from sqlalchemy import text

from notify import alerts, logs, migrations, operators, subscribers, training
from notify.db import raw, transaction
from notify.limits import Allowance, Throttle
from notify.local.stack import servers
from notify.models import Lane
from notify.pipeline import fanout
from notify.settings import settings
from zones.city import TrainingCity
from zones.geometry import circle
from zones.membership import Membership


@dataclass(frozen=True)
class Figure:
    """`seconds` of ours and of the baseline, for the same `amount` of things."""

    name: str
    amount: int
    seconds: float
    baseline: str
    baseline_seconds: float

    @property
    def ratio(self) -> float:
        return self.seconds / self.baseline_seconds


def main() -> None:
    options = argparse.ArgumentParser(prog="python -m tests.bench")
    options.add_argument("--json", metavar="FILE", type=Path, help="write the figures there, too")
    given = options.parse_args()
    logs.configure("WARNING", "text")
    figures = [*membership()]
    with _city_servers():
        figures += [importing(), fan_out(), throttle()]
    _show(figures)
    if given.json:
        document = {"machine": platform.machine(), "cores": os.cpu_count(), "python": platform.python_version()}
        given.json.write_text(json.dumps(document | {"figures": [asdict(f) for f in figures]}, indent=2))


def membership() -> Iterator[Figure]:
    """A million points and a polygon of 500 and of 50,000 vertices; baseline: shapely without our grid."""
    rng = np.random.default_rng(1)
    lon, lat = rng.uniform(-0.1, 0.1, 1_000_000), rng.uniform(-0.1, 0.1, 1_000_000)
    for vertices in (500, 50_000):
        area = circle(0, 0, 8_000)
        area = shapely.segmentize(area, area.length / vertices)
        ours = _seconds(lambda area=area: Membership(area).inside(lon, lat))
        bare = _seconds(lambda area=area: shapely.intersects_xy(area, lon, lat))
        yield Figure(f"membership, {vertices:,} vertices", lon.size, ours, "shapely.intersects_xy", bare)


def importing(residents: int = 40_000) -> Figure:
    """Subscribers from CSV, sealed and indexed; baseline: COPY of the same lines into a table of text."""
    lines = list(training.csv_lines(TrainingCity(), residents))
    ours = _seconds(lambda: subscribers.import_csv(lines, datetime.now(UTC)))

    def bare() -> None:
        with transaction() as s:
            s.execute(text("CREATE TEMP TABLE lines (line text)"))
            with raw(s).cursor() as cursor, cursor.copy("COPY lines FROM STDIN") as copy:
                for line in lines:
                    copy.write_row((line,))

    return Figure("import of subscribers", len(lines), ours, "COPY of the lines as text", _seconds(bare))


def fan_out() -> Figure:
    """From launch to the last delivery row, the whole city; baseline: COPY of as many rows with the same columns."""
    now = datetime.now(UTC)
    with transaction() as s:
        author = operators.add(s, "author@bench.example.org", "author", now)
        approver = operators.add(s, "approver@bench.example.org", "approver", now)
        training.add_senders(s, now)
        west, south, east, north = TrainingCity().bounds
        wanted = alerts.Draft(
            event="storm",
            area=json.dumps(shapely.geometry.mapping(shapely.box(west, south, east, north))),
            area_description="Bellhaven",
            blanks={"hazard": "wind"},
            channels=("sms", "email"),
            expires_at=now + timedelta(hours=1),
        )
        alert = alerts.draft(s, wanted, author, now, settings())
        alerts.approve(s, alert.id, approver, now, settings())
        alerts.launch(s, alert.id, approver, now)
    ours = _seconds(lambda: [None for _ in fanout.resolve(alert.id, now)])
    with transaction() as s:
        rows = s.execute(text("SELECT alert_id, contact_id, batch_id, state, reason FROM deliveries")).all()

    def bare() -> None:
        with transaction() as s:
            s.execute(text("CREATE TEMP TABLE bare (LIKE deliveries INCLUDING ALL)"))
            with (
                raw(s).cursor() as cursor,
                cursor.copy("COPY bare (alert_id, contact_id, batch_id, state, reason) FROM STDIN") as copy,
            ):
                for row in rows:
                    copy.write_row(tuple(row))

    return Figure("audience and fan-out", len(rows), ours, "COPY of the rows", _seconds(bare))


def throttle(takes: int = 5_000) -> Figure:
    """Grants of one token at an endless rate; baseline: PING."""
    client = redis.Redis.from_url(settings().require_redis())
    ours = Throttle(client)
    allowance = Allowance(1, 100_000, None)

    def take() -> None:
        now = datetime.now(UTC)
        for _ in range(takes):
            ours.take(allowance, 1, Lane.ROUTINE, now=now)

    def ping() -> None:
        for _ in range(takes):
            client.ping()

    return Figure("throttle", takes, _seconds(take), "redis PING", _seconds(ping))


@contextmanager
def _city_servers() -> Iterator[None]:
    with tempfile.TemporaryDirectory() as folder, servers(Path(folder) / "data") as urls:
        credentials = ("TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN", "SENDGRID_API_KEY")
        os.environ.update(urls | {f"TOCSIN_{name}": "bench" for name in credentials} | {"TOCSIN_SECRET_KEY": "b" * 64})
        settings.cache_clear()
        migrations.upgrade()
        yield


def _seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _show(figures: list[Figure]) -> None:
    table = Table(title=f"{os.cpu_count()} cores, Python {platform.python_version()}", title_justify="left")
    for column in ("what", "things", "seconds", "things/s", "baseline", "seconds", "ratio"):
        table.add_column(column, justify="left" if column in ("what", "baseline") else "right")
    for f in figures:
        table.add_row(
            f.name,
            f"{f.amount:,}",
            f"{f.seconds:.2f}",
            f"{f.amount / f.seconds:,.0f}",
            f.baseline,
            f"{f.baseline_seconds:.2f}",
            f"{f.ratio:.1f}",
        )
    Console(file=io.TextIOWrapper(os.fdopen(1, "wb", closefd=False), write_through=True), width=120).print(table)


if __name__ == "__main__":
    main()
