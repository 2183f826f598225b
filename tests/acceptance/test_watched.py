"""Processes that are missing are told of by those that are there."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from tests.waiting import until

# So long is nobody missed (45 s), a look or a beat and a write of the jobs' rows come every 10 s, and processes start.
NOTICED_S = 240  # on a busy machine


@contextmanager
def process(log: Path, *arguments: str) -> Iterator[None]:
    with log.open("w") as file:
        started = subprocess.Popen([sys.executable, "-m", "notify.cli", *arguments], env=dict(os.environ),
                                   stdout=file, stderr=file)  # fmt: skip
    try:
        yield
        assert started.poll() is None, log.read_text()
    finally:
        started.terminate()
        started.wait(60)


def ringing(url: str) -> set[str]:
    with psycopg.connect(url) as connection:
        return {kind for (kind,) in connection.execute("SELECT kind FROM alarms WHERE resolved_at IS NULL")}


@pytest.mark.long
@pytest.mark.timeout(1200)
@pytest.mark.usefixtures("redis")
def test_no_worker_and_no_scheduler_ring_and_are_over_when_there_is_one(own_database: str, tmp_path: Path) -> None:
    def until_rings(*kinds: str) -> None:
        until(lambda: ringing(own_database) == set(kinds), NOTICED_S, f"what rings is {kinds or 'nothing'}")

    with process(tmp_path / "routine", "worker", "--lane", "routine"):
        with process(tmp_path / "scheduler", "scheduler"):
            until_rings("no-worker-emergency")
            with process(tmp_path / "emergency", "worker", "--lane", "emergency"):
                until_rings()
        until_rings("no-scheduler")
        with process(tmp_path / "another", "scheduler"):
            until_rings()
