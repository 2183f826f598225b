"""Made-up weeks of calls that scatter as those of real call files do. Seeded."""

import csv
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from notify.service311.calls.spikes import Cell, Hour

SHARED = Path(__file__).parents[4].parent / "shared" / "data" / "311"
MOST_REASONS = 20
FIRST = date(2026, 1, 5)  # a Monday


@dataclass(frozen=True, slots=True)
class File:
    """A file of real calls: its columns for reason, zone and time, and the form of its times."""

    name: str
    reason: str
    zone: str
    at: str
    form: str

    def calls(self) -> list[tuple[str, str, datetime]]:
        """Reason, zone and time of each call, by time. Skips the test where the file is absent."""
        if not (SHARED / self.name).exists():
            pytest.skip("the files of real calls are absent: ../shared/data/311")
        with (SHARED / self.name).open(encoding="utf-8", errors="replace") as file:
            rows = [
                (row[self.reason], row[self.zone].strip(), datetime.strptime(row[self.at], self.form))  # noqa: DTZ007  on the city's clock
                for row in csv.DictReader(file)
            ]
        return sorted(rows, key=lambda one: one[2])


NYC = File("nyc311_2018_1000.csv", "Complaint Type", "Borough", "Created Date", "%m/%d/%Y %I:%M:%S %p")
NYC_NIGHT = File("nyc311_api_500.csv", "complaint_type", "borough", "created_date", "%Y-%m-%dT%H:%M:%S.%f")
BOSTON = File("boston311-100.csv", "reason", "neighborhood", "open_dt", "%Y-%m-%d %H:%M:%S")


@dataclass(frozen=True, slots=True)
class Weeks:
    """`calls`: of each cell and hour; `rates`: what each cell has on average in each hour of the week."""

    calls: dict[tuple[Cell, Hour], int]
    rates: Mapping[Cell, np.ndarray]
    days: tuple[date, ...]
    since: dict[str, date]


def like(real: list[tuple[str, str, datetime]], weeks: int, per_day: float, scatter: float, seed: int) -> Weeks:
    """Weeks with the reasons, zones and daily course of real calls, `per_day` on average, as uneven as real ones:

    `scatter`: the squares of the coefficients of variation of gamma rates, the same for the hours of a reason in all
    zones and for those of each zone; a fifth of it for days. 3 of 100 calls are of something that a whole house calls
    about: of those there come as many at once as real hours of one reason and zone have.
    """
    rng = np.random.default_rng(seed)
    reasons = [name for name, _ in Counter(reason for reason, _, _ in real).most_common(MOST_REASONS)]
    kept = [one for one in real if one[0] in reasons]
    course = np.bincount([at.hour for _, _, at in kept], minlength=24) + 1.0
    course /= course.sum()
    cells = Counter((reason, zone) for reason, zone, _ in kept)
    bursts = [n for n in Counter((reason, zone, at.date(), at.hour) for reason, zone, at in kept).values() if n > 1]
    size = (weeks * 7, 24)

    def gamma(square: float, shape: tuple[int, int]) -> np.ndarray:
        return rng.gamma(1 / square, square, shape)

    days = gamma(scatter / 5, (weeks * 7, 1))
    hours = {reason: gamma(scatter, size) for reason in reasons}
    days_there = tuple(FIRST + timedelta(days=n) for n in range(weeks * 7))
    calls: dict[tuple[Cell, Hour], int] = {}
    rates: dict[Cell, np.ndarray] = {}
    for cell, n in sorted(cells.items()):
        rate = per_day * n / len(kept) * course
        rates[cell] = np.tile(rate, 7)
        mean = 0.97 * rate * days * hours[cell[0]] * gamma(scatter, size)
        counts = rng.poisson(mean)
        begin = rng.poisson(np.broadcast_to(0.03 * rate / np.mean(bursts or [1]), size))
        for day, hour in zip(*np.nonzero(begin), strict=True):
            counts[day, hour] += rng.choice(bursts or [1], begin[day, hour]).sum()
        for day, hour in zip(*np.nonzero(counts), strict=True):
            calls[cell, (days_there[day], int(hour))] = int(counts[day, hour])
    return Weeks(calls, rates, days_there, dict.fromkeys(reasons, FIRST))
