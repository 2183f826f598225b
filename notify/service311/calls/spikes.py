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
from dataclasses import dataclass, replace
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
        return self.judge(cell[0], usual, weeks[of_week], calls, self.chance)

    def judge(self, reason: str, usual: float, weeks: float, calls: int, chance: float) -> Spike | None:
        """Return the spike that `calls` are where `usual` are expected, learnt from so many weeks; None if they may be
        chance: as probable as `chance`, or more."""
        if calls < FEWEST or calls < TIMES * usual:
            return None
        found = at_least(calls, max(usual, LEAST), self.dispersion[reason], weeks + PRIOR_WEEKS)
        return Spike(calls, usual, found) if found < chance else None


def learn(calls: Mapping[tuple[Cell, Hour], int], known: Collection[date], since: Mapping[str, date]) -> Usual:
    """Learn from history. `calls`: of each zone's hours with any; those of the whole city are added up here.

    `known`: the days on which calls were logged; `since`: the first day of each reason, before which it was unknown.
    """
    reasons = sorted(since)
    past = _Past.of(calls, {reason: place for place, reason in enumerate(reasons)})
    weeks = np.array([_weeks(known, since[reason]) for reason in reasons]).reshape(-1, HOURS)
    means = _means(past, weeks)
    others = _without(means[past.cell, past.hour], weeks[past.reason_of_count, past.hour], past.calls)
    dispersion = _dispersion(past, means, weeks, others)
    usual = Usual(
        dict(zip(past.cells, means.tolist(), strict=True)),
        dict(zip(reasons, weeks.tolist(), strict=True)),
        dict(zip(reasons, dispersion.tolist(), strict=True)),
        _nominal(past),
    )
    return replace(usual, chance=_chance(usual, past, weeks, others, len(known) / 7))


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


def _without(means: np.ndarray, weeks: np.ndarray, calls: np.ndarray) -> np.ndarray:
    """Return means without one of the weeks that each was learnt from."""
    found: np.ndarray = np.maximum((means * (weeks + PRIOR_WEEKS) - calls) / (weeks + PRIOR_WEEKS - 1), LEAST)
    return found


def _weeks(known: Collection[date], since: date) -> list[float]:
    """Return how often each hour of the week is known since a day."""
    days = np.zeros(7)
    for day in known:
        if day >= since:
            days[day.weekday()] += 1
    each: list[float] = np.repeat(days, 24).tolist()
    return each


@dataclass(frozen=True, slots=True)
class _Past:
    """The counts of history in columns: of zones, and of the whole city. `reason`: of each cell, by its place in the
    list of reasons; `city`: the place of the city's cell of each cell's reason."""

    cells: list[Cell]
    reason: np.ndarray
    city: np.ndarray
    cell: np.ndarray  # from here on by count
    hour: np.ndarray
    calls: np.ndarray

    @property
    def reason_of_count(self) -> np.ndarray:
        found: np.ndarray = self.reason[self.cell]
        return found

    @classmethod
    def of(cls, calls: Mapping[tuple[Cell, Hour], int], places: Mapping[str, int]) -> "_Past":
        whole: dict[tuple[str, Hour], int] = {}
        for (cell, hour), n in calls.items():
            whole[cell[0], hour] = whole.get((cell[0], hour), 0) + n
        rows = [(cell, hour, n) for (cell, hour), n in calls.items()]
        rows += [((reason, ALL_ZONES), hour, n) for (reason, hour), n in whole.items()]
        cells = list(dict.fromkeys(cell for cell, _, _ in rows))
        at = {cell: place for place, cell in enumerate(cells)}
        return cls(
            cells,
            np.array([places[cell[0]] for cell in cells], dtype=int),
            np.array([at[cell[0], ALL_ZONES] for cell in cells], dtype=int),
            np.array([at[cell] for cell, _, _ in rows], dtype=int),
            np.array([_of_week(hour) for _, hour, _ in rows], dtype=int),
            np.array([n for _, _, n in rows], dtype=float),
        )

    def sums(self, of_each: np.ndarray) -> np.ndarray:
        """Add up a value of each count, by cell and hour of the week."""
        flat = np.bincount(self.cell * HOURS + self.hour, weights=of_each, minlength=len(self.cells) * HOURS)
        return flat.reshape(-1, HOURS)


def _means(past: _Past, weeks: np.ndarray) -> np.ndarray:
    """Return the mean of each cell and hour of the week, drawn towards the rate of the cell times the daily and weekly
    course of its reason."""
    sums, known = past.sums(past.calls), weeks[past.reason]
    city = sums[past.city]
    course = (city + 1.0 / HOURS) / (city.sum(axis=1, keepdims=True) + 1.0)  # of the reason's calls, each hour's share
    smooth = (course + np.roll(course, 1, axis=1) + np.roll(course, -1, axis=1)) / 3
    there = np.maximum((smooth * known).sum(axis=1, keepdims=True), 1e-9)
    found: np.ndarray = (sums + PRIOR_WEEKS * smooth * sums.sum(axis=1, keepdims=True) / there) / (known + PRIOR_WEEKS)
    return found


def _dispersion(past: _Past, means: np.ndarray, weeks: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Return by reason how much more than Poisson's its counts scatter, by moments: E((x - m)^2 - m) = a m^2. That of a
    reason with few calls is drawn towards that of all. `others`: the mean of the other weeks, of each count."""
    known = weeks[past.reason]
    silent = np.maximum(known - past.sums(np.ones_like(past.calls)), 0)  # known hours without a call
    squares = past.sums((past.calls - others) ** 2) + silent * _without(means, known, np.zeros(1)) ** 2
    more = np.bincount(past.reason, weights=(squares - known * means).sum(axis=1), minlength=len(weeks))
    weight = np.bincount(past.reason, weights=(known * means**2).sum(axis=1), minlength=len(weeks))
    general = max(more.sum(), 0.0) / max(weight.sum(), 1e-9)
    found: np.ndarray = np.maximum(more + PRIOR_CELLS * general, 0.0) / (weight + PRIOR_CELLS)
    return found


def _nominal(past: _Past) -> float:
    """Return the probability by which ALARMS_PER_WEEK come by chance."""
    return ALARMS_PER_WEEK / (HOURS * max(len(past.cells), 1))


def _chance(usual: Usual, past: _Past, weeks: np.ndarray, others: np.ndarray, known_weeks: float) -> float:
    """Return the probability below which a count is a spike: the nominal one, or less if the past has more of them.
    What is usual in an hour of the past is learnt from the other weeks."""
    there = weeks[past.reason_of_count, past.hour]
    looked = np.flatnonzero((past.calls >= FEWEST) & (past.calls >= TIMES * others) & (there > KNOWN_WEEKS))
    found = []
    for place in looked.tolist():
        reason, n = past.cells[past.cell[place]][0], int(past.calls[place])
        spike = usual.judge(reason, float(others[place]), float(there[place]) - 1, n, usual.chance)
        if spike is not None:
            found.append(spike.chance)
    allowed = math.floor(ALARMS_PER_WEEK * known_weeks)
    return min(usual.chance, sorted(found)[allowed]) if len(found) > allowed else usual.chance


def history_days(today: date, weeks: int) -> tuple[date, date]:
    """Return the first and the last day of so many weeks of history. Today is not over, and is no part of it."""
    return today - timedelta(weeks=weeks), today - timedelta(days=1)
