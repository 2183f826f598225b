"""`sms`, `email`, `scale`: an alert to many residents, from its launch to the last record, by real workers."""

import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from urllib.parse import urlencode

import numpy as np

from notify.models import Lane
from tests.bench.figures import Figure, Goal, together
from tests.bench.installation import Installation, bare, installation
from tests.bench.size import Size

RATE = 100_000.0  # so high that the throttle works without slowing anything down
SMS_PATH, SMS_TYPE = "/2010-04-01/Accounts/ACbench/Messages.json", "application/x-www-form-urlencoded"
MAIL_PATH, MAIL_TYPE = "/v3/mail/send", "application/json"
RECIPIENTS = {Size.SMOKE: (1_000, 2_000), Size.USUAL: (50_000, 200_000), Size.FULL: (50_000, 200_000)}  # SMS, email
SCALES = {
    Size.SMOKE: (500, 1_000),
    Size.USUAL: (10_000, 50_000, 250_000),
    Size.FULL: (10_000, 100_000, 1_000_000),
}
FASTEST = {0: 10_000, 50: 8_000}  # messages/s to reach, by the provider's latency in milliseconds
TURNS = 3  # of pipeline and bare client, so that changes in the machine's speed affect both


def sms(size: Size) -> Iterator[Figure]:
    """50,000 phones, three times, with a provider at 0 and at 50 ms. Baseline, alternating with it: aiohttp on uvloop
    posting the same forms, 200 at once."""
    recipients = RECIPIENTS[size][0]
    forms = [_form(n) for n in range(recipients)]
    with _city("sms") as city:
        for latency_ms, per_second in FASTEST.items():
            city.ask(f"latency?ms={latency_ms}")
            turns = []
            for turn in range(TURNS):
                figure = _sent(city, "sms", recipients, f"sms, provider at {latency_ms} ms, turn {turn + 1}")
                least = bare(f"{city.stand_in}{SMS_PATH}", SMS_TYPE, forms)
                turns.append(_beside(figure, "aiohttp on uvloop", recipients, least))
            figure = together(f"sms, provider at {latency_ms} ms", turns)
            yield _with_goals(figure, per_second, "CPU of the pipeline / bare client", 1.2)


def email(size: Size) -> Iterator[Figure]:
    """200,000 inboxes, 1,000 in a request. Baseline: only building and posting the same JSON."""
    recipients = RECIPIENTS[size][1]
    with _city("email") as city:
        figure = _sent(city, "email", recipients, "email, 1,000 a request")
        made = time.process_time()
        mails = [_mail(first) for first in range(0, recipients, 1000)]
        made = time.process_time() - made
        least = bare(f"{city.stand_in}{MAIL_PATH}", MAIL_TYPE, mails, at_once=8)
        least = {"seconds": least["seconds"] + made, "cpu_s": least["cpu_s"] + made}
        figure = _beside(figure, "json and aiohttp", recipients, least)
        yield _with_goals(figure, 30_000, "CPU of the pipeline / baseline", 2.0)


def scale(size: Size) -> Iterator[Figure]:
    """`sms` with more and more recipients: the time for one must not grow with the number of others."""
    sizes = SCALES[size]
    with _city("sms") as city:
        figures = []
        for recipients in sizes:
            before = city.memory_mb()
            figure = _sent(city, "sms", recipients, f"scale, {recipients:,}")
            grown = {name: mb - before[name] for name, mb in city.memory_mb().items() if name.startswith("worker")}
            figures.append(replace(figure, notes={"memory of the workers grew by MB": grown}))
        growth = (figures[-1].seconds / sizes[-1]) / (figures[0].seconds / sizes[0])
        goal = Goal(f"seconds per message, {sizes[-1]:,} / {sizes[0]:,}", growth, 1.15)
        yield from (*figures[:-1], replace(figures[-1], goals=(*figures[-1].goals, goal)))


def _city(channel: str) -> "_Warm":
    return _Warm(channel)


class _Warm:
    """An installation with two workers that have sent something before."""

    def __init__(self, channel: str) -> None:
        self._channel = channel
        self._installation = installation()

    def __enter__(self) -> Installation:
        city = self._installation.__enter__()
        city.sender(self._channel, RATE)
        city.start("scheduler", "scheduler", kind="scheduler")
        city.start_workers(Lane.EMERGENCY, 2)
        _sent(city, self._channel, 2_000, "warming up")
        return city

    def __exit__(self, *error: object) -> None:
        self._installation.__exit__(*error)


def _sent(city: Installation, channel: str, recipients: int, name: str) -> Figure:
    """Send an alert to this many new residents, counted at the provider."""
    alert = city.approved(city.settle(recipients, channel), channel)
    city.ask("reset")
    with city.measured() as cpu_s:
        began = city.launch(alert)
        city.until_sent(alert, 300)
        seconds = time.monotonic() - began
    reached = city.arrivals()[:, 1]
    different = np.unique(reached).size
    counted = (Goal("missed", recipients - different, 0), Goal("twice", reached.size - different, 0))
    return Figure(name, recipients, seconds, cpu_s, goals=counted)


def _beside(figure: Figure, baseline: str, amount: int, least: dict[str, float]) -> Figure:
    return replace(
        figure,
        baseline=baseline,
        baseline_amount=amount,
        baseline_seconds=least["seconds"],
        baseline_cpu_s=least["cpu_s"],
    )


def _with_goals(figure: Figure, per_second: float, ratio: str, most: float) -> Figure:
    dearer = figure.pipeline_cpu_ms / figure.baseline_cpu_ms
    goals: Sequence[Goal] = (
        Goal("things/s", figure.per_second, per_second, at_least=True),
        Goal(ratio, dearer, most),
        *figure.goals,
    )
    return replace(figure, goals=goals)


def _form(n: int) -> str:
    return urlencode(
        {
            "To": f"+1201{n:07}",
            "StatusCallback": f"http://127.0.0.1:8000/hooks/twilio/status/{n}",
            "ValidityPeriod": "7200",
            "From": "+15555550100",
            "Body": "x" * 120,
            "SmartEncoded": "false",
        }
    )


def _mail(first: int) -> str:
    """Return a mail to a thousand recipients, as large as those of the pipeline."""
    return json.dumps(
        {
            "personalizations": [
                {
                    "to": [{"email": f"resident{n}@example.org"}],
                    "substitutions": {"-unsubscribe_url-": f"http://127.0.0.1:8000/u/{n:040}"},
                    "headers": {
                        "List-Id": "<storm.alerts.example.org>",
                        "List-Unsubscribe": f"<http://127.0.0.1:8000/u/{n:040}>",
                        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
                    },
                    "custom_args": {"tocsin": f"{n}.{n:024}"},
                }
                for n in range(first, first + 1000)
            ],
            "from": {"email": "alerts@bench.example.org", "name": "Tocsin"},
            "subject": "x" * 60,
            "content": [{"type": "text/plain", "value": "x" * 1000}, {"type": "text/html", "value": "x" * 4000}],
        }
    )
