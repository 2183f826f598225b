"""`surge`: everybody looks at once while an alert is sent, and many join."""

import asyncio
import json
import subprocess
import sys
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import aiohttp
import numpy as np
from sqlalchemy import text

from notify.city import geocoder
from notify.core.db import transaction
from notify.local import ports
from notify.models import Lane
from tests.bench import callbacks, looking
from tests.bench.figures import Figure, Goal
from tests.bench.installation import SETTINGS, Installation, installation
from tests.bench.size import Size
from tests.waiting import until
from zones.addresses.readings import HouseNumber
from zones.addresses.rows import AddressRow

LOOK_S = {Size.SMOKE: 1, Size.USUAL: 10, Size.FULL: 30}
CALM_S = {Size.SMOKE: 1, Size.USUAL: 5, Size.FULL: 10}
CONNECTIONS = 200
JOIN_S, JOINS_PER_S = {Size.SMOKE: 2, Size.USUAL: 60, Size.FULL: 60}, 100
RESIDENTS, SEND_PER_S = {Size.SMOKE: 1_000, Size.USUAL: 60_000, Size.FULL: 100_000}, 200.0
LEAST_PER_S, MOST_P99_S, MOST_OLD_S = 4_000, 0.05, 2.0
CODES_S = 600  # for the codes that are left when the last one has joined
ADDRESS = "1002 Goldfinch Street"


def surge(size: Size) -> Iterator[Figure]:
    """Look at each public page on 200 connections, beside a bare answer of uvicorn; then join 100 times a second."""
    port = ports.free()
    url = f"http://{ports.HOST}:{port}"
    with installation(TOCSIN_PUBLIC_URL=url) as city:
        city.sender("sms", SEND_PER_S)
        city.sender("email", 1_000.0)
        area = city.settle(RESIDENTS[size], "sms")
        city.start("scheduler", "scheduler", kind="scheduler")
        city.start_workers(Lane.EMERGENCY, 1)
        first_s = _cold(city, port, url)
        alert = city.approved(area, "sms")
        city.launch(alert)
        until(lambda: f'id="alert-{alert}"' in _read(f"{url}/alerts"), 30, "the alert is on the page")
        yield from _looked(city, url, alert, size, first_s)
        yield _fresh(city, url, area, size)
        yield _joined(city, url, size)


def _cold(city: Installation, port: int, url: str) -> float:
    """Start an API process, and return how long its first answer took once it listened."""
    city.start("api", "api", "--port", str(port), kind="api")
    until(lambda: not ports.is_free(port), 60, "the API listens")
    began = time.perf_counter()
    _read(f"{url}/")
    return time.perf_counter() - began


def _looked(city: Installation, url: str, alert: int, size: Size, first_s: float) -> Iterator[Figure]:
    for path in ("/", "/alerts", f"/alerts/{alert}", "/feeds/active.atom", f"/verify/{alert}"):
        request = urllib.request.Request(url + path, headers={"Accept-Encoding": "gzip"})
        with urllib.request.urlopen(request, timeout=30) as answer:
            length = len(answer.read())
        bare = _bare(length, LOOK_S[size])
        sent_before = sum(n for state, n in city.states(alert).items() if state in ("accepted", "delivered"))
        with city.measured() as cpu_s:
            found = looking.look(url + path, CONNECTIONS, LOOK_S[size])
        calm = looking.look(url + path, CONNECTIONS, CALM_S[size], most_per_s=LEAST_PER_S)
        sent = sum(n for state, n in city.states(alert).items() if state in ("accepted", "delivered")) - sent_before
        yield Figure(
            f"look at {path.replace(str(alert), 'N')}", found.count, found.seconds, {"api": cpu_s["api"]},
            "bare uvicorn, as many bytes", bare.count, bare.seconds,
            goals=(
                Goal("requests/s", found.count / found.seconds, LEAST_PER_S, at_least=True),
                Goal("p99, s", found.p99_s, MOST_P99_S),
                Goal("refused", found.refused, 0),
            ),
            notes={
                "load by": found.by, "bytes": length, "p99 of the bare answer, s": bare.p99_s,
                "asked 4,000 times a second at most: requests/s": round(calm.count / calm.seconds),
                "... and p99, s": calm.p99_s,
                "messages sent meanwhile": sent, "first answer of a cold process, s": round(first_s, 3),
            },
        )  # fmt: skip


def _bare(length: int, seconds: int) -> looking.Looked:
    port = ports.free()
    server = subprocess.Popen([sys.executable, "-m", "tests.bench.bare_page", str(port), str(length)])
    try:
        until(lambda: not ports.is_free(port), 30, "the bare server listens")
        return looking.look(f"http://{ports.HOST}:{port}/", CONNECTIONS, seconds)
    finally:
        server.terminate()
        server.wait()


def _fresh(city: Installation, url: str, area: object, size: Size) -> Figure:
    """How old the list is at most while everybody looks: alerts are launched, and each is awaited on the page."""
    ages: list[float] = []
    times = 1 if size is Size.SMOKE else 5
    with _everybody_looks(f"{url}/alerts", 5 * times):
        for _ in range(times):
            alert = city.approved(area, "sms")
            began = time.monotonic()
            city.begin(alert)  # without waking a worker: it waits behind the first
            while f'id="alert-{alert}"' not in _read(f"{url}/alerts"):
                time.sleep(0.01)
            ages.append(time.monotonic() - began)
    goal = Goal("launch to page, s, the longest", max(ages), MOST_OLD_S)
    return Figure("freshness", times, sum(ages), goals=(goal,), notes={"each, s": [round(age, 2) for age in ages]})


@contextmanager
def _everybody_looks(url: str, seconds: int) -> Iterator[None]:
    looks = threading.Thread(target=looking.look, args=(url, CONNECTIONS, seconds))
    looks.start()
    yield
    looks.join()


def _joined(city: Installation, url: str, size: Size) -> Figure:
    """Join by email 100 times a second, while phones say STOP; nothing may be lost, and every STOP is answered."""
    with transaction() as s:
        row = AddressRow(HouseNumber(1002), "Goldfinch St", "", "Bellhaven", "", 9.5, 45.02)
        geocoder.keep_addresses(s, [row], "the benchmark", datetime.now(UTC), confirmed=True)
    bare = _bare(500, LOOK_S[size])
    wanted = JOIN_S[size] * JOINS_PER_S
    city.ask("reset")
    began = time.monotonic()
    with city.measured() as cpu_s:
        answers, took_s, stop_s = asyncio.run(_join_all(url, wanted))
    lasted_s = time.monotonic() - began
    until(lambda: not _waiting(), CODES_S, "all codes are sent")
    last_s = time.monotonic() - began
    with transaction() as s:
        kept = s.execute(text("SELECT count(*) FROM joinings")).scalar_one()
        states = dict(s.execute(text(_CODES)).tuples().all())
        stopped = s.execute(text("SELECT count(*) FROM suppressions WHERE reason = 'opt-out'")).scalar_one()
    at_provider = json.loads(city.ask("count"))["direct"]
    return Figure(
        "join, 100 a second", wanted, lasted_s, {kind: cpu_s[kind] for kind in ("api", "scheduler", "postgres")},
        "bare uvicorn", bare.count, bare.seconds,
        goals=(
            Goal("accepted", answers["303"], wanted, at_least=True),
            Goal("accepted, but not stored", answers["303"] - kept, 0),
            Goal("stored, but no code at the provider", kept - at_provider["messages"], 0),
            Goal("codes that came twice", at_provider["twice"], 0),
            Goal("STOP in force, s, the longest", max(stop_s, default=0.0), 1.0),
            Goal("STOP that is not in force", JOIN_S[size] - stopped, 0),
        ),
        notes={
            "answers": dict(answers), "p50 and p99 of joining, s": _quantiles(took_s),
            "p50 and p99 of STOP, s": _quantiles(stop_s), "codes by state": states,
            "all codes had left, s after the last one joined": round(last_s - lasted_s, 1),
        },
    )  # fmt: skip


_CODES = "SELECT state, count(*) FROM direct_messages WHERE kind = 'join-code' GROUP BY 1"


def _waiting() -> bool:
    with transaction() as s:
        return bool(s.execute(text(f"{_CODES} HAVING state IN ('waiting', 'claimed')")).all())


def _quantiles(found: list[float]) -> list[float]:
    return [round(float(one), 3) for one in np.quantile(found, (0.5, 0.99))] if found else []


async def _join_all(url: str, wanted: int) -> "tuple[Counter[str], list[float], list[float]]":
    answers: Counter[str] = Counter()
    took_s: list[float] = []
    stop_s: list[float] = []
    patience = aiohttp.ClientTimeout(total=60)
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0), timeout=patience) as client:

        async def join(number: int) -> None:
            network = f"10.{number >> 14 & 255}.{number >> 6 & 255}.{number & 63}"  # everybody comes from elsewhere
            form = {"contact": f"joiner{number}@bench.example.org", "address": ADDRESS}
            headers = {"Origin": url, "X-Forwarded-For": network}
            began = time.perf_counter()
            try:
                async with client.post(f"{url}/join", data=form, headers=headers, allow_redirects=False) as answer:
                    await answer.read()
                    answers[str(answer.status)] += 1
            except (aiohttp.ClientError, TimeoutError) as error:
                answers[type(error).__name__] += 1
            took_s.append(time.perf_counter() - began)

        async def stop(number: int) -> None:
            form = {
                "AccountSid": "ACbench", "From": f"+1215777{number:04}", "To": "+15555550100", "Body": "STOP",
                "MessageSid": f"SM{number:032x}",
            }  # fmt: skip
            path = "/hooks/twilio/inbound"
            headers = {
                "X-Twilio-Signature": callbacks.signature(url + path, form, SETTINGS["TOCSIN_TWILIO_AUTH_TOKEN"])
            }
            began = time.perf_counter()
            try:
                async with client.post(url + path, data=form, headers=headers) as answer:
                    await answer.read()
                    answers[f"STOP {answer.status}"] += 1
            except (aiohttp.ClientError, TimeoutError) as error:
                answers[f"STOP {type(error).__name__}"] += 1
            stop_s.append(time.perf_counter() - began)

        began = time.perf_counter()
        tasks = []
        for number in range(wanted):
            await asyncio.sleep(max(0.0, began + number / JOINS_PER_S - time.perf_counter()))
            tasks.append(asyncio.create_task(join(number)))
            if number % JOINS_PER_S == 0:
                tasks.append(asyncio.create_task(stop(number // JOINS_PER_S)))
        await asyncio.gather(*tasks)
    return answers, took_s, stop_s


def _read(url: str) -> str:
    with urllib.request.urlopen(url, timeout=30) as answer:
        found: bytes = answer.read()
    return found.decode()
