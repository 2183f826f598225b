"""When an alert launches and when it ends, and whether the times in its words agree with that."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from notify.content.blanks import Blank
from notify.content.events import Event
from notify.content.filling import Filled
from notify.core.city_time import on_clock, shown
from notify.core.errors import Invalid

DEFAULT_LIFE = timedelta(hours=12)
LONGEST_LIFE = timedelta(days=14)
SHORTEST_LIFE = timedelta(minutes=1)
FURTHEST_LAUNCH = timedelta(days=366)


@dataclass(frozen=True, slots=True)
class Times:
    """`launch_at` None: when it is told to. `begins_at`: the planned launch, from which its life counts. All aware."""

    begins_at: datetime
    launch_at: datetime | None
    expires_at: datetime


def plan(
    now: datetime, launch_at: datetime | None, expires_at: datetime | None, lasts: timedelta | None, zone: ZoneInfo
) -> Times:
    """An alert's times, from an end or a length of life, or neither. Raises Invalid for those that cannot be."""
    begins_at = now if launch_at is None else launch_at
    if begins_at < now:
        raise Invalid(
            f"The launch at {_told(begins_at, zone)} is in the past.",
            hint="Leave the launch time out to send the alert when it is launched.",
        )
    if begins_at > now + FURTHEST_LAUNCH:
        raise Invalid(
            f"The launch at {_told(begins_at, zone)} is more than a year away.", hint="Give an earlier launch."
        )
    if expires_at is not None and lasts is not None:
        raise Invalid("An alert has an end or a length of life, not both.", hint="Give one of the two.")
    if expires_at is None:
        expires_at = begins_at + _life(DEFAULT_LIFE if lasts is None else lasts)
    if expires_at <= begins_at:
        raise Invalid(
            f"The alert would expire at {_told(expires_at, zone)}, before its launch at {_told(begins_at, zone)}.",
            hint="Give a later expiry, or how long it lasts from its launch: 6h.",
        )
    if expires_at < begins_at + SHORTEST_LIFE:
        raise Invalid("The alert would expire at once.", hint="Give it a minute or more from its launch.")
    if expires_at > begins_at + LONGEST_LIFE:
        raise Invalid("An alert lives for 14 days from its launch at most.", hint="Give an earlier expiry.")
    return Times(begins_at, launch_at, expires_at)


def _life(lasts: timedelta) -> timedelta:
    """Bounded, because a sum beyond the calendar is an error of its own."""
    return min(lasts, LONGEST_LIFE + SHORTEST_LIFE)


def _told(when: datetime, zone: ZoneInfo) -> str:
    try:
        return shown(when, zone)
    except OverflowError:  # on the city's clocks it would be before the calendar, or after it
        return when.isoformat()


def check_blanks(event: Event, filled: Filled, times: Times, zone: ZoneInfo) -> None:
    """Hold the times among the blanks against launch, end and each other, as the event declares.

    Raises Invalid with every contradiction.
    """
    known = {
        # People write minutes: a danger that begins in the minute of the launch is not over.
        "launch": _Span.at(times.begins_at.astimezone(zone).replace(second=0, microsecond=0)),
        "expires": _Span.at(times.expires_at.astimezone(zone)),
    }
    wrong = []
    for blank in event.blanks(filled.phase):
        if blank.name in filled.values and blank.type in ("datetime", "date"):
            try:
                known[blank.name] = _span(blank, filled.values[blank.name], zone)
            except ValueError as error:
                wrong.append(f"Blank '{blank.name}' cannot be used: {filled.values[blank.name]} {error}.")
    for blank in event.blanks(filled.phase):
        if blank.name in known:
            wrong += _contradictions(blank, known)
    if wrong:
        raise Invalid("The times in the message contradict each other.", hint="Correct what is listed.", details=wrong)


@dataclass(frozen=True, slots=True)
class _Span:
    """A moment, or a day from its first moment to its last one."""

    first: datetime
    last: datetime
    words: str

    @classmethod
    def at(cls, when: datetime) -> "_Span":
        return cls(when, when, f"{when:%Y-%m-%d %H:%M}")


def _span(blank: Blank, value: str, zone: ZoneInfo) -> _Span:
    if blank.type == "datetime":
        return _Span.at(on_clock(datetime.fromisoformat(value), zone))
    day = date.fromisoformat(value)
    begin, end = (datetime.combine(day, edge, zone) for edge in (time.min, time.max))
    return _Span(begin, end, f"{day}")


_NAMES = {"launch": "the launch", "expires": "the end of the alert"}


def _called(name: str) -> str:
    return _NAMES.get(name, f"'{name}'")


def _contradictions(blank: Blank, known: dict[str, _Span]) -> list[str]:
    own = known[blank.name]
    told = f"Blank '{blank.name}' is {own.words}"
    others = {name: span for name, span in known.items() if name != blank.name}
    early = [name for name in blank.not_before if name in others and own.last < others[name].first]
    late = [name for name in blank.before if name in others and own.first >= others[name].last]
    same = [name for name in blank.unlike if name in others and own == others[name]]
    return [
        *(f"{told}, before {_called(name)} ({known[name].words})." for name in early),
        *(f"{told}, not before {_called(name)} ({known[name].words})." for name in late),
        *(f"{told}, the same as '{name}'." for name in same),
    ]
