"""`receipts`: the status callbacks of an alert, repeated and out of order, sent to one web server.

Baseline: the same callbacks to the same server with an application that does nothing.
"""

import json
import random
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from sqlalchemy import text

from notify.accounts import operators
from notify.alerts import lifecycle
from notify.core.db import transaction
from notify.delivery import fanout
from notify.local import ports
from tests.bench.figures import Figure, Goal
from tests.bench.installation import SETTINGS, Installation, installation
from tests.bench.size import Size
from tests.waiting import until

CONNECTIONS = 500  # open connections of the provider
CALLBACKS = {Size.SMOKE: 1_000, Size.USUAL: 20_000, Size.FULL: 200_000}
ACCEPTED, WITHIN_S = 3_000, 5.0
RANKS = ["sent", "failed", "undelivered", "delivered"]


class Told(NamedTuple):
    """One callback."""

    delivery: int
    status: str
    code: str = "-"


def receipts(size: Size) -> Iterator[Figure]:
    """Signed callbacks, from the first to the last answer, and until all are applied."""
    port = ports.free()
    public_url = f"http://{ports.HOST}:{port}"
    with installation(TOCSIN_PUBLIC_URL=public_url) as city:
        city.sender("sms", 100.0)
        city.start("scheduler", "scheduler", kind="scheduler")
        city.start("api", "api", "--port", str(port), kind="api")
        until(lambda: not ports.is_free(port), 30, "the web server listens")
        _post(port, public_url, _shuffled(_sent(city, 500), 2_000))  # warm
        yield _figure(city, port, public_url, CALLBACKS[size])


def _figure(city: Installation, port: int, public_url: str, callbacks: int) -> Figure:
    told = _shuffled(_sent(city, int(callbacks * 0.4)), callbacks)
    with city.measured() as cpu_s:
        answered = _post(port, public_url, told)
        until(_all_applied, 120, "all receipts are applied")
        lag_s = time.monotonic() - float(answered["ended"])
    seconds = float(answered["ended"]) - float(answered["began"])
    goals = (
        Goal("accepted/s", callbacks / seconds, ACCEPTED, at_least=True),
        Goal("all applied after the last by s", lag_s, WITHIN_S),
        Goal("not answered with 204", callbacks - answered["answers"].get("204", 0), 0),
        Goal("deliveries in a wrong state", _wrong(told), 0),
    )
    least_s, least_cpu_s = _empty(told)
    return Figure(
        f"receipts, {callbacks:,} callbacks",
        callbacks,
        seconds,
        cpu_s,
        baseline="uvicorn, doing nothing",
        baseline_amount=callbacks,
        baseline_seconds=least_s,
        goals=goals,
        notes={"CPU of the web server / doing nothing": round(cpu_s["api"] / least_cpu_s, 2)},
    )


def _empty(told: Sequence[Told]) -> tuple[float, float]:
    """Return the seconds and CPU seconds of a server that only reads them."""
    port = ports.free()
    url = f"http://{ports.HOST}:{port}"
    command = [sys.executable, "-m", "uvicorn", "tests.bench.empty:app", "--port", str(port), "--no-access-log"]
    server = subprocess.Popen([*command, "--log-level", "error"])
    try:
        until(lambda: not ports.is_free(port), 30, "the empty server listens")
        before = _used(url)
        answered = _post(port, url, told)
        return float(answered["ended"]) - float(answered["began"]), _used(url) - before
    finally:
        server.terminate()
        server.wait(10)


def _used(url: str) -> float:
    with urllib.request.urlopen(url, timeout=10) as answer:
        return float(answer.read())


def _sent(city: Installation, messages: int) -> list[int]:
    """Return the ids of this many deliveries that a provider has accepted."""
    alert, now = city.approved(city.settle(messages, "sms"), "sms"), datetime.now(UTC)
    with transaction() as s:
        lifecycle.launch(s, alert, operators.find(s, "approver@bench.example.org"), now)
    for _ in fanout.resolve(alert, now):
        pass
    with transaction() as s:
        s.execute(text("UPDATE batches SET state = 'done' WHERE alert_id = :alert"), {"alert": alert})
        sent = s.execute(
            text("""UPDATE deliveries SET state = 'accepted', claimed_at = now(), sent_at = now(), attempts = 1,
                           reference = 'SM' || id, sender_id = (SELECT id FROM senders) WHERE alert_id = :alert
                    RETURNING id"""),
            {"alert": alert},
        )
        return list(sent.scalars())


def _shuffled(deliveries: Sequence[int], callbacks: int) -> list[Told]:
    """Return `sent` and a final status for each, then repeats until there are enough, in random order."""
    chance = random.Random(len(deliveries))
    ends = [("delivered", "-")] * 94 + [("undelivered", "30003")] * 3 + [("undelivered", "30005")] * 2
    ends.append(("failed", "30008"))
    told = [Told(delivery, "sent") for delivery in deliveries]
    told += [Told(delivery, *chance.choice(ends)) for delivery in deliveries]
    told += chance.choices(told, k=callbacks - len(told))
    chance.shuffle(told)
    return told


def _post(port: int, public_url: str, told: Sequence[Told]) -> Mapping[str, dict[str, int]]:
    token = SETTINGS["TOCSIN_TWILIO_AUTH_TOKEN"]
    command = [sys.executable, "-m", "tests.bench.callbacks", str(port), public_url, token, str(CONNECTIONS)]
    lines = "".join(f"{one.delivery} {one.status} {one.code}\n" for one in told)
    done = subprocess.run(command, input=lines, stdout=subprocess.PIPE, text=True, check=True, timeout=600)
    answered: Mapping[str, dict[str, int]] = json.loads(done.stdout)
    return answered


def _all_applied() -> bool:
    with transaction() as s:
        return not s.execute(text("SELECT EXISTS (SELECT FROM receipts WHERE applied_at IS NULL)")).scalar_one()


def _wrong(told: Sequence[Told]) -> int:
    """Return how many deliveries are not in the highest state reported for them, with its reason."""
    best: dict[int, Told] = {}
    for one in told:
        if one.delivery not in best or RANKS.index(one.status) > RANKS.index(best[one.delivery].status):
            best[one.delivery] = one
    with transaction() as s:
        rows = s.execute(text("SELECT id, state::text, reason FROM deliveries WHERE id = ANY(:ids)"), {"ids": [*best]})
        found = {row.id: (row.state, row.reason) for row in rows}
    expected = {n: (one.status, None if one.code == "-" else one.code) for n, one in best.items()}
    return sum(found.get(n) != end for n, end in expected.items())
