"""`throttle`: rates from 1 to 5,000 a second with 1, 2 and 4 worker processes, counted at the provider.

Real workers send real batches; each rate has its own sender and alert. Slow senders need time but no CPU, so in the
usual size they run side by side; in full size each rate is measured alone, for 20 s.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import text

from notify.accounts import operators
from notify.alerts import lifecycle
from notify.core.db import transaction
from notify.delivery import fanout, senders
from notify.delivery.recovery import Doorbell
from notify.models import Lane
from notify.operations import tasks
from tests.bench.figures import Figure, Goal
from tests.bench.installation import Installation, fullest_second, installation
from tests.bench.size import Size
from tests.owner import as_owner

WORKERS = {Size.SMOKE: (1,), Size.USUAL: (1, 2, 4), Size.FULL: (1, 2, 4)}
# Groups of rates that run side by side, and seconds.
GROUPS: dict[Size, tuple[tuple[tuple[int, ...], float], ...]] = {
    Size.SMOKE: (((10,), 2.0), ((100,), 2.0)),
    Size.USUAL: (((10, 1), 12.0), ((100,), 5.0), ((1000,), 3.0), ((5000,), 4.0)),
    Size.FULL: tuple(((rate,), 20.0) for rate in (1, 10, 100, 1000, 5000)),
}
WARM_S = 1.0  # time to open connections and for a process to find its speed
TO_REACH = 0.97
BEGINS_S = 10.0  # a run without a message by then is measured anyway and misses its goal


@dataclass(frozen=True)
class Run:
    """A sender and its own alert."""

    rate: int  # messages/s
    sender: int
    alert: int
    deliveries: NDArray[np.int64]  # ids


def throttle(size: Size) -> Iterator[Figure]:
    for workers in WORKERS[size]:
        with installation() as city:
            ready = [([_ready(city, rate, seconds) for rate in rates], seconds) for rates, seconds in GROUPS[size]]
            city.start("scheduler", "scheduler", kind="scheduler")
            city.start_workers(Lane.EMERGENCY, workers)
            for runs, seconds in ready:
                yield from _measured(city, runs, seconds, workers)


def _ready(city: Installation, rate: int, seconds: float) -> Run:
    """Launch and pause an alert with more than enough messages, on a sender of its own."""
    sender = city.sender("sms", rate, f"+1555555{rate:04}")
    alert = city.approved(city.settle(int(rate * (seconds + WARM_S)) + min(12 * rate, 4000), "sms"), "sms")
    now = datetime.now(UTC)
    with transaction() as s:
        # Senders count segments, and a message has several; the rate is in messages.
        cost = s.execute(
            text("SELECT cost FROM contents WHERE alert_id = :a AND language = 'en'"), {"a": alert}
        ).scalar_one()
        senders.change(s, sender, now, rate_per_s=rate * cost)
        lifecycle.launch(s, alert, operators.find(s, "approver@bench.example.org"), now)
    for _ in fanout.resolve(alert, now):
        pass
    as_owner("UPDATE batches SET sender_id = :sender WHERE alert_id = :a", sender=sender, a=alert)
    with transaction() as s:
        lifecycle.pause(s, alert, operators.find(s, "approver@bench.example.org"), now)
        ids = s.execute(text("SELECT id FROM deliveries WHERE alert_id = :a"), {"a": alert}).scalars().all()
    return Run(rate, sender, alert, np.array(ids))


def _measured(city: Installation, runs: Sequence[Run], seconds: float, workers: int) -> Iterator[Figure]:
    city.ask("reset")
    with city.measured() as cpu_s:
        _resume(runs)
        _await_first(city, runs)
        time.sleep(WARM_S + seconds)
        arrivals = city.arrivals()
    with transaction() as s:
        for run in runs:
            lifecycle.cancel(s, run.alert, operators.find(s, "approver@bench.example.org"), datetime.now(UTC))
    for run in runs:
        moments = arrivals[np.isin(arrivals[:, 1], run.deliveries), 0]
        yield _figure(run, workers, moments, seconds, cpu_s if len(runs) == 1 else {})


def _resume(runs: Sequence[Run]) -> None:
    with transaction() as s:
        for run in runs:
            lifecycle.resume(s, run.alert, operators.find(s, "approver@bench.example.org"), datetime.now(UTC))
        batches = s.execute(
            text("SELECT id FROM batches WHERE alert_id = ANY(:alerts) AND state = 'waiting' ORDER BY id"),
            {"alerts": [run.alert for run in runs]},
        ).scalars()
        bells = [Doorbell(batch, Lane.EMERGENCY) for batch in batches]
    tasks.ring_batches(bells)


def _await_first(city: Installation, runs: Sequence[Run]) -> None:
    """Wait until a message of each run has arrived; on a busy machine, workers may need seconds to begin."""

    def begun() -> bool:
        arrived = city.arrivals()[:, 1]
        return all(np.isin(run.deliveries, arrived).any() for run in runs)

    late = time.monotonic() + BEGINS_S
    while not begun() and time.monotonic() < late:
        time.sleep(0.05)


def _figure(run: Run, workers: int, moments: NDArray[np.float64], seconds: float, cpu_s: Mapping[str, float]) -> Figure:
    """Make the figure. Utilisation counts slots, not posts: n posts have n - 1 slots between them."""
    fullest = fullest_second(moments)
    steady = moments[moments >= moments[:1].sum() + (WARM_S if run.rate >= 1000 else 0)]
    slots = max(steady.size - 1, 0)
    span_s = float(steady[-1] - steady[0]) if slots else seconds
    utilisation = slots / span_s / run.rate
    return Figure(
        f"throttle, {run.rate}/s, {workers} worker{'s' if workers > 1 else ''}",
        slots,
        span_s,
        cpu_s,
        goals=(
            Goal("most in any second", fullest, run.rate),
            Goal("utilisation", utilisation, TO_REACH, at_least=True),
        ),
    )
