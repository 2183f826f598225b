"""`sms`: one alert to many phones, from launch to the last record. `scale`: the same with ever more of them."""

from collections.abc import Iterator
from urllib.parse import urlencode

import numpy as np

from notify.models import Lane
from tests.bench.figures import Figure, Goal
from tests.bench.installation import Installation, bare, installation

RATE = 100_000.0  # beyond what any provider takes: the throttle works, and does not hold back
FORM = "application/x-www-form-urlencoded"
TO_REACH = {0: 10_000, 50: 8_000}  # messages/s by the provider's latency in milliseconds


def sms(recipients: int = 50_000, workers: int = 2) -> Iterator[Figure]:
    with installation() as city:
        city.sender("sms", RATE)
        city.start("scheduler", "scheduler", kind="scheduler")
        city.start_workers(Lane.EMERGENCY, workers)
        _send(city, 2_000)  # connections, caches, plans
        for latency_ms, goal in TO_REACH.items():
            city.ask(f"latency?ms={latency_ms}")
            yield _figure(city, recipients, latency_ms, goal)


def _figure(city: Installation, recipients: int, latency_ms: int, goal: int) -> Figure:
    city.ask("reset")
    alert, seconds, cpu_s = _send(city, recipients)
    arrived = city.arrivals()[:, 1]
    least = _baseline(city, recipients)
    f = Figure(
        f"sms, provider at {latency_ms} ms",
        recipients,
        seconds,
        cpu_s,
        "aiohttp on uvloop",
        recipients,
        least["seconds"],
        least["cpu_s"],
    )
    ratio = f.cpu_ms("workers", "postgres", "redis") / f.baseline_cpu_ms
    goals = (
        Goal("messages/s", f.per_second, goal, at_least=True),
        Goal("CPU of the pipeline / bare client", ratio, 1.6),
        Goal("missed", recipients - np.unique(arrived).size, 0),
        Goal("twice", arrived.size - np.unique(arrived).size, 0),
    )
    return Figure(**vars(f) | {"goals": goals, "notes": {"states": city.states(alert)}})


def _send(city: Installation, recipients: int) -> tuple[int, float, dict[str, float]]:
    """Launch an alert to so many new residents: (its id, seconds to the last record, CPU seconds)."""
    import time

    alert = city.approved(city.settle(recipients, "sms"), "sms")
    with city.measured() as cpu_s:
        began = city.launch(alert)
        city.until_sent(alert, 300)
        seconds = time.monotonic() - began
    return alert, seconds, cpu_s


def _baseline(city: Installation, recipients: int) -> dict[str, float]:
    """The same forms, made beforehand."""
    words = "x" * 120
    forms = [
        urlencode(
            {
                "To": f"+1201{n:07}",
                "StatusCallback": f"http://127.0.0.1:8000/hooks/twilio/status/{n}",
                "ValidityPeriod": "7200",
                "From": "+15555550100",
                "Body": words,
                "SmartEncoded": "false",
            }
        )
        for n in range(recipients)
    ]
    return bare(f"{city.stand_in}/2010-04-01/Accounts/ACbench/Messages.json", FORM, forms)
