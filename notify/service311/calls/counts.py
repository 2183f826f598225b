"""How many people called today and why: the ten most frequent reasons, by zone and by hour."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time

from sqlalchemy import text
from sqlalchemy.orm import Session

from notify.core.settings import settings

TOP = 10
HOURS = 24


@dataclass(frozen=True, slots=True)
class Counted:
    """A reason of today. `by_zone`: id (None: not known), name and calls of each zone, the most first. `by_hour`: calls
    of each hour of the day on the city's clock."""

    reason: str
    calls: int
    by_zone: tuple[tuple[int | None, str, int], ...]
    by_hour: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Today:
    day: date
    calls: int
    top: tuple[Counted, ...]
    by_hour: tuple[int, ...]


def today(s: Session, now: datetime, zone_id: int | None = None) -> Today:
    """Return the counts since midnight on the city's clock; `zone_id`: of one zone."""
    tz = settings().tz
    day = now.astimezone(tz).date()
    rows = s.execute(
        text("""SELECT c.reason, c.zone_id, coalesce(z.name, '') AS zone, count(*) AS calls,
                       extract(hour FROM c.at AT TIME ZONE :tz)::int AS hour
                  FROM calls c LEFT JOIN zones z ON z.id = c.zone_id
                 WHERE c.at >= :since AND c.at <= :now
                   AND (CAST(:zone AS bigint) IS NULL OR c.zone_id = :zone)
                 GROUP BY 1, 2, 3, 5"""),
        {"tz": str(tz), "since": midnight(day), "now": now, "zone": zone_id},
    ).all()
    reasons: Counter[str] = Counter()
    zones: dict[str, Counter[tuple[int | None, str]]] = {}
    hours: dict[str, list[int]] = {}
    for row in rows:
        reasons[row.reason] += row.calls
        zones.setdefault(row.reason, Counter())[row.zone_id, row.zone] += row.calls
        hours.setdefault(row.reason, [0] * HOURS)[row.hour] += row.calls
    top = sorted(reasons.items(), key=lambda one: (-one[1], one[0]))[:TOP]
    return Today(
        day,
        sum(reasons.values()),
        tuple(Counted(name, calls, _most(zones[name]), tuple(hours[name])) for name, calls in top),
        _sums(hours.values()),
    )


def midnight(day: date) -> datetime:
    """Return when a day begins on the city's clock."""
    return datetime.combine(day, time(), settings().tz)


def _most(zones: Counter[tuple[int | None, str]]) -> tuple[tuple[int | None, str, int], ...]:
    ordered = sorted(zones.items(), key=lambda one: (-one[1], one[0][1]))
    return tuple((number, name, calls) for (number, name), calls in ordered)


def _sums(hours: Iterable[Sequence[int]]) -> tuple[int, ...]:
    each = list(hours)
    return tuple(sum(one[hour] for one in each) for hour in range(HOURS))
