"""Spikes of calls: known cases, and how often there are false alarms in weeks made like real ones, with a seed."""

import itertools
import math
from collections import defaultdict
from datetime import date, timedelta
from functools import cache
from typing import NamedTuple

import numpy as np
import pytest

from notify.service311.calls import spikes
from notify.service311.calls.spikes import ALL_ZONES, Cell, Hour, Usual
from tests.notify.service311.calls import bursts
from tests.notify.service311.calls.bursts import BOSTON, FIRST, NYC, NYC_NIGHT, File, Weeks

HISTORY, WATCHED = 12, 8  # weeks
PER_DAY = 3_000  # calls
NOW_DAY = FIRST + timedelta(weeks=HISTORY)
QUIET, RESTLESS = 0.02, 0.15  # squares of coefficients of variation, see `bursts.like`


def weeks_of(counts: list[int], cell: Cell = ("pickup", 4)) -> dict[tuple[Cell, Hour], int]:
    """Mondays at ten, one count for each of the weeks before NOW_DAY; every day has a call about something else."""
    first = NOW_DAY - timedelta(weeks=len(counts))
    calls: dict[tuple[Cell, Hour], int] = {
        (cell, (first + timedelta(weeks=week), 10)): n for week, n in enumerate(counts) if n
    }
    return calls | {(("other", 1), (first + timedelta(days=day), 9)): 3 for day in range(7 * len(counts))}


def learnt(counts: list[int], since: date | None = None) -> Usual:
    calls = weeks_of(counts)
    days = {hour[0] for _, hour in calls}
    return spikes.learn(calls, days, {"pickup": since or min(days), "other": min(days)})


@pytest.mark.parametrize(
    ("calls", "before", "found"),
    [
        (142, [9, 8, 11, 10, 7, 9, 10, 8, 9, 12, 8, 9], True),  # the missed pickups of a whole zone
        (45, [9, 8, 11, 10, 7, 9, 10, 8, 9, 12, 8, 9], True),
        (14, [9, 8, 11, 10, 7, 9, 10, 8, 9, 12, 8, 9], False),
        (0, [9] * 12, False),
        (4, [0] * 12, False),  # too few to write a notice about
        (30, [0] * 12, True),
        (25, [2, 0, 40, 1, 0, 3, 35, 2, 0, 1, 50, 2], False),  # a reason that comes in bursts
        (45, [2, 0, 40, 1, 0, 3, 35, 2, 0, 1, 50, 2], False),
        (1_100, [1_000] * 12, False),  # certain, but little more than usual
        (300, [9, 8, 11], False),  # three weeks are too few to know what is usual
    ],
)
def test_known_cases(calls: int, before: list[int], found: bool) -> None:
    spike = learnt(before).find(("pickup", 4), (NOW_DAY, 10), calls)
    assert (spike is not None) is found
    if spike:
        assert spike.calls == calls
        assert abs(spike.usual - sum(before) / len(before)) < 3


def test_history_that_is_not_known_is_not_zero() -> None:
    before = [9] * 12
    new = learnt(before, since=NOW_DAY - timedelta(weeks=2))  # a reason that the city added two weeks ago
    assert new.find(("pickup", 4), (NOW_DAY, 10), 400) is None
    assert new.find(("never heard of", 4), (NOW_DAY, 10), 400) is None
    calls = weeks_of([30] * 12)  # weeks in which nobody logged calls do not lower what is usual
    gone = {NOW_DAY - timedelta(weeks=n) for n in range(1, 7)}
    kept = {key: n for key, n in calls.items() if key[1][0] not in gone}
    days = {hour[0] for _, hour in kept}
    usual = spikes.learn(kept, days, dict.fromkeys(("pickup", "other"), min(days)))
    assert usual.means["pickup", 4][10] == pytest.approx(30, rel=0.35)
    assert usual.find(("pickup", 4), (NOW_DAY, 10), 45) is None


@pytest.mark.parametrize(("calls", "mean", "dispersion"), [(1, 2.0, 0.5), (5, 2.0, 0.1), (17, 6.0, 0.3)])
def test_the_probability_is_that_of_the_negative_binomial(calls: int, mean: float, dispersion: float) -> None:
    """Summed from below: 1 - P(fewer), its mean learnt from ever so many weeks."""
    size = 1 / dispersion
    fewer = sum(
        math.gamma(n + size)
        / (math.factorial(n) * math.gamma(size))
        * (size / (size + mean)) ** size
        * (mean / (size + mean)) ** n
        for n in range(calls)
    )
    assert spikes.at_least(calls, mean, dispersion, 1e9) == pytest.approx(1 - fewer, rel=1e-4)


class City(NamedTuple):
    weeks: Weeks
    usual: Usual


@cache
def city(file: File, scatter: float) -> City:
    weeks = bursts.like(file.calls(), HISTORY + WATCHED, PER_DAY, scatter, seed=311)
    before = {key: n for key, n in weeks.calls.items() if key[1][0] < NOW_DAY}
    return City(weeks, spikes.learn(before, [day for day in weeks.days if day < NOW_DAY], weeks.since))


def watched(weeks: Weeks) -> dict[tuple[Cell, Hour], int]:
    """The counts of the weeks after the history, of each zone and of the whole city."""
    counts: dict[tuple[Cell, Hour], int] = defaultdict(int)
    for (cell, hour), n in weeks.calls.items():
        if hour[0] >= NOW_DAY:
            counts[cell, hour] += n
            counts[(cell[0], ALL_ZONES), hour] += n
    return counts


CITIES = list(itertools.product([NYC, BOSTON], [QUIET, RESTLESS]))


@pytest.mark.parametrize(("file", "scatter"), CITIES, ids=lambda one: getattr(one, "name", one))
def test_at_most_one_false_alarm_a_week_over_all_reasons_and_zones(file: File, scatter: float) -> None:
    weeks, usual = city(file, scatter)
    counts = watched(weeks)
    alarms = sum(usual.find(cell, hour, n) is not None for (cell, hour), n in counts.items())

    assert len({cell for cell, _ in counts}) > 80
    assert alarms <= WATCHED, f"{alarms} in {WATCHED} weeks"


def found_of(file: File, scatter: float, times: int, usual_from: float, *, whole_city: bool) -> float:
    """The share of spikes that are found in their hour, of those at which so many calls an hour are usual."""
    weeks, usual = city(file, scatter)
    rates: dict[Cell, np.ndarray] = defaultdict(lambda: np.zeros(spikes.HOURS))
    for cell, rate in weeks.rates.items():
        rates[(cell[0], ALL_ZONES) if whole_city else cell] += rate
    counts, rng, found = watched(weeks), np.random.default_rng(311), []
    for cell, rate in rates.items():
        for of_week in np.flatnonzero(rate >= usual_from):
            hour = NOW_DAY + timedelta(days=int(of_week) // 24), int(of_week) % 24
            n = counts.get((cell, hour), 0) + int(rng.poisson((times - 1) * rate[of_week]))
            found.append(usual.find(cell, hour, n) is not None)
    assert len(found) > 20
    return sum(found) / len(found)


@pytest.mark.parametrize(
    ("scatter", "times", "usual_from", "whole_city", "at_least"),
    [
        (QUIET, 3, 10, False, 0.1),
        (QUIET, 3, 20, True, 0.4),
        (QUIET, 5, 5, False, 0.8),
        (QUIET, 10, 2, False, 0.9),
        (RESTLESS, 10, 5, False, 0.8),
    ],
)
def test_spikes_are_found_within_the_hour(
    scatter: float, times: int, usual_from: float, whole_city: bool, at_least: float
) -> None:
    share = found_of(NYC, scatter, times, usual_from, whole_city=whole_city)

    assert share >= at_least


@pytest.mark.parametrize("file", [NYC, NYC_NIGHT, BOSTON], ids=lambda file: file.name)
def test_real_hours_of_which_too_little_is_known_raise_nothing(file: File) -> None:
    """The files have single days of many weeks: what is usual cannot be learnt from them, and is not taken for zero."""
    calls: dict[tuple[Cell, Hour], int] = defaultdict(int)
    since: dict[str, date] = {}
    for reason, zone, at in file.calls():
        calls[(reason, zone), (at.date(), at.hour)] += 1
        since.setdefault(reason, at.date())
    usual = spikes.learn(calls, {hour[0] for _, hour in calls}, since)
    assert [key for key, n in calls.items() if usual.find(*key, n) is not None] == []
