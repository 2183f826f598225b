"""Arithmetic of quiet hours: whether a local clock shows them, and when they end.

Quiet hours are times of a local clock, such as 21:00 to 08:00, whatever the clock skips or repeats when summer time
begins or ends. Nothing here reads the time or the database; `quiet_until` and `digest_at` of the schema do the same for
what is stored there.
"""

import re
from datetime import UTC, date, datetime, time, timedelta
from typing import Literal, NamedTuple
from zoneinfo import ZoneInfo

_HOURS = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)\s*-\s*([01]?\d|2[0-3]):([0-5]\d)")


class QuietHours(NamedTuple):
    """From one local time until before another, perhaps across midnight. Both alike: never."""

    begin: time
    end: time

    def include(self, local: time) -> bool:
        if self.begin < self.end:
            return self.begin <= local < self.end
        return self.begin != self.end and (local >= self.begin or local < self.end)


NEVER = QuietHours(time(0), time(0))
DIGEST = time(17)  # people come home


def read(text: str) -> QuietHours:
    """Read `21:00-08:00`, or `off`. Raises ValueError, whose text completes a sentence."""
    if text.strip().lower() == "off":
        return NEVER
    found = _HOURS.fullmatch(text.strip())
    if found is None:
        raise ValueError("is not two times of day, such as 21:00-08:00, or off")
    begin_hour, begin_minute, end_hour, end_minute = map(int, found.groups())
    return QuietHours(time(begin_hour, begin_minute), time(end_hour, end_minute))


def until(now: datetime, hours: QuietHours, zone: ZoneInfo) -> datetime | None:
    """Return when the quiet time that `now` is in ends, in UTC; None outside of quiet time.

    Where the clocks are set back over the end, it is the later of the two moments; where they are set forward over it,
    it is as long after the jump as the end is after the time that was jumped over.
    """
    local = now.astimezone(zone)
    clock = local.time()
    if not hours.include(clock):
        return None
    day = local.date() + timedelta(days=1) if clock >= hours.end else local.date()
    return moment(day, hours.end, zone)


def digest_at(now: datetime, digest: Literal["daily", "weekly"], zone: ZoneInfo) -> datetime:
    """Return when the next digest goes out, in UTC: each day at DIGEST, or on Mondays only."""
    local = now.astimezone(zone)
    day = local.date() + timedelta(days=int(local.time() >= DIGEST))
    if digest == "weekly":
        day += timedelta(days=-day.weekday() % 7)
    return moment(day, DIGEST, zone)


def moment(day: date, clock: time, zone: ZoneInfo) -> datetime:
    """Return the moment, in UTC, at which a local clock shows a time; the later one where it is shown twice."""
    shown = datetime.combine(day, clock)
    return max(shown.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
