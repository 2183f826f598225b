"""The holiday engine: what the calendar of a zone is, given its schedules, the holidays, the rules and the exceptions.

Pure: no database, no clock. Each zone and stream is computed by itself, week by week. Within one:

1. An exception made by hand wins. It may share a day with another collection.
2. Else the first rule of the list that reaches the date decides. A date that no rule reaches is on schedule.
3. A moved collection never leaves its week and never lands on a holiday of its rules. If its week has no day left, or
   only one with a collection of the same stream, the rule's `otherwise` decides.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from notify.service311.rules import (
    REGULAR,
    Cause,
    Collection,
    DayException,
    Effect,
    Holiday,
    Otherwise,
    Rule,
    SetOut,
    State,
    Weekend,
    Why,
)
from notify.service311.schedules import DAY, Schedule, due_dates, monday

# How far ahead the next regular day is looked for. Fixed, so that a collection does not depend on the dates asked for.
AHEAD = timedelta(weeks=8)


def calendar(
    schedules: Iterable[Schedule],
    holidays: Sequence[Holiday],
    rules: Sequence[Rule],
    exceptions: Sequence[DayException],
    first: date,
    last: date,
) -> list[Collection]:
    """Return every collection with a nominal date from `first` to `last`, both included, by nominal date and zone.

    What is collected on a date in fact may have its nominal date in the week before or after, and with exceptions
    anywhere: ask for more than the dates that are shown.
    """
    streams: dict[tuple[str, str], list[Schedule]] = defaultdict(list)
    for schedule in schedules:
        streams[schedule.zone, schedule.stream].append(schedule)
    kept = [Closing(rule, holidays) for rule in rules]
    found = []
    for (zone, stream), of_stream in streams.items():
        closing = [each for each in kept if each.rule.applies_to(zone, stream)]
        by_hand = {each.day: each for each in exceptions if each.covers(zone, stream)}
        found += [c for c in _collections(of_stream, closing, by_hand, first, last) if first <= c.nominal <= last]
    return sorted(found, key=lambda c: (c.nominal, c.zone, c.stream))


def closed_days(rule: Rule, holidays: Sequence[Holiday]) -> dict[date, str]:
    """Return the dates on which the rule's holidays are kept, with their names: moved off the weekend if it says so."""
    days = {each.day: each.name for each in holidays if each.name in rule.holidays}
    kept = {day: name for day, name in days.items() if day.weekday() < 5 or rule.weekend is Weekend.AS_IT_FALLS}
    if rule.weekend in (Weekend.IGNORE, Weekend.AS_IT_FALLS):
        return kept
    for day, name in sorted(days.items()):
        if day.weekday() >= 5:
            # Christmas on a Saturday is kept on Thursday if Christmas Eve is a holiday, too; Boxing Day on Tuesday.
            step = -DAY if day.weekday() == 5 and rule.weekend is Weekend.NEAREST else DAY
            while day.weekday() >= 5 or day in kept:
                day += step
            kept[day] = name
    return kept


class Closing:
    """A rule with the dates on which its holidays are kept.

    shut: these, and the holidays on a weekend themselves: nothing is moved to such a date, though it moves nothing.
    """

    def __init__(self, rule: Rule, holidays: Sequence[Holiday]) -> None:
        self.rule = rule
        self.days = closed_days(rule, holidays)
        self.shut = {each.day: each.name for each in holidays if each.name in rule.holidays} | self.days
        self.of_week: dict[date, list[date]] = defaultdict(list)
        for day in sorted(self.shut):
            self.of_week[monday(day)].append(day)

    def reaching(self, due: date) -> list[date]:
        """Return the rule's days of the same week that change a collection due on this date, in order."""
        in_week = (day for day in self.of_week.get(monday(due), ()) if day in self.days)
        return [day for day in in_week if day == due or self._reaches_on(day, due)]

    def _reaches_on(self, day: date, due: date) -> bool:
        rule = self.rule
        if (due - day).days * rule.step <= 0:
            return False
        if rule.effect is Effect.SLIDE and (rule.last_weekday - due.weekday()) * rule.step <= 0:
            return False  # who is served on the last day of the week, or after it, stays there
        if rule.bound is None:
            return rule.effect is Effect.SLIDE
        return (rule.bound - due.weekday()) * rule.step >= 0


@dataclass(frozen=True, slots=True)
class _Plan:
    """What a rule wants for one due date, before its neighbours are looked at. target: None if no day is left."""

    rule: Rule
    target: date | None
    holidays: tuple[str, ...]


def _collections(
    schedules: Sequence[Schedule],
    closing: Sequence[Closing],
    by_hand: dict[date, DayException],
    first: date,
    last: date,
) -> list[Collection]:
    """Return the collections of one zone and stream: whole weeks, and those that others are merged into."""
    begin, end = monday(first), monday(last + AHEAD) + 6 * DAY
    due = {day: each for each in reversed(schedules) for day in due_dates(each, begin, end)}
    settled: dict[date, Collection] = {}
    plans: dict[date, _Plan] = {}
    for day in sorted(due):
        if day in by_hand:
            settled[day] = _by_hand(due[day], by_hand[day], _plan(day, closing))
        elif plan := _plan(day, closing):
            plans[day] = plan
        else:
            settled[day] = _at(due[day], day, day, REGULAR)
    waiting: list[date] = []
    taken = {c.effective for c in settled.values() if c.why.cause is Cause.REGULAR}
    for day, plan in plans.items():
        if collection := _moved(due[day], day, plan, taken):
            settled[day] = collection
            taken.add(collection.effective)
        else:
            waiting.append(day)
    # Those moved by hand may come from any week, however far from the dates asked for.
    moved = [
        each.moved_to
        for day, each in by_hand.items()
        if each.moved_to and any(due_dates(schedule, day, day) for schedule in schedules)
    ]
    _look_around(settled, {day: (due[day], plans[day]) for day in waiting}, moved)
    return list(settled.values())


def _look_around(
    settled: dict[date, Collection], waiting: dict[date, tuple[Schedule, _Plan]], moved_by_hand: Sequence[date]
) -> None:
    """Complete what depends on the other collections: what merges with the next, and until when one is suspended."""
    by_rule = [(c.nominal, c.effective) for c in settled.values() if c.effective and c.why.cause is not Cause.BY_HAND]

    def of_trucks(day: date) -> list[date]:
        # By the date of the truck; of the whole week, for a day before this one may have moved behind it.
        week, horizon = monday(day), day + AHEAD
        found = [at for nominal, at in by_rule if week <= nominal <= horizon]
        return [at for at in (*found, *moved_by_hand) if day < at <= horizon]

    for day, c in settled.items():
        if c.state is State.SUSPENDED:
            settled[day] = replace(c, why=replace(c.why, until=min(of_trucks(day), default=None)))
        elif c.why.cause is Cause.MERGED and c.effective and of_trucks(day).count(c.effective) == 1:
            settled[day] = replace(c, why=replace(c.why, cause=Cause.HOLIDAY_ONLY))  # it is alone on that day
    for day, (schedule, plan) in waiting.items():
        settled[day] = _with_next(schedule, day, plan, min(of_trucks(day), default=None))


def _plan(due: date, closing: Sequence[Closing]) -> _Plan | None:
    """Return what the first rule that reaches the date wants."""
    for each in closing:
        if days := each.reaching(due):
            rule, week = each.rule, monday(due)
            names = tuple(each.days[day] for day in days)
            if rule.effect is Effect.MERGE and rule.spill_to is not None:
                target = week + rule.spill_to * DAY
                if target == due and due not in each.days:
                    return None  # the day on which the others join it
                open_day = target > due and not any(target in one.shut for one in closing)
                return _Plan(rule, target if open_day else None, names)
            if rule.effect in (Effect.SLIDE, Effect.HOLIDAY_ONLY, Effect.SET_OUT):
                return _slide(due, rule, closing)
            return _Plan(rule, None, names)
    return None


def _slide(due: date, rule: Rule, closing: Sequence[Closing]) -> _Plan:
    """Walk from the due date in the rule's direction, over a day for each holiday before it and each one met."""
    week, pushing, closed = monday(due), dict[date, str](), dict[date, str]()
    for each in closing:
        same = rule.effect is Effect.SLIDE is each.rule.effect and each.rule.direction is rule.direction
        reaching = each.reaching(due) if same else []
        for day in each.of_week.get(week, ()):
            closed[day] = each.shut[day]
            if same and (day in reaching or (day in each.days and (day - due).days * rule.step > 0)):
                pushing[day] = each.days[day]
    names = {day: name for day, name in pushing.items() if (day - due).days * rule.step < 0}
    pending, day, step = len(names), due, rule.step * DAY
    while True:
        # A holiday of another rule on the way pushes only what would land on it.
        if day in pushing or (day in closed and not pending):
            pending += 1
            names[day] = closed[day]
        if not pending:
            break
        pending -= 1
        day += step
    end = week + rule.last_weekday * DAY
    target: date | None = day
    if (day - end).days * rule.step > 0:  # holidays add up no further than to the last day of the week
        room = rule.effect is Effect.SLIDE and (end - due).days * rule.step > 0 and end not in closed
        target = end if room else None
    return _Plan(rule, target, tuple(names[each] for each in sorted(names)))


def _moved(schedule: Schedule, due: date, plan: _Plan, taken: set[date | None]) -> Collection | None:
    """Return the collection unless it needs to know the next one: suspended ones, and those that merge with it."""
    rule, target = plan.rule, plan.target
    if rule.effect is Effect.CLOSE:
        return _without_date(schedule, due, State.CLOSED, Why(Cause.CLOSED, plan.holidays))
    if rule.effect is Effect.ANNOUNCE:
        return _without_date(schedule, due, State.TO_BE_ANNOUNCED, Why(Cause.ANNOUNCED_LATER, plan.holidays))
    if rule.effect is Effect.MERGE:
        return _at(schedule, due, target, Why(Cause.MERGED, plan.holidays)) if target else None
    if target and target not in taken:
        set_out = SetOut(target - DAY, rule.set_out_at) if rule.set_out_at else None
        return _at(schedule, due, target, Why(Cause(rule.effect.value), plan.holidays), set_out)
    if rule.otherwise is Otherwise.ANNOUNCE and rule.effect is not Effect.SUSPEND:
        return _without_date(schedule, due, State.TO_BE_ANNOUNCED, Why(Cause.NO_DAY_LEFT, plan.holidays))
    if target and rule.otherwise is Otherwise.MERGE:
        return _at(schedule, due, target, Why(Cause.MERGED, plan.holidays))
    return None


def _with_next(schedule: Schedule, due: date, plan: _Plan, until: date | None) -> Collection:
    rule = plan.rule
    if rule.effect is Effect.SUSPEND:
        return _without_date(schedule, due, State.SUSPENDED, Why(Cause.SUSPENDED, plan.holidays, until))
    if rule.effect is not Effect.MERGE and rule.otherwise is Otherwise.SUSPEND:
        return _without_date(schedule, due, State.SUSPENDED, Why(Cause.NO_DAY_LEFT, plan.holidays, until))
    if until:
        return _at(schedule, due, until, Why(Cause.MERGED, plan.holidays))
    return _without_date(schedule, due, State.TO_BE_ANNOUNCED, Why(Cause.NO_DAY_LEFT, plan.holidays))


def _by_hand(schedule: Schedule, exception: DayException, plan: _Plan | None) -> Collection:
    """Return what an exception says. Where that is the day that the rules give, too, their holidays are the reason."""
    as_ruled = plan is not None and plan.target is not None and plan.target == exception.moved_to
    holidays = plan.holidays if plan is not None and as_ruled else ()
    why = Why(Cause.BY_HAND, holidays, author=exception.author, reason=exception.reason)
    if exception.state:
        return _without_date(schedule, exception.day, exception.state, why)
    return _at(schedule, exception.day, exception.moved_to or exception.day, why)


def _at(schedule: Schedule, due: date, effective: date, why: Why, set_out: SetOut | None = None) -> Collection:
    state = State.ON_SCHEDULE
    if effective != due:
        state = State.DELAYED if effective > due else State.MOVED_EARLIER
    usual = SetOut(effective - schedule.set_out.days_before * DAY, schedule.set_out.at)
    return Collection(schedule.zone, schedule.stream, due, effective, state, set_out or usual, why)


def _without_date(schedule: Schedule, due: date, state: State, why: Why) -> Collection:
    return Collection(schedule.zone, schedule.stream, due, None, state, None, why)
