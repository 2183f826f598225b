"""Read and show times on the city's clocks, which skip an hour in spring and repeat one in autumn."""

import re
from datetime import UTC, datetime, timedelta
from math import inf
from typing import Literal
from zoneinfo import ZoneInfo

from notify.core import translation
from notify.core.translation import gettext as _

_UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}
_SPAN = re.compile(r"(\d{1,5})([mhd])")
# What people write in place of m, h and d, in English and in Spanish. No full month: that is no fixed time.
_UNIT_WORDS = re.compile(r"(?<=\d)(?:(m)in(?:ute|uto)?s?|(h)(?:(?:ou)?r|ora)s?|(d)(?:ay|[ií]a)s?)\b\.?,?")


def on_clock(at: datetime, zone: ZoneInfo) -> datetime:
    """The instant, in `zone`. A time without an offset is taken as local time in `zone`.

    Raises ValueError when the clocks never show that time or show it twice, or when no calendar has it there or in UTC.
    Its text completes a sentence that begins with the time.
    """
    try:
        here = _on_clock(at, zone)
        here.astimezone(UTC)
    except OverflowError:
        raise ValueError(_("is beyond the calendar")) from None
    return here


def _on_clock(at: datetime, zone: ZoneInfo) -> datetime:
    if at.tzinfo is not None:
        return at.astimezone(zone)
    first, second = at.replace(tzinfo=zone, fold=0), at.replace(tzinfo=zone, fold=1)
    if first.utcoffset() == second.utcoffset():
        return first
    if first.astimezone(UTC) > second.astimezone(UTC):  # PEP 495: in a gap, fold=0 is read with the offset before it
        raise ValueError(_("does not exist: the clocks jump over it when summer time begins"))
    either = " or ".join(one.isoformat(timespec="minutes") for one in (first, second))
    raise ValueError(_("comes twice, because the clocks are set back. Which is it: %(either)s", either=either))


def shown(at: datetime, zone: ZoneInfo) -> str:
    """A time for people: local, to the second, with the zone's abbreviation: `2027-01-12 18:00:00 EST`."""
    return f"{at.astimezone(zone):%Y-%m-%d %H:%M:%S %Z}"


def apart(at: datetime, now: datetime) -> str:
    """How far away a time is, for people, in the unit that fits: `in 13 hours`, `5 minutes ago`."""
    from babel.dates import format_timedelta

    s = abs((at - now).total_seconds())
    unit: Literal["second", "minute", "hour", "day"]
    unit = "second" if s < 90 else "minute" if s < 90 * 60 else "hour" if s < 36 * 3600 else "day"
    # `threshold`: in no unit that is larger.
    return format_timedelta(at - now, unit, threshold=inf, add_direction=True, locale=translation.locale())


def lasting(span: timedelta) -> str:
    """A duration for people, to the minute: `12 hours`, `1 day 30 minutes`, `under a minute`."""
    from babel.dates import format_timedelta

    minutes = round(span.total_seconds() / 60)
    if span < timedelta(minutes=1):
        return _("under a minute")
    parts = {"day": minutes // 1440, "hour": minutes % 1440 // 60, "minute": minutes % 60}
    units: tuple[Literal["day", "hour", "minute"], ...] = ("day", "hour", "minute")
    return " ".join(
        format_timedelta(timedelta(**{f"{unit}s": parts[unit]}), unit, threshold=inf, locale=translation.locale())
        for unit in units
        if parts[unit]
    )


def moment(words: str, zone: ZoneInfo) -> datetime:
    """An ISO 8601 time in UTC; one without an offset is local time in `zone`. Raises ValueError as `on_clock` does."""
    try:
        read = datetime.fromisoformat(words)
    except ValueError:
        raise ValueError(
            _("is not a valid time. Use 30m, 6h, 2d or an ISO 8601 time such as 2027-01-12T18:00")
        ) from None
    return on_clock(read, zone).astimezone(UTC)


def span(words: str) -> timedelta | None:
    """The duration of `30m`, `6h`, `2d` or `2 days`; None for any other text."""
    match = _SPAN.fullmatch(short_units(words))
    return int(match[1]) * _UNITS[match[2]] if match else None


def short_units(words: str) -> str:
    """Rewrite a duration of whole words with short units: `4 hours` as `4h`, `1 día 12 horas` as `1d12h`."""
    joined = re.sub(r"(?<=\d)\s+", "", words.strip().lower())
    return _UNIT_WORDS.sub(lambda match: match[match.lastindex or 0], joined).replace(" ", "")
