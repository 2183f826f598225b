"""`residents`: what is read and written about residents in a city of a million: pages, commands, timed jobs, and the
release of what quiet hours held."""

import os
import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from importlib import import_module
from statistics import median

import numpy as np
import shapely
from sqlalchemy import event, text

from api.resident import session
from notify.accounts import operators
from notify.cli.acting import KEY
from notify.core.db import engine, transaction
from notify.core.settings import settings
from notify.delivery import fanout, taken_back
from notify.models import Lane
from notify.operations.plan import JOBS, Every
from notify.subscribers import serving
from tests.bench import million
from tests.bench.door import Door
from tests.bench.figures import Figure, Goal
from tests.bench.installation import Installation, environment, installation
from tests.bench.million import Million
from tests.bench.people import phone
from tests.bench.size import Size
from tests.owner import owning

CITY = {Size.SMOKE: 3_000, Size.USUAL: 1_000_000, Size.FULL: 1_000_000}
PAST = {Size.SMOKE: 50, Size.USUAL: 5_000, Size.FULL: 5_000}  # alerts
ASKED = {Size.SMOKE: 3, Size.USUAL: 40, Size.FULL: 200}  # times that each page is loaded
URGENT = {Size.SMOKE: 200, Size.USUAL: 5_000, Size.FULL: 5_000}  # residents of an emergency during the release
MOST_PAGE_S, MOST_IDLE_S, MOST_RELEASE_S, SLOWER_MOST = 0.15, 0.02, 120.0, 1.5
LOOKED = 20  # runs of an idle job


def residents(size: Size) -> Iterator[Figure]:
    """Pages, commands and jobs of a city of a million, one after another; the release of held messages comes last."""
    with installation() as city:
        city.sender("sms", 100_000.0)
        there = million.build(city, CITY[size], PAST[size])
        door = Door(city)
        before_mb = city.memory_mb()["api"]
        yield from _pages(door, there, ASKED[size])
        yield from _commands(there)
        yield from _jobs()
        yield _memory(city, before_mb)
        yield _taken_back(city, there)
        yield from _release(city, there, URGENT[size])


def _pages(door: Door, there: Million, asked: int) -> Iterator[Figure]:
    """Pages of operators, and of residents who differ each time. The first one of a page fills caches, as after a
    restart."""
    chance = random.Random(1)

    def own(path: str) -> float:
        resident = there.first + chance.randrange(there.residents)
        token = session.token(session.Resident(resident, _contact(resident)), datetime.now(UTC))
        return door.load(path, {"Cookie": f"{session.name()}={token}"})

    pages: dict[str, Callable[[], float]] = {
        "coverage": lambda: door.load("/console/coverage"),
        "load": lambda: door.load("/console/load"),
        "load, who would get their fifth": lambda: door.load(f"/console/load?alert={there.fifth}"),
        "place checks": lambda: door.load("/console/place-checks"),
        "me": lambda: own("/me"),
        "my data": lambda: own("/me/data"),
        "my data as a file": lambda: own("/me/data.json"),
    }
    for name, load in pages.items():
        first_s = load()
        took_s = [load() for _ in range(asked)]
        p95 = float(np.quantile(took_s, 0.95))
        notes = {
            "first, s": round(first_s, 3),
            "median, s": round(median(took_s), 4),
            "slowest, s": round(max(took_s), 4),
        }
        yield Figure(f"page {name}", asked, sum(took_s), goals=(Goal("p95, s", p95, MOST_PAGE_S),), notes=notes)


def _contact(resident: int) -> int:
    with transaction() as s:
        found: int = s.execute(text("SELECT id FROM contacts WHERE subscriber_id = :id"), {"id": resident}).scalar_one()
    return found


def _commands(there: Million) -> Iterator[Figure]:
    """Commands as people start them, and what a lookup takes within one."""
    known = phone(there.first + 5)
    with transaction() as s:
        admin = operators.find(s, "admin@bench.example.org")
        env = {**os.environ, KEY: operators.add_key(s, "bench", datetime.now(UTC), admin)}
    for name, words, given in (
        ("coverage show", ("coverage", "show", "--json"), ""),
        ("subscribers ledger", ("subscribers", "ledger", "--json"), known),
        ("subscribers unreachable", ("subscribers", "unreachable"), ""),
        ("residents find", ("residents", "find", "-", "--json"), known),
    ):
        began = time.perf_counter()
        done = subprocess.run(
            (sys.executable, "-m", "notify.cli", *words),
            input=given,
            capture_output=True,
            text=True,
            check=True,
            timeout=300,
            env=env,
        )
        took_s = time.perf_counter() - began
        yield Figure(f"tocsin {name}", 1, took_s, notes={"characters": len(done.stdout)})
    took = []
    for n in range(100):
        began = time.perf_counter()
        with transaction() as s:
            found = serving.find(s, phone(there.first + n * there.residents // 100), datetime.now(UTC), admin)
        took.append(time.perf_counter() - began)
        assert found.resident is not None
    p95 = float(np.quantile(took, 0.95))
    yield Figure("find a resident", len(took), sum(took), goals=(Goal("p95, s", p95, MOST_PAGE_S),))


def _jobs() -> Iterator[Figure]:
    """Timed jobs: a first run, which does what is due, and those that run each second or two when nothing is."""
    for job in JOBS:
        run = import_module(f"notify.operations.jobs.{job.name}").run
        first = _timed(run)
        often = isinstance(job.when, Every) and job.when.seconds <= 2
        idle = [_timed(run) for _ in range(LOOKED if often else 1)]
        idle_s = median(one[1] for one in idle)
        yield Figure(
            f"job {job.name}, {job.when}", len(idle), sum(one[0] for one in idle),
            goals=(Goal("in PostgreSQL when idle, s", idle_s, MOST_IDLE_S),) if often else (),
            notes={"first run, s": round(first[0], 3), "in PostgreSQL, s": round(first[1], 3)},
        )  # fmt: skip


def _timed(run: Callable[[], None]) -> tuple[float, float]:
    """Return the seconds that a job took, and how many of them it waited for PostgreSQL."""
    spent: list[float] = []

    def before(*_: object) -> None:
        spent.append(-time.perf_counter())

    def after(*_: object) -> None:
        spent[-1] += time.perf_counter()

    event.listen(engine(), "before_cursor_execute", before)
    event.listen(engine(), "after_cursor_execute", after)
    try:
        began = time.perf_counter()
        run()
        return time.perf_counter() - began, sum(spent)
    finally:
        event.remove(engine(), "before_cursor_execute", before)
        event.remove(engine(), "after_cursor_execute", after)


def _memory(city: Installation, before_mb: int) -> Figure:
    now_mb = city.memory_mb()["api"]
    notes = {"when it had started, MB": before_mb, "after all pages, MB": now_mb}
    return Figure("memory of the API process", 1, 1.0, notes=notes)


def _release(city: Installation, there: Million, urgent: int) -> Iterator[Figure]:
    """The end of quiet hours: from the moment when everything held is due until all of it is queued. An emergency is
    sent before and meanwhile, to the same number of residents."""
    few = city.settle(urgent, "sms")
    city.start_workers(Lane.EMERGENCY, 1)
    city.start("scheduler", "scheduler", kind="scheduler")
    alone_s = [_sent_s(city, few) for _ in range(3)][1:]  # the first one warms connections and caches
    _alert, held = _hold(city, there)
    with city.measured() as cpu_s:
        with owning() as s:
            s.execute(text("UPDATE batches SET held_until = now() WHERE state = 'held'"))
        began = time.monotonic()
        meanwhile_s = [_sent_s(city, few)]
        while _is_held():
            meanwhile_s.append(_sent_s(city, few))
        took_s = time.monotonic() - began
    ratio = median(meanwhile_s) / median(alone_s)
    yield Figure(
        "release of what was held", held, took_s, cpu_s, "an emergency's time without", 1, median(alone_s),
        goals=(
            Goal("all queued after s", took_s, MOST_RELEASE_S),
            Goal("an emergency, meanwhile / alone", ratio, SLOWER_MOST),
        ),
        notes={
            "emergencies alone, s": _rounded(alone_s), "meanwhile, s": _rounded(meanwhile_s),
            "memory, MB": city.memory_mb(),
        },
    )  # fmt: skip


def _taken_back(city: Installation, there: Million) -> Figure:
    """New calendars make a notice untrue in the western half of the city while quiet hours hold all of it. The other
    half is taken back as well, so that nothing is left to be released."""
    alert, held = _hold(city, there)
    west, south, east, north = there.area.bounds
    middle = (west + east) / 2
    halves = [
        there.area.intersection(shapely.box(*box))
        for box in ((west, south, middle, north), (middle, south, east, north))
    ]
    with city.measured() as cpu_s:
        began = time.monotonic()
        taken = taken_back.take_back(alert, halves[0], halves[1], "days-changed", datetime.now(UTC))
        took_s = time.monotonic() - began
    taken_back.take_back(alert, halves[1], halves[0], "days-changed", datetime.now(UTC))
    notes = {"held": held, "residents in one transaction": taken_back.AT_ONCE}
    return Figure("half of what is held is stopped", taken.messages, took_s, cpu_s, notes=notes)


def _hold(city: Installation, there: Million) -> tuple[int, int]:
    """Launch a routine alert in quiet hours, so that all of it is held. Return it, and how many messages that are."""
    zone = settings().tz
    now = datetime.now(UTC)
    night = (f"{at.astimezone(zone):%H:%M}" for at in (now - timedelta(hours=1), now + timedelta(minutes=20)))
    with environment({"TOCSIN_QUIET_HOURS": "-".join(night)}):
        alert = city.approved(there.area, "sms", Lane.ROUTINE)
        city.begin(alert)
        for _batches in fanout.resolve(alert, now):
            pass
    return alert, city.states(alert)["held"]


def _is_held() -> bool:
    with transaction() as s:
        return bool(s.execute(text("SELECT EXISTS (SELECT FROM batches WHERE state = 'held')")).scalar_one())


def _sent_s(city: Installation, area: object) -> float:
    alert = city.approved(area, "sms")
    began = city.launch(alert)
    city.until_sent(alert, 120)
    return time.monotonic() - began


def _rounded(many: list[float]) -> list[float]:
    return [round(one, 2) for one in many]
