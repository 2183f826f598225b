"""Whether more people call about something than usual. Pure: no database, no clock (docs/adr/0056).

The calls of an hour, for one reason in one zone, are compared with the same hour of the week in the weeks before. How
far such counts scatter is learnt from the city's own history: one broken lift makes a whole house call, so they
scatter much more than Poisson's. Each count is taken for a negative binomial variable; its mean is of this reason,
zone and hour of the week, drawn towards what the reason's calls are in general where few are known; its dispersion is
of the reason, from all zones and hours together. What the rule would have called a spike in the past sets how sure it
must be: at most ALARMS_PER_WEEK of them, over all reasons and zones.

A day without any call is one on which nobody logged calls: it is not known, and not zero.
"""

import math
from collections.abc import Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import NamedTuple

import numpy as np

ALARMS_PER_WEEK = 0.3
FEWEST = 5  # calls; fewer are answered one by one
TIMES = 2.0  # as many as usual, at least: what is certain, but little more than usual, needs no notice
KNOWN_WEEKS = 4  # fewer are too few to know what is usual
PRIOR_WEEKS = 2.0  # how much what is general counts beside what is known of one zone and hour
LEAST = 0.01  # calls an hour: nothing is usual to come never
HOURS = 168  # of a week, from Monday 0:00
PRIOR_CELLS = 30.0  # and beside what is known of one reason's dispersion, in windows with calls
_NEGLIGIBLE = 1e-9

Cell = tuple[str, Hashable]  # reason and zone; ALL_ZONES for the whole city
ALL_ZONES = "all"
Hour = tuple[date, int]  # on the city's clock


class Spike(NamedTuple):
    """`calls` came where `usual` are expected; so many come with the probability `chance`."""

    calls: int
    usual: float
    chance: float


@dataclass(frozen=True, slots=True)
class Usual:
    """What was learnt. `means`: of each cell, by the hour of the week; `weeks`: how many are known of each reason and
    hour of the week; `dispersion`: by reason; `chance`: below which a count is a spike."""

    means: Mapping[Cell, Sequence[float]]
    weeks: Mapping[str, Sequence[float]]
    dispersion: Mapping[str, float]
    chance: float

    def find(self, cell: Cell, hour: Hour, calls: int) -> Spike | None:
        """Return the spike that an hour's calls are; None if they may be chance, or what is usual is not known."""
        of_week, weeks = _of_week(hour), self.weeks.get(cell[0])
        if weeks is None or weeks[of_week] < KNOWN_WEEKS:
            return None
        usual = self.means[cell][of_week] if cell in self.means else 0.0
        return self._judge(cell[0], usual, weeks[of_week], calls, self.chance)

    def of_the_past(self, cell: Cell, hour: Hour, calls: int, chance: float) -> Spike | None:
        """Do the same for an hour of the history itself: what is usual is then learnt from the other weeks."""
        of_week = _of_week(hour)
        weeks = self.weeks[cell[0]][of_week]
        usual = _without(self.means[cell][of_week], weeks, calls)
        return self._judge(cell[0], usual, weeks - 1, calls, chance) if weeks > KNOWN_WEEKS else None

    def _judge(self, reason: str, usual: float, weeks: float, calls: int, chance: float) -> Spike | None:
        if calls < FEWEST or calls < TIMES * usual:
            return None
        found = at_least(calls, max(usual, LEAST), self.dispersion[reason], weeks + PRIOR_WEEKS)
        return Spike(calls, usual, found) if found < chance else None


def learn(calls: Mapping[tuple[Cell, Hour], int], known: Collection[date], since: Mapping[str, date]) -> Usual:
    """Learn from history. `calls`: of each zone's hours with any; those of the whole city are added up here.

    `known`: the days on which calls were logged; `since`: the first day of each reason, before which it was unknown.
    """
    cells = _with_city(calls)
    weeks = {reason: _weeks(known, first) for reason, first in since.items()}
    means = _means(cells, weeks)
    dispersion = _dispersion(cells, means, weeks)
    first = Usual(means, weeks, dispersion, 1.0)
    return Usual(means, weeks, dispersion, _chance(first, cells, len(known) / 7))


def at_least(calls: int, mean: float, dispersion: float, weeks: float) -> float:
    """The probability of so many calls or more: negative binomial, its variance the mean, plus `dispersion` times its
    square, plus that of a mean learnt from so many weeks."""
    variance = (mean + dispersion * mean**2) * (1 + 1 / weeks)
    size = mean**2 / (variance - mean)
    stays, comes = math.log(size / (size + mean)), math.log(mean / (size + mean))
    found, n = 0.0, calls
    while True:
        one = math.exp(math.lgamma(n + size) - math.lgamma(n + 1) - math.lgamma(size) + size * stays + n * comes)
        found += one
        # Past the mean each term is smaller than the one before, by a factor that only grows.
        if one <= found * _NEGLIGIBLE * (1 - math.exp(comes)):
            return min(found, 1.0)
        n += 1


def _of_week(hour: Hour) -> int:
    return hour[0].weekday() * 24 + hour[1]


def _without(mean: float, weeks: float, calls: float) -> float:
    """Return a mean without one of the weeks that it was learnt from."""
    return max((mean * (weeks + PRIOR_WEEKS) - calls) / (weeks + PRIOR_WEEKS - 1), LEAST)


def _weeks(known: Collection[date], since: date) -> list[float]:
    """Return how often each hour of the week is known since a day."""
    days = np.zeros(7)
    for day in known:
        if day >= since:
            days[day.weekday()] += 1
    each: list[float] = np.repeat(days, 24).tolist()
    return each


def _with_city(calls: Mapping[tuple[Cell, Hour], int]) -> dict[Cell, dict[Hour, int]]:
    cells: dict[Cell, dict[Hour, int]] = {}
    for (cell, hour), n in calls.items():
        for one in (cell, (cell[0], ALL_ZONES)):
            there = cells.setdefault(one, {})
            there[hour] = there.get(hour, 0) + n
    return cells


def _sums(hours: Mapping[Hour, int]) -> np.ndarray:
    found = np.zeros(HOURS)
    for hour, n in hours.items():
        found[_of_week(hour)] += n
    return found


def _means(cells: Mapping[Cell, Mapping[Hour, int]], weeks: Mapping[str, Sequence[float]]) -> dict[Cell, list[float]]:
    """Return the mean of each cell and hour of the week, drawn towards the rate of the cell times the daily and weekly
    course of its reason."""
    sums = {cell: _sums(hours) for cell, hours in cells.items()}
    found: dict[Cell, list[float]] = {}
    for cell, mine in sums.items():
        known = np.asarray(weeks[cell[0]])
        city = sums[cell[0], ALL_ZONES]
        course = (city + 1.0 / HOURS) / (city.sum() + 1.0)  # of all calls of the reason, the share of each hour
        smooth = (course + np.roll(course, 1) + np.roll(course, -1)) / 3
        general = smooth * mine.sum() / max(float((smooth * known).sum()), 1e-9)
        found[cell] = ((mine + PRIOR_WEEKS * general) / (known + PRIOR_WEEKS)).tolist()
    return found


def _dispersion(
    cells: Mapping[Cell, Mapping[Hour, int]],
    means: Mapping[Cell, Sequence[float]],
    weeks: Mapping[str, Sequence[float]],
) -> dict[str, float]:
    """Return by reason how much more than Poisson's its counts scatter, by moments: E((x - m)^2 - m) = a m^2. That of a
    reason with few calls is drawn towards that of all."""
    more: dict[str, float] = dict.fromkeys(weeks, 0.0)
    weight: dict[str, float] = dict.fromkeys(weeks, 0.0)
    for cell, hours in cells.items():
        mean, known = np.asarray(means[cell]), np.asarray(weeks[cell[0]])
        others = np.maximum(mean * (known + PRIOR_WEEKS) / (known + PRIOR_WEEKS - 1), LEAST)
        squares, seen = np.zeros(HOURS), np.zeros(HOURS)
        for hour, n in hours.items():
            at = _of_week(hour)
            squares[at] += (n - _without(mean[at], known[at], n)) ** 2
            seen[at] += 1
        squares += np.maximum(known - seen, 0) * others**2  # the known hours without a call
        more[cell[0]] += float((squares - known * mean).sum())
        weight[cell[0]] += float((known * mean**2).sum())
    general = max(sum(more.values()), 0.0) / max(sum(weight.values()), 1e-9)
    return {reason: max(more[reason] + PRIOR_CELLS * general, 0.0) / (weight[reason] + PRIOR_CELLS) for reason in weeks}


def _chance(usual: Usual, cells: Mapping[Cell, Mapping[Hour, int]], weeks: float) -> float:
    """Return the probability below which a count is a spike: that by which ALARMS_PER_WEEK come by chance, or less if
    the past has more of them."""
    nominal = ALARMS_PER_WEEK / (HOURS * max(len(cells), 1))
    past = sorted(
        spike.chance
        for cell, hours in cells.items()
        for hour, n in hours.items()
        if (spike := usual.of_the_past(cell, hour, n, nominal)) is not None
    )
    allowed = math.floor(ALARMS_PER_WEEK * weeks)
    return min(nominal, past[allowed]) if len(past) > allowed else nominal


def history_days(today: date, weeks: int) -> tuple[date, date]:
    """Return the first and the last day of so many weeks of history. Today is not over, and is no part of it."""
    return today - timedelta(weeks=weeks), today - timedelta(days=1)
