"""What a holiday does to collections, and what staff change by hand: the values that `holiday_rules` works upon."""

from dataclasses import dataclass
from datetime import date, time
from enum import StrEnum

from notify.core.errors import Invalid
from notify.core.translation import gettext as _

SATURDAY = 5


@dataclass(frozen=True, slots=True)
class Holiday:
    """A day that the city lists by name: a holiday, a storm. A rule names it; a day that no rule names does nothing."""

    day: date
    name: str


class Effect(StrEnum):
    """What becomes of the collections that a rule reaches."""

    SLIDE = "slide"  # the day itself and the days after it in the same week move, by a day for each holiday
    HOLIDAY_ONLY = "holiday_only"  # what is due on the holiday moves to the next day that is not a holiday
    SET_OUT = "set_out"  # set out in the evening of the holiday, collected the next day
    MERGE = "merge"  # collected together with another day's
    SUSPEND = "suspend"  # not collected; residents keep it until the next regular day
    ANNOUNCE = "announce"  # moves, but nobody knows yet to which day
    CLOSE = "close"  # a drop-off site is shut


class Direction(StrEnum):
    LATER = "later"
    EARLIER = "earlier"


class Weekend(StrEnum):
    """What a holiday on a Saturday or Sunday does."""

    IGNORE = "ignore"  # nothing
    AS_IT_FALLS = "as_it_falls"  # the same as on any other day
    NEAREST = "nearest"  # observed on Friday for Saturday, on Monday for Sunday
    NEXT = "next"  # observed on the next weekday that is not a holiday itself


class Otherwise(StrEnum):
    """What becomes of a collection for which its week has no day left."""

    ANNOUNCE = "announce"  # no date is better than a wrong one
    MERGE = "merge"
    SUSPEND = "suspend"


@dataclass(frozen=True, slots=True)
class Rule:
    """What the named holidays do. Earlier rules of a list come before later ones; `holiday_rules.calendar` says how.

    zones, streams: None for all.
    bound: the last weekday whose collections the rule reaches, counted in its direction; without one a slide reaches
        the whole rest of the week, and any other effect only the holiday itself.
    spill_to: the last weekday on which moved collections are made, in the rule's direction; Saturday and Monday unless
        given. For MERGE the weekday on which they are collected together; without one, the next regular day.
    set_out_at: when to set out on the evening of the holiday; SET_OUT needs it.
    """

    holidays: frozenset[str]
    effect: Effect
    direction: Direction = Direction.LATER
    zones: frozenset[str] | None = None
    streams: frozenset[str] | None = None
    bound: int | None = None
    spill_to: int | None = None
    weekend: Weekend = Weekend.IGNORE
    otherwise: Otherwise = Otherwise.ANNOUNCE
    set_out_at: time | None = None

    def __post_init__(self) -> None:
        if self.effect is Effect.SET_OUT and self.set_out_at is None:
            raise Invalid(_("A rule to set out in the evening has no time."), hint=_("Give the time, such as 18:00."))
        if self.direction is Direction.EARLIER and self.effect not in (Effect.SLIDE, Effect.HOLIDAY_ONLY):
            raise Invalid(
                _("The effect %(effect)s has no earlier day.", effect=self.effect.value),
                hint=_("Use slide or holiday_only, or later."),
            )
        if self.bound is not None and self.effect in (Effect.HOLIDAY_ONLY, Effect.SET_OUT):
            raise Invalid(
                _("The effect %(effect)s reaches the holiday alone.", effect=self.effect.value),
                hint=_("Use slide, or leave out the bound."),
            )
        for weekday in (self.bound, self.spill_to):
            if weekday is not None and weekday not in range(7):
                raise Invalid(
                    _("%(given)s is not a weekday.", given=weekday), hint=_("Use 0 for Monday to 6 for Sunday.")
                )

    def applies_to(self, zone: str, stream: str) -> bool:
        return (self.zones is None or zone in self.zones) and (self.streams is None or stream in self.streams)

    @property
    def step(self) -> int:
        return -1 if self.direction is Direction.EARLIER else 1

    @property
    def last_weekday(self) -> int:
        """The weekday that no moved collection of this rule passes."""
        if self.spill_to is not None:
            return self.spill_to
        return SATURDAY if self.direction is Direction.LATER else 0


class State(StrEnum):
    ON_SCHEDULE = "ON_SCHEDULE"
    DELAYED = "DELAYED"
    MOVED_EARLIER = "MOVED_EARLIER"
    SUSPENDED = "SUSPENDED"
    CLOSED = "CLOSED"
    TO_BE_ANNOUNCED = "TO_BE_ANNOUNCED"


@dataclass(frozen=True, slots=True)
class DayException:
    """One day's change by hand. It wins over every rule; of two, the later in the list wins.

    day: the nominal date, that of the schedule. zone, stream: None for all. Either `moved_to` (the same date: it is
    collected on its day although a rule says otherwise), or `state` SUSPENDED, CLOSED or TO_BE_ANNOUNCED.
    """

    day: date
    author: str
    reason: str
    zone: str | None = None
    stream: str | None = None
    moved_to: date | None = None
    state: State | None = None

    def __post_init__(self) -> None:
        without_date = (State.SUSPENDED, State.CLOSED, State.TO_BE_ANNOUNCED)
        if (self.moved_to is None) == (self.state is None) or self.state not in (None, *without_date):
            raise Invalid(_("An exception needs a new date, or what happens instead."), hint=_("Give one of the two."))
        if not self.author.strip() or not self.reason.strip():
            raise Invalid(_("An exception has no author or no reason."), hint=_("Say who decided it, and why."))

    def covers(self, zone: str, stream: str) -> bool:
        return self.zone in (None, zone) and self.stream in (None, stream)


class Cause(StrEnum):
    """Why a collection is when it is: the key of a sentence in each language, with the values of `Why`."""

    REGULAR = "regular"
    SLIDE = "slide"
    HOLIDAY_ONLY = "holiday_only"
    SET_OUT = "set_out"
    MERGED = "merged"
    SUSPENDED = "suspended"
    CLOSED = "closed"
    ANNOUNCED_LATER = "announced_later"
    NO_DAY_LEFT = "no_day_left"  # its week has no day for it; the state says what happens instead
    BY_HAND = "by_hand"


@dataclass(frozen=True, slots=True)
class Why:
    """holidays: their names, in order of their dates. until: the date of the next collection of a suspended one, if
    there is one within eight weeks. author, reason: of an exception; it has holidays
    only where the rules give the same day."""

    cause: Cause
    holidays: tuple[str, ...] = ()
    until: date | None = None
    author: str = ""
    reason: str = ""


REGULAR = Why(Cause.REGULAR)


@dataclass(frozen=True, slots=True)
class SetOut:
    """The date and the wall-clock time at which residents may set out."""

    day: date
    at: time


@dataclass(frozen=True, slots=True)
class Collection:
    """One collection. (zone, stream, nominal) is its identity, however often it moves.

    effective: the date of the truck; None unless ON_SCHEDULE, DELAYED or MOVED_EARLIER. set_out: None together with it.
    """

    zone: str
    stream: str
    nominal: date
    effective: date | None
    state: State
    set_out: SetOut | None
    why: Why
