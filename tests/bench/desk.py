"""`desk`: what an agent of 311 waits for while somebody is on the phone, in a city of a million.

Each search is the whole way by HTTP, with the caller's card: places, days, alerts in force, the last messages. The CPU
time of a search, in milliseconds, is that of the table in "CPU-s per 1,000": a busy machine changes it least.
"""

import random
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from itertools import cycle
from statistics import median

import numpy as np

from notify.accounts import operators
from notify.core.db import transaction
from notify.local import ports
from tests.bench import million
from tests.bench.door import Door, signed_in
from tests.bench.figures import Figure, Goal
from tests.bench.installation import Installation, installation
from tests.bench.people import phone
from tests.bench.size import Size
from tests.factories import square
from tests.factories import zone as keep_zone
from tests.notify.service311 import days

CITY = {Size.SMOKE: 2_000, Size.USUAL: 1_000_000, Size.FULL: 1_000_000}
EMAILS = {Size.SMOKE: 100, Size.USUAL: 20_000, Size.FULL: 20_000}  # residents besides, with an email
PAST = {Size.SMOKE: 20, Size.USUAL: 5_000, Size.FULL: 5_000}  # alerts
ASKED = {Size.SMOKE: 3, Size.USUAL: 200, Size.FULL: 1_000}  # searches of each kind
AGENTS = {Size.SMOKE: 2, Size.USUAL: 20, Size.FULL: 60}  # who take turns, each below their limit
MOST_S = 0.1
WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri")


def desk(size: Size) -> Iterator[Figure]:
    """Search by phone, email, address, the code of an alert and the name of a zone."""
    with installation() as city:
        city.sender("sms", 100_000.0)
        there = million.build(city, CITY[size], PAST[size])
        first_mail = there.first + there.residents
        city.settle(EMAILS[size], "email")
        _collect(there)
        agents = _Agents(city, AGENTS[size])
        chance, houses = random.Random(4), there.residents // 3 // million.STREETS
        kinds: dict[str, Callable[[], str]] = {
            "phone": lambda: phone(there.first + chance.randrange(there.residents)),
            "email": lambda: f"resident{first_mail + chance.randrange(EMAILS[size])}@example.org",
            "address": lambda: f"{100 + chance.randrange(houses)} Street {chance.randrange(million.STREETS)}",
            "code": lambda: f"Alert {there.fifth}",
            "zone": lambda: f"Collection {chance.choice(WEEKDAYS)}",
        }
        for kind, sought in kinds.items():
            first_s = agents.search(sought())  # fills caches, as after a restart
            with city.measured() as cpu_s:
                took_s = [agents.search(sought()) for _ in range(ASKED[size])]
            yield _figure(kind, first_s, took_s, {name: cpu_s[name] for name in ("api", "postgres")})


def _figure(kind: str, first_s: float, took_s: list[float], cpu_s: dict[str, float]) -> Figure:
    p95 = float(np.quantile(took_s, 0.95))
    notes = {"median, s": round(median(took_s), 4), "slowest, s": round(max(took_s), 4), "first, s": round(first_s, 3)}
    goal = Goal("p95, s", p95, MOST_S)
    return Figure(f"desk: search by {kind}", len(took_s), sum(took_s), cpu_s, goals=(goal,), notes=notes)


def _collect(there: million.Million) -> None:
    """Give the city five collection zones, with their days and a holiday."""
    west, south, east, _north = there.area.bounds
    now, wide = datetime.now(UTC), (east - west) / len(WEEKDAYS)
    with transaction() as s:
        for n, weekday in enumerate(WEEKDAYS):
            zone = square(west + n * wide, south, max(wide, 0.1))
            keep_zone(s, f"Collection {weekday}", zone, "collection", now=now)
        for weekday in WEEKDAYS:
            days.take(s, {"zone": f"Collection {weekday}", "stream": "trash", "weekdays": weekday}, now=now)
        days.publish(s, "the year", now)


class _Agents(Door):
    """Agents who search in turn."""

    def __init__(self, city: Installation, count: int) -> None:
        super().__init__(city)
        now = datetime.now(UTC)
        with transaction() as s:
            people = [operators.add(s, f"agent{n}@bench.example.org", "agent", now) for n in range(count)]
            self._agents = cycle([signed_in(s, one, now) for one in people])

    def search(self, sought: str) -> float:
        """Return the seconds until the whole page has arrived, through the redirect to an alert or zone."""
        url = f"http://{ports.HOST}:{self.port}"
        body = urllib.parse.urlencode({"sought": sought}).encode()
        request = urllib.request.Request(f"{url}/desk", body, {**next(self._agents), "Origin": url})
        began = time.perf_counter()
        with urllib.request.urlopen(request, timeout=60) as answer:
            page = answer.read().decode()
        took_s = time.perf_counter() - began
        shown = ('id="who"', 'id="place"', 'id="alert"', 'id="which"')
        assert any(one in page for one in shown), f"nothing is found for {sought}"
        return took_s
