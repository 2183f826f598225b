"""A real installation for benchmarks: its own PostgreSQL and Redis, real workers, a provider stand-in, residents."""

import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import numpy as np
import redis
import shapely
from numpy.typing import NDArray
from sqlalchemy import text

from notify import migrations
from notify.accounts import operators
from notify.alerts import lifecycle
from notify.alerts.writing import drafting
from notify.audience import live_count
from notify.core import crypto, db
from notify.core.db import transaction
from notify.core.settings import settings
from notify.delivery import senders
from notify.local import ports
from notify.local.credentials import keep
from notify.local.processes import Supervisor
from notify.local.program import Program
from notify.local.stack import start_servers
from notify.models import Alert, Lane
from notify.operations import tasks, worker
from tests.bench import people
from tests.soon import soon
from tests.waiting import until

TICKS_PER_S = os.sysconf("SC_CLK_TCK")
CHANNEL = {"sms": ("twilio", "+15555550100"), "email": ("sendgrid", "Tocsin <alerts@bench.example.org>")}
EVENTS = {
    Lane.EMERGENCY: ("storm", {"hazard": "wind"}),
    Lane.ROUTINE: ("snow", {"rule": "street"}),
}
SETTINGS = {
    "TOCSIN_SECRET_KEY": "b" * 64,
    "TOCSIN_TWILIO_ACCOUNT_SID": "ACbench",
    "TOCSIN_TWILIO_AUTH_TOKEN": "bench",
    "TOCSIN_SENDGRID_API_KEY": "bench",
    "TOCSIN_LOG_LEVEL": "WARNING",
    "TOCSIN_QUIET_HOURS": "off",  # measured at any hour
}


class Installation:
    """The steps of a benchmark: add residents and senders, send an alert, then count and measure."""

    def __init__(self, supervisor: Supervisor, env: Mapping[str, str], stand_in: str) -> None:
        self._supervisor = supervisor
        self._env = env
        self.stand_in = stand_in
        self._kinds: dict[str, str] = {"postgres": "postgres", "redis": "redis", "stand-in": "stand-in"}
        self._people = self._areas = 0
        with transaction() as s:
            operators.add(s, "author@bench.example.org", "author", datetime.now(UTC))
            operators.add(s, "approver@bench.example.org", "approver", datetime.now(UTC))

    @contextmanager
    def settings(self, **more: str) -> Iterator[None]:
        """Within the block this process, and those that it starts, have these settings besides."""
        before, self._env = self._env, {**self._env, **more}
        try:
            with environment(more):
                yield
        finally:
            self._env = before

    def start(self, name: str, *arguments: str, kind: str) -> None:
        """Start one of our processes: `start("worker-1", "worker", "--lane", "emergency", kind="workers")`."""
        self._supervisor.start(Program(name, (sys.executable, "-m", "notify.cli", *arguments), self._env))
        self._kinds[name] = kind

    def start_workers(self, lane: Lane, count: int) -> None:
        """Start workers. Return when they listen."""
        for number in range(count):
            self.start(f"worker-{lane.value}-{number}", "worker", "--lane", lane.value, kind="workers")
        with redis.Redis.from_url(self._env["TOCSIN_REDIS_URL"]) as memory:
            listening = list(self._kinds.values()).count("workers")
            until(lambda: str(memory.client_list()).count("brpop") >= listening, 60, "the workers listen")

    def settle(
        self, residents: int, channel: str, *, inside: int | None = None, newest: bool = False
    ) -> shapely.Geometry:
        """Add residents with one verified contact each, of whom `inside` live in the area that is returned.

        `newest`: those inside are the newest residents, as in a new quarter; else they are spread over all.
        """
        west = -170.0 + self._areas
        self._areas += 1
        inside = residents if inside is None else inside
        people.settle(self._people, residents, channel, west, inside, newest)
        self._people += residents
        return shapely.box(west, 40.0, west + 0.1, 40.1)

    def sender(self, channel: str, rate_per_s: float, address: str = "") -> int:
        provider, usual = CHANNEL[channel]
        with transaction() as s:
            return senders.add(s, provider, address or usual, rate_per_s, datetime.now(UTC)).id

    def approved(self, area: shapely.Geometry, channel: str, lane: Lane = Lane.EMERGENCY) -> int:
        event, blanks = EVENTS[lane]
        blanks = blanks | ({"starts": soon()} if event == "snow" else {})
        now = datetime.now(UTC)
        wanted = drafting.Draft(
            event=event,
            area=json.dumps(shapely.geometry.mapping(area)),
            area_description="Bellhaven",
            blanks=blanks,
            channels=(channel,),
            expires_at=now + timedelta(hours=2),
            confirmed=("outside-city", "whole-city"),
        )
        with transaction() as s:
            alert = drafting.draft(s, wanted, operators.find(s, "author@bench.example.org"), now, settings())
            lifecycle.approve(s, alert.id, operators.find(s, "approver@bench.example.org"), now, settings())
        return alert.id

    def launch(self, alert_id: int) -> float:
        """Launch by the same two steps as the command. Return the time before the first (`time.monotonic()`)."""
        began = time.monotonic()
        tasks.ring_alert(self.begin(alert_id))
        return began

    def begin(self, alert_id: int) -> Alert:
        """Do only the first step of a launch, without waking a worker."""
        with transaction() as s:
            return lifecycle.launch(s, alert_id, operators.find(s, "approver@bench.example.org"), datetime.now(UTC))

    def until_sent(self, alert_id: int, within_s: float) -> None:
        """Wait until every batch of the alert is done. Deliveries are not counted, because that is slow."""

        def done() -> bool:
            with transaction() as s:
                return bool(s.execute(text(DONE), {"alert": alert_id}).scalar_one())

        until(done, within_s, f"alert {alert_id} is sent")

    def states(self, alert_id: int) -> dict[str, int]:
        with transaction() as s:
            return {
                row.state: row.count
                for row in s.execute(
                    text("SELECT state::text, count(*) FROM deliveries WHERE alert_id = :a GROUP BY state"),
                    {"a": alert_id},
                )
            }

    def ask(self, question: str) -> bytes:
        with urllib.request.urlopen(f"{self.stand_in}/_stand_in/{question}", timeout=30) as answer:
            told: bytes = answer.read()
        return told

    def arrivals(self) -> NDArray[np.float64]:
        """Return (time, delivery id) of everything that the stand-in received, in order of arrival: shape (n, 2)."""
        return np.frombuffer(self.ask("arrivals"), dtype="<f8").reshape(-1, 2)

    def cpu_s(self) -> dict[str, float]:
        """Return the CPU seconds used so far, by kind of process, children included."""
        used = dict.fromkeys(self._kinds.values(), 0.0)
        for name, pid in self._supervisor.pids().items():
            if name in self._kinds:
                used[self._kinds[name]] += sum(_cpu_s(p) for p in _family(pid)) + _cpu_s(pid, of_the_dead=True)
        return used

    def memory_mb(self) -> dict[str, int]:
        """Return the resident memory of each process, without PostgreSQL's children, which share its buffers."""
        return {n: _resident_mb(p) for n, p in self._supervisor.pids().items() if n in self._kinds}

    @contextmanager
    def measured(self) -> Iterator[dict[str, float]]:
        """Yield a dictionary that gets the CPU seconds of the block, by kind of process, when it ends."""
        before, used = self.cpu_s(), dict[str, float]()
        yield used
        used |= {kind: s - before.get(kind, 0.0) for kind, s in self.cpu_s().items()}


DONE = """
    SELECT a.fanout_done_at IS NOT NULL AND NOT EXISTS
           (SELECT FROM batches b WHERE b.alert_id = a.id AND b.state <> 'done') FROM alerts a WHERE a.id = :alert
"""


@contextmanager
def installation(*, latency_ms: float = 0.0, **more: str) -> Iterator[Installation]:
    """Run servers and the stand-in; a benchmark adds workers and residents. `more`: settings, as in the environment."""
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder)
        supervisor = Supervisor(data / "logs")
        try:
            credentials = keep(data)
            port = ports.free()
            stand_in = f"http://{ports.HOST}:{port}"
            urls = {f"TOCSIN_{provider}_BASE_URL": stand_in for provider in ("TWILIO", "SENDGRID")}
            ours = SETTINGS | urls | start_servers(data, supervisor, credentials, {}) | more
            env = {"PATH": os.environ["PATH"], "PYTHONPATH": os.environ.get("PYTHONPATH", ""), **ours}
            command = (sys.executable, "-m", "tests.bench.stand_in", str(port), str(latency_ms))
            supervisor.start(Program("stand-in", command, env, ready=lambda: not ports.is_free(port)))
            with environment(ours):
                migrations.upgrade()
                yield Installation(supervisor, env, stand_in)
        finally:
            supervisor.stop()


@contextmanager
def environment(ours: Mapping[str, str]) -> Iterator[None]:
    """Use these settings in this process within the block."""
    before = dict(os.environ)
    os.environ.update(ours)
    _forget()
    try:
        yield
    finally:
        _forget()
        os.environ.clear()
        os.environ.update(before)


def _forget() -> None:
    """Drop everything that this process has cached of an installation."""
    if client := tasks.redis_client.forget():
        client.close()
    db.forget_engine()
    crypto.forget_keys()
    live_count.forget()
    for remembered in (worker.app, tasks.app, tasks.throttle):
        remembered.forget()
    settings.cache_clear()


def bare(url: str, content_type: str, bodies: Sequence[str], at_once: int = 200) -> dict[str, float]:
    """Run the baseline in a process of its own. Return seconds, cpu_s and count."""
    command = [sys.executable, "-m", "tests.bench.bare", url, content_type, str(at_once)]
    given = "".join(f"{json.dumps(body)}\n" for body in bodies)
    done = subprocess.run(command, input=given, capture_output=True, text=True, check=True, timeout=300)
    told: dict[str, float] = json.loads(done.stdout)
    return told


def fullest_second(moments: NDArray[np.float64]) -> int:
    """Return the most arrivals in any window of one second."""
    moments = np.sort(moments)
    return int((np.searchsorted(moments, moments + 1.0, side="left") - np.arange(moments.size)).max(initial=0))


def longest_gap_s(moments: Sequence[float]) -> float:
    return max((b - a for a, b in pairwise(sorted(moments))), default=0.0)


def _family(pid: int) -> list[int]:
    """Return a process and its children; PostgreSQL has some."""
    children = Path(f"/proc/{pid}/task/{pid}/children")
    try:
        return [pid, *map(int, children.read_text().split())]
    except OSError:
        return [pid]


def _cpu_s(pid: int, *, of_the_dead: bool = False) -> float:
    """Return user and system time of a process, or of its children that have ended. See proc(5)."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    first = 13 if of_the_dead else 11
    return (int(fields[first]) + int(fields[first + 1])) / TICKS_PER_S


def _resident_mb(pid: int) -> int:
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    return int(status.partition("VmRSS:")[2].split()[0]) // 1024
