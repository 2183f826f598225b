"""Every process of a stack dies in mid-send, at a random moment: nobody is missed, nobody is written to twice."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import redis

from notify.core import db
from notify.core.settings import settings
from tests.acceptance.city import SILENT, Block, City
from tests.waiting import until

pytestmark = pytest.mark.long

SEEDS, MORE_SEEDS = range(5), range(5, 20)  # of moments
WORKERS = ("worker-emergency", "worker-1")


def under_way(city: City, block: Block, some: int = 20) -> None:
    until(lambda: len(city.texts(block.phones)) >= some, 60, "messages are going out")


def by_two_channels(city: City, **behaviour: Any) -> tuple[Block, int]:
    """An alert in mid-send by text and email, to providers that behave like this."""
    block = city.block(phones=200, emails=60)
    city.behave(twilio=behaviour, sendgrid=behaviour)
    city.rate("sms", 50)
    city.rate("email", 20)
    alert = city.launch(city.approved(block.zone, channels=("sms", "email")))
    under_way(city, block)
    return block, alert


def moment(chance: random.Random, within_s: float) -> None:
    """Let a random part of this time go by."""
    at = time.monotonic() + chance.uniform(0, within_s)
    until(lambda: time.monotonic() >= at, within_s + 1, "the moment has come")


@pytest.mark.parametrize("seeds", [SEEDS, MORE_SEEDS])
def test_a_worker_killed_at_any_moment_loses_nobody_and_doubles_nobody(seeds: range, city: City) -> None:
    city.behave(twilio={"latency_ms": 60})
    city.rate("sms", 60)
    sent = []
    for seed in seeds:
        block = city.block(phones=30)
        alert = city.launch(city.approved(block.zone))
        moment(random.Random(seed), 1.5)
        city.stack.kill("worker-emergency")
        city.stack.restart("worker-emergency")  # the supervisor would wait longer each time
        sent.append((block, alert))
    for block, alert in sent:
        city.reached_once(block, city.until_over(alert, 120))


def test_all_workers_killed(city: City) -> None:
    block = city.block(phones=120)
    city.behave(twilio={"latency_ms": 60})
    city.rate("sms", 60)
    alert = city.launch(city.approved(block.zone))
    under_way(city, block)
    for worker in WORKERS:
        city.stack.kill(worker)
    city.reached_once(block, city.until_over(alert, 120))


def test_redis_killed_and_restarted_empty(city: City) -> None:
    block, alert = by_two_channels(city)
    with redis.Redis.from_url(settings().require_redis()) as memory:
        memory.set("remembered", 1)
        before = city.stack.pid("redis")
        city.stack.kill("redis")
        city.until_back("redis", before)
        city.reached_once(block, city.until_over(alert, 120))
        assert not memory.exists("remembered"), "it came back empty"


@pytest.mark.parametrize("seconds", [pytest.param(2, marks=[pytest.mark.timed]), 5])
def test_postgresql_stopped_for_some_seconds(city: City, seconds: int) -> None:
    """For less than what is left of every lease, so that all are kept; and for longer than any lasts."""
    block, alert = by_two_channels(city, **SILENT)
    with stopped(city.stack.pid("postgres")):
        began = time.monotonic()
        until(lambda: time.monotonic() > began + seconds, 60, "some seconds")
        out = city.texts(block.phones)
    progress = city.until_over(alert, 120)
    assert not city.asked_about(out), "what the provider answered is known"
    city.reached_once(block, progress)
    if seconds == 2:
        assert not taken_back(city, alert)


def test_postgresql_killed(city: City) -> None:
    """The provider's answers that were on their way are kept until it is back: nobody has to be asked."""
    block, alert = by_two_channels(city, **SILENT)
    before = city.stack.pid("postgres")
    city.stack.kill("postgres")
    city.until_back("postgres", before)
    until(lambda: answers(city), 60, "PostgreSQL answers again")
    out = city.texts(block.phones)
    progress = city.until_over(alert, 120)
    assert not city.asked_about(out), "what the provider answered is known"
    city.reached_once(block, progress)


def test_the_scheduler_killed(city: City) -> None:
    block = city.block(phones=100)
    city.rate("sms", 50)
    before = city.stack.pid("scheduler")
    city.stack.kill("scheduler")
    alert = city.launch(city.approved(block.zone))
    city.until_back("scheduler", before)
    city.reached_once(block, city.until_over(alert, 60))


def test_two_schedulers_at_once_and_the_leader_killed(city: City, tmp_path: Path) -> None:
    block, other = city.block(phones=60), city.block(phones=60)
    city.rate("sms", 60)
    with another(city, tmp_path / "scheduler.log", "scheduler"):
        alert = city.launch(city.approved(block.zone))
        under_way(city, block, 10)
        city.stack.kill("scheduler")  # the other one leads now
        second = city.launch(city.approved(other.zone))
        city.reached_once(block, city.until_over(alert, 60))
        city.reached_once(other, city.until_over(second, 60))


def answers(city: City) -> bool:
    try:
        return bool(city.sql("SELECT 1"))
    except db.AWAY:
        return False


def taken_back(city: City, alert: int) -> set[int]:
    """The batches of an alert whose lease ran out."""
    lines = [json.loads(line) for log in city.logs().values() for line in log.splitlines() if "lease_expired" in line]
    batches = {row.id for row in city.sql("SELECT id FROM batches WHERE alert_id = :a", a=alert)}
    return batches & {line["batch"] for line in lines}


@contextmanager
def stopped(postmaster: int | None) -> Iterator[None]:
    """A server and its children get no CPU: connections stand, and nothing answers."""
    assert postmaster is not None
    children = Path(f"/proc/{postmaster}/task/{postmaster}/children").read_text().split()
    family = [postmaster, *map(int, children)]
    for pid in family:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in family:
            os.kill(pid, signal.SIGCONT)


@contextmanager
def another(city: City, log: Path, *arguments: str) -> Iterator[None]:
    """One more process of ours on the same servers."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("TOCSIN_")} | city.stack.settings
    with log.open("w") as file:
        process = subprocess.Popen([sys.executable, "-m", "notify.cli", *arguments], env=env, stdout=file, stderr=file)
    try:
        assert process.poll() is None
        yield
        assert process.poll() is None, log.read_text()
    finally:
        process.terminate()
        process.wait(60)


@pytest.fixture(autouse=True)
def _all_up(city: City) -> Iterator[None]:
    """The next test finds every process in its place."""
    yield
    for name in ("postgres", "redis", "scheduler", *WORKERS):
        city.until_back(name, None)
