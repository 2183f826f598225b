"""`lanes`: an emergency overtakes a large routine alert on the same sender."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import text

from notify.core.db import transaction
from notify.delivery import senders
from notify.models import Lane
from tests.bench.figures import Figure, Goal
from tests.bench.installation import fullest_second, installation
from tests.bench.size import Size
from tests.waiting import until

RATE = 200  # emergency messages/s
RUNNING_S = 3.0  # how long the routine alert runs alone
AFTER_S = 2.0
MESSAGES = {Size.SMOKE: (2_000, 100), Size.USUAL: (100_000, 2_000), Size.FULL: (100_000, 2_000)}  # routine, urgent


def lanes(size: Size) -> Iterator[Figure]:
    """100,000 routine messages are being sent at 200 a second when 2,000 urgent ones are launched."""
    routine, emergency = MESSAGES[size]
    with installation() as city:
        sender = city.sender("sms", RATE)
        great = city.approved(city.settle(routine, "sms"), "sms", Lane.ROUTINE)
        small = city.approved(city.settle(emergency, "sms"), "sms", Lane.EMERGENCY)
        with transaction() as s:
            senders.change(s, sender, datetime.now(UTC), rate_per_s=RATE * _cost(small))
        city.start("scheduler", "scheduler", kind="scheduler")
        city.start_workers(Lane.EMERGENCY, 1)
        city.start_workers(Lane.ROUTINE, 1)
        city.launch(great)
        until(lambda: len(city.arrivals()) > RATE * RUNNING_S, 60, "the routine alert runs")
        with city.measured() as cpu_s:
            launched = city.launch(small)
            city.until_sent(small, 60)
            time.sleep(AFTER_S)
            arrivals = city.arrivals()
        yield _figure(arrivals, great, small, launched, cpu_s)


def _figure(arrivals: NDArray[np.float64], great: int, small: int, launched: float, cpu_s: dict[str, float]) -> Figure:
    urgent = np.sort(arrivals[np.isin(arrivals[:, 1], _deliveries(small)), 0])
    routine = np.sort(arrivals[np.isin(arrivals[:, 1], _deliveries(great)), 0])
    first, last = float(urgent[0]), float(urgent[-1])
    meanwhile = int(((routine > first) & (routine < last)).sum())
    after = routine[routine > last]
    tokens = np.concatenate([np.repeat(urgent, _cost(small)), np.repeat(routine, _cost(great))])
    left = np.concatenate([np.repeat(_left(alert), _cost(alert)) for alert in (small, great)])
    size, took_s = len(urgent), last - first
    return Figure(
        f"lanes, {size:,} urgent among {len(_deliveries(great)):,}",
        size,
        last - launched,
        cpu_s,
        goals=(
            Goal("first urgent message, s after launch", first - launched, 0.5),
            Goal("urgent done, x size / rate", took_s / (size / RATE), 1.1),
            Goal("routine messages meanwhile", meanwhile, 0),
            Goal("most segments in any second", fullest_second(tokens), RATE * _cost(small)),
        ),
        notes={
            "from launch to the last one, x size / rate": round((last - launched) / (size / RATE), 3),
            "most segments that left in any second": fullest_second(left),  # more arrived: they waited on the way
            "routine goes on after, s": round(float(after[0]) - last, 3) if after.size else "-",
        },
    )


def _deliveries(alert: int) -> list[int]:
    with transaction() as s:
        return list(s.execute(text("SELECT id FROM deliveries WHERE alert_id = :a"), {"a": alert}).scalars())


def _left(alert: int) -> NDArray[np.float64]:
    """Return when each message of an alert left, in seconds of the epoch."""
    with transaction() as s:
        question = text(
            "SELECT extract(epoch FROM sent_at)::float8 FROM deliveries WHERE alert_id = :a AND sent_at IS NOT NULL"
        )
        return np.array(s.execute(question, {"a": alert}).scalars().all(), dtype=np.float64)


def _cost(alert: int) -> int:
    """Return the segments of a message."""
    with transaction() as s:
        question = text("SELECT cost FROM contents WHERE alert_id = :a AND channel = 'sms' AND language = 'en'")
        return int(s.execute(question, {"a": alert}).scalar_one())
