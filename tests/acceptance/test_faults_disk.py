"""The disk of the embedded PostgreSQL is full in mid-send: people are told, nothing is lost, doubled or corrupted."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, NoReturn

import pytest
from sqlalchemy import text

from notify.core import db
from notify.local.stack import Stack
from tests.acceptance.city import COLUMNS, CONSENT, City
from tests.acceptance.conftest import SETTINGS, forget
from tests.owner import owning
from tests.waiting import until

DISK_MB = 500


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A small disk of its own."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK_MB}m,mode=755", "tmpfs", str(place)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("A disk can be mounted by root only.")
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=True)


@pytest.mark.long
def test_a_full_disk_is_told_and_survived(disk: Path) -> None:
    with stack_on(disk / "data") as stack:
        city = City(stack)
        block = city.block(phones=150)
        city.rate("sms", 30)
        alert = city.launch(city.approved(block.zone))
        until(lambda: len(city.texts(block.phones)) >= 20, 60, "messages are going out")
        with full(disk):
            until(lambda: "disk of the database is full" in imported(city, disk.parent), 60, "people are told")
        until(lambda: answers(city), 90, "PostgreSQL answers again")
        city.reached_once(block, city.until_over(alert, 120))
        counted = counts(city)
        stack.restart("postgres")
        until(lambda: answers(city), 60, "PostgreSQL answers again")
        assert counts(city) == counted
        assert sound(city)


@contextmanager
def stack_on(data: Path) -> Iterator[Stack]:
    """A stack, and this process among its own; not on the servers that the other tests share."""
    with pytest.MonkeyPatch.context() as environment:
        for name in list(os.environ):
            if name.startswith("TOCSIN_"):
                environment.delenv(name)
        for name, value in SETTINGS.items():
            environment.setenv(name, value)
        with Stack(data, port=0, workers=1, demo=True) as stack:
            for name, value in stack.settings.items():
                environment.setenv(name, value)
            forget()
            try:
                yield stack
            finally:
                forget()


def imported(city: City, folder: Path) -> str:
    """What the command says when a file of many residents is imported."""
    file = folder / "many.csv"
    rows = (f",newcomer{n}@example.org,en,storm,1.0,1.0,,home,{CONSENT}\n" for n in range(20_000))
    file.write_text("".join((f"{COLUMNS}\n", *rows)))
    done = city.run("subscribers", "import", str(file), "--outside", "keep")
    assert done.returncode == 2, done.stdout
    assert "Traceback" not in done.stderr
    return " ".join(done.stderr.split())


@contextmanager
def full(disk: Path) -> Iterator[None]:
    """Not a page is left on it."""
    ballast = disk / "ballast"
    with ballast.open("wb", buffering=0) as file:
        for size in (2**20, 2**12):
            with pytest.raises(OSError, match="No space"):
                endless(file, b"\0" * size)
    try:
        yield
    finally:
        ballast.unlink()


def endless(file: IO[bytes], block: bytes) -> NoReturn:
    while True:
        file.write(block)


def answers(city: City) -> bool:
    try:
        return bool(city.sql("SELECT 1"))
    except db.AWAY:
        return False


def counts(city: City) -> list[int]:
    return [city.sql(f"SELECT count(*) AS n FROM {table}")[0].n for table in ("deliveries", "contacts", "audit")]


def sound(city: City) -> bool:
    """PostgreSQL's own check of every index against its table."""
    with owning() as s:
        s.execute(text("CREATE EXTENSION IF NOT EXISTS amcheck"))
        checked = s.execute(
            text("""
                SELECT bt_index_check(c.oid, true) FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
                  JOIN pg_am m ON m.oid = c.relam JOIN pg_namespace n ON n.oid = c.relnamespace
                 WHERE m.amname = 'btree' AND n.nspname = 'public' AND c.relpersistence = 'p' AND i.indisvalid""")
        ).all()
    return len(checked) > 10
