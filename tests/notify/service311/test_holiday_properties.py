"""What holds for every calendar, whatever the schedules, rules, holidays and exceptions."""

from collections import Counter
from datetime import date, time, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from notify.service311.holiday_rules import calendar, closed_days
from notify.service311.preview import preview
from notify.service311.rules import (
    Cause,
    Collection,
    DayException,
    Direction,
    Effect,
    Holiday,
    Otherwise,
    Rule,
    State,
    Weekend,
)
from notify.service311.schedules import Schedule, Season, monday

FIRST, LAST = date(2026, 12, 7), date(2027, 1, 17)  # 2026 has 53 weeks
few = settings(max_examples=40)
NAMES = ["A", "B", "C"]
ZONES, STREAMS = ["1", "2"], ["trash", "yard"]
WITHOUT_DATE = (State.SUSPENDED, State.CLOSED, State.TO_BE_ANNOUNCED)

dates = st.dates(FIRST, LAST)
weekdays = st.integers(0, 6)
some = st.none() | st.frozensets(st.sampled_from(ZONES), min_size=1)


@st.composite
def schedules(draw: st.DrawFn) -> Schedule:
    days = draw(st.frozensets(weekdays, min_size=1, max_size=4))
    base = draw(dates)
    anchor = monday(base) + timedelta(days=min(days))
    season = draw(st.none() | st.just(Season((12, 14), (1, 4))))
    zone, stream = draw(st.sampled_from(ZONES)), draw(st.sampled_from(STREAMS))
    listed = draw(st.frozensets(dates, max_size=1))
    return Schedule(zone, stream, days, draw(st.integers(1, 3)), anchor, season, listed=listed)


@st.composite
def rules(draw: st.DrawFn) -> Rule:
    effect = draw(st.sampled_from(Effect))
    both_ways = effect in (Effect.SLIDE, Effect.HOLIDAY_ONLY)
    alone = effect in (Effect.HOLIDAY_ONLY, Effect.SET_OUT)
    return Rule(
        draw(st.frozensets(st.sampled_from(NAMES), min_size=1)),
        effect,
        draw(st.sampled_from(Direction)) if both_ways else Direction.LATER,
        zones=draw(some),
        bound=None if alone else draw(st.none() | weekdays),
        spill_to=draw(st.none() | weekdays),
        weekend=draw(st.sampled_from(Weekend)),
        otherwise=draw(st.sampled_from(Otherwise)),
        set_out_at=time(18) if effect is Effect.SET_OUT else None,
    )


@st.composite
def exceptions(draw: st.DrawFn) -> DayException:
    zone, stream = draw(st.none() | st.sampled_from(ZONES)), draw(st.none() | st.sampled_from(STREAMS))
    outcome = draw(dates | st.sampled_from(WITHOUT_DATE))
    moved_to, state = (None, outcome) if isinstance(outcome, State) else (outcome, None)
    return DayException(draw(dates), "Ana", "snow", zone, stream, moved_to, state)


holidays = st.lists(st.builds(Holiday, dates, st.sampled_from(NAMES)), max_size=6)
cities = st.tuples(
    st.lists(schedules(), min_size=1, max_size=4),
    holidays,
    st.lists(rules(), max_size=3),
    st.lists(exceptions(), max_size=2),
)
City = tuple[list[Schedule], list[Holiday], list[Rule], list[DayException]]


def due(schedule: Schedule, day: date) -> bool:
    """The same as `due_dates`, said in another way: the number of a week is that of its days since year 1."""
    assert schedule.anchor
    parity = ((day.toordinal() - 1) // 7 - (schedule.anchor.toordinal() - 1) // 7) % schedule.every_weeks
    in_season = schedule.season is None or (day.month, day.day) >= (12, 14) or (day.month, day.day) <= (1, 4)
    return day in schedule.listed or (day.weekday() in schedule.weekdays and parity == 0 and in_season)


@few
@given(cities)
def test_no_event_is_lost_or_invented(city: City) -> None:
    days = [FIRST + timedelta(days=n) for n in range((LAST - FIRST).days + 1)]
    expected = {(s.zone, s.stream, day) for s in city[0] for day in days if due(s, day)}
    found = calendar(*city, FIRST, LAST)
    assert Counter((c.zone, c.stream, c.nominal) for c in found) == Counter(expected)


@few
@given(cities)
def test_every_collection_is_on_its_day_moved_once_or_says_why_not(city: City) -> None:
    _, kept, all_rules, by_hand = city
    for c in calendar(*city, FIRST, LAST):
        assert (c.effective is None) == (c.set_out is None) == (c.state in WITHOUT_DATE)
        if c.effective:
            order = (c.effective > c.nominal) - (c.effective < c.nominal)
            assert c.state is [State.MOVED_EARLIER, State.ON_SCHEDULE, State.DELAYED][order + 1]
        decided = [each for each in by_hand if each.day == c.nominal and each.covers(c.zone, c.stream)]
        assert (c.why.cause is Cause.BY_HAND) == bool(decided)
        if decided:
            assert (c.why.author, c.why.reason, c.effective) == ("Ana", "snow", decided[-1].moved_to)
            continue
        own = [rule for rule in all_rules if rule.applies_to(c.zone, c.stream)]
        closed = {day: name for rule in own for day, name in closed_days(rule, kept).items()}
        assert (c.why.cause is Cause.REGULAR) == (c.state is State.ON_SCHEDULE)
        assert bool(c.why.holidays) == (c.state is not State.ON_SCHEDULE)
        assert set(c.why.holidays) <= set(closed.values())
        assert (c.effective or c.nominal) == c.nominal or c.why.cause is not Cause.REGULAR
        if c.effective and c.why.cause is not Cause.MERGED:
            assert monday(c.effective) == monday(c.nominal), "a move ends with its week"
            if c.why.cause is not Cause.REGULAR:
                shut = {each.day for rule in own for each in kept if each.name in rule.holidays}
                assert c.effective not in shut | closed.keys(), "nothing is moved to a holiday"
        if not any(monday(day) == monday(c.nominal) for day in closed):
            assert c.state is State.ON_SCHEDULE


@few
@given(cities)
def test_a_zone_has_one_collection_of_a_stream_a_day_unless_they_are_merged(city: City) -> None:
    of_day: dict[tuple[str, str, date], list[Collection]] = {}
    for c in calendar(*city, FIRST, LAST):
        if c.effective:
            of_day.setdefault((c.zone, c.stream, c.effective), []).append(c)
    for together in of_day.values():
        assert sum(c.why.cause not in (Cause.MERGED, Cause.BY_HAND) for c in together) <= 1


@few
@given(cities, dates)
def test_two_parts_of_a_calendar_are_the_whole(city: City, cut: date) -> None:
    parts = calendar(*city, FIRST, cut) + calendar(*city, cut + timedelta(days=1), LAST)
    assert parts == calendar(*city, FIRST, LAST)


@few
@given(cities, st.lists(rules(), max_size=3))
def test_a_preview_leads_from_the_old_calendar_to_the_new(city: City, edited: list[Rule]) -> None:
    old = calendar(*city, FIRST, LAST)
    new = calendar(city[0], city[1], edited, city[3], FIRST, LAST)
    changed = preview(old, new)
    applied = {(c.nominal, c.zone, c.stream): c for c in old}
    for change in changed:
        key = (change.nominal, change.zone, change.stream)
        assert change.old == applied[key] != change.new
        assert change.new
        applied[key] = change.new
        assert change.date_differs or change.old.effective == change.new.effective
    assert list(applied.values()) == new
    assert preview(old, old) == []
