"""Which zones read what in a notice, as tables; the days come from the holiday engine itself."""

from collections import defaultdict
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from notify.core.translation import speaking
from notify.service311.holiday_rules import calendar
from notify.service311.notices import parts, publishing, words
from notify.service311.rules import (
    Cause,
    Collection,
    DayException,
    Direction,
    Effect,
    Holiday,
    Otherwise,
    Rule,
    SetOut,
    State,
    Why,
)
from notify.service311.schedules import Schedule
from tests.notify.service311.weeks import on

HOLIDAY = Holiday(date(2026, 11, 26), "Thanksgiving Day")
NAMES = frozenset({HOLIDAY.name})
WEEK = [on(day, zone=str(n), stream=stream) for n, day in enumerate(("Mon", "Tue", "Wed", "Thu", "Fri"), 1)
        for stream in ("trash", "recycling")]  # fmt: skip


def calendars(
    schedules: list[Schedule], rules: list[Rule], exceptions: tuple[DayException, ...] = ()
) -> dict[int, list[Collection]]:
    found: dict[int, list[Collection]] = defaultdict(list)
    first = HOLIDAY.day - timedelta(weeks=4)
    for one in calendar(schedules, [HOLIDAY], rules, exceptions, first, first + timedelta(weeks=10)):
        found[int(one.zone)].append(one)
    return found


def said(found: list[parts.Part], language: str = "en") -> dict[tuple[int, ...], str]:
    with speaking(language):
        return {part.zones: " ".join(words.sentences(part)) for part in found}


def test_streams_that_differ_in_their_set_out_time_alone_are_told_in_one_sentence() -> None:
    thursday, friday = HOLIDAY.day, HOLIDAY.day + timedelta(days=1)
    at = {"trash": time(7), "recycling": time(6)}
    moves = [parts.Move(thursday, (one,), State.DELAYED, friday, SetOut(friday, hour)) for one, hour in at.items()]
    part = parts.Part((4,), tuple(moves))
    assert said([part]) == {(4,): "Your trash and recycling of Thursday, Nov 26 move to Friday, Nov 27."}
    with speaking("en"):
        assert [one.partition(" by ")[0] for one in words.to_do(part)] == [
            "Set out your trash",
            "Set out your recycling",
        ]


def test_a_slide_concerns_the_rest_of_the_week_alone() -> None:
    found = parts.of_holiday(calendars(WEEK, [Rule(NAMES, Effect.SLIDE)]), HOLIDAY.name, HOLIDAY.day)
    assert said(found) == {
        (4,): "Your trash and recycling of Thursday, Nov 26 move to Friday, Nov 27.",
        (5,): "Your trash and recycling of Friday, Nov 27 move to Saturday, Nov 28.",
    }
    assert said(found, "es") == {
        (4,): "Su basura y reciclaje del jueves 26 de nov pasan al viernes 27 de nov.",
        (5,): "Su basura y reciclaje del viernes 27 de nov pasan al sábado 28 de nov.",
    }
    assert found[0].last_day == date(2026, 11, 27)


THURSDAYS = [on("Thu", zone="4"), on("Thu", zone="7"), on("Mon", zone="1")]
EFFECTS = [
    (Rule(NAMES, Effect.HOLIDAY_ONLY), (), "Your trash of Thursday, Nov 26 moves to Friday, Nov 27."),
    (Rule(NAMES, Effect.HOLIDAY_ONLY, direction=Direction.EARLIER), (),
     "Your trash of Thursday, Nov 26 moves to an earlier day, Wednesday, Nov 25."),
    (Rule(NAMES, Effect.SET_OUT, set_out_at=time(18)), (),
     "Set out your Thursday trash on Thursday, Nov 26, from 6:00 PM on. The truck comes on Friday, Nov 27."),
    (Rule(NAMES, Effect.SUSPEND), (), "No trash collection on Thursday, Nov 26. Keep it until Thursday, Dec 3."),
    (Rule(NAMES, Effect.ANNOUNCE), (),
     "No trash collection on Thursday, Nov 26. We will tell you the new day."),
    (Rule(NAMES, Effect.CLOSE), (), "The drop-off for trash is closed on Thursday, Nov 26."),
    (Rule(NAMES, Effect.MERGE, otherwise=Otherwise.MERGE), (),
     "Your trash of Thursday, Nov 26: collected together with the next, on Thursday, Dec 3."),
    (Rule(NAMES, Effect.SLIDE), (DayException(HOLIDAY.day, "Ana", "a crew works", zone="7", moved_to=HOLIDAY.day),),
     "Your trash of Thursday, Nov 26 moves to Friday, Nov 27."),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "exceptions", "expected"), EFFECTS, ids=[one[2][:40] for one in EFFECTS])
def test_each_effect_has_its_sentence(rule: Rule, exceptions: tuple[DayException, ...], expected: str) -> None:
    """Zones with the same fate are one part; the zone of Mondays, and one that an exception keeps, are in none."""
    found = parts.of_holiday(calendars(THURSDAYS, [rule], exceptions), HOLIDAY.name, HOLIDAY.day)
    assert said(found) == {(4,) if exceptions else (4, 7): expected}


def test_streams_with_different_fates_are_told_apart() -> None:
    schedules = [on("Thu", zone="4"), on("Thu", zone="4", stream="bulky"), on("Fri", zone="4", stream="recycling")]
    rules = [Rule(NAMES, Effect.SUSPEND, streams=frozenset({"bulky"})), Rule(NAMES, Effect.SLIDE)]
    (found,) = said(parts.of_holiday(calendars(schedules, rules), HOLIDAY.name, HOLIDAY.day)).values()
    assert found == (
        "Your trash of Thursday, Nov 26 moves to Friday, Nov 27. "
        "No bulky items collection on Thursday, Nov 26. Keep them until Thursday, Dec 3. "
        "Your recycling of Friday, Nov 27 moves to Saturday, Nov 28."
    )


def test_what_changes_by_hand_in_the_same_week_is_told_with_it() -> None:
    by_hand = DayException(date(2026, 11, 24), "Ana", "snow", zone="4", state=State.TO_BE_ANNOUNCED)
    elsewhere = DayException(date(2026, 11, 24), "Ana", "snow", zone="2", state=State.SUSPENDED)
    earlier = DayException(date(2026, 11, 17), "Ana", "snow", zone="4", state=State.SUSPENDED)
    schedules = [on("Tue", "Thu", zone="4"), on("Tue", zone="2")]
    found = calendars(schedules, [Rule(NAMES, Effect.SLIDE)], (by_hand, elsewhere, earlier))
    suspended, both = parts.of_holiday(found, HOLIDAY.name, HOLIDAY.day)
    assert (suspended.zones, both.zones) == ((2,), (4,))
    assert [(one.nominal.day, one.state) for one in both.moves] == [
        (24, State.TO_BE_ANNOUNCED), (26, State.DELAYED),
    ]  # fmt: skip


def test_a_change_of_the_edition_is_told_with_its_dates_from_a_day_on() -> None:
    before = calendars(THURSDAYS, [])
    storm = tuple(
        DayException(day, "Ana", "snow", zone="4", moved_to=day + timedelta(days=2))
        for day in (date(2026, 11, 19), HOLIDAY.day, date(2026, 12, 3))
    )
    found = parts.of_edit(before, calendars(THURSDAYS, [], storm), HOLIDAY.day)
    assert said(found) == {
        (4,): "Your trash of Thursday, Nov 26 moves to Saturday, Nov 28. "
        "Your trash of Thursday, Dec 3 moves to Saturday, Dec 5."
    }
    back = parts.of_edit(calendars(THURSDAYS, [], storm), before, HOLIDAY.day)
    assert said(back)[4,].startswith("Your trash: collected on the usual day, Thursday, Nov 26.")
    assert parts.of_edit(before, before, HOLIDAY.day) == []


def test_an_email_says_when_to_set_out() -> None:
    (part,) = parts.of_holiday(calendars(THURSDAYS, [Rule(NAMES, Effect.SLIDE)]), HOLIDAY.name, HOLIDAY.day)
    with speaking("en"):
        assert words.to_do(part) == ["Set out your trash on Thursday, Nov 26, from 6:00 PM on."]
    with speaking("es"):
        assert words.to_do(part)[0].endswith("6:00 pm.")


def test_a_notice_holds_until_its_last_day_is_over_in_the_city() -> None:
    city, now = ZoneInfo("America/New_York"), datetime(2026, 11, 30, 16, tzinfo=UTC)
    assert publishing.ends(date(2026, 12, 26), now, city) == datetime(2026, 12, 26, 23, 59, tzinfo=city)


def test_what_is_to_be_announced_keeps_its_notice_for_a_week_more() -> None:
    open_end = parts.Move(HOLIDAY.day, ("trash",), State.TO_BE_ANNOUNCED)
    assert parts.Part((1,), (open_end,)).last_day == HOLIDAY.day + timedelta(days=7)
    off = parts.Move(HOLIDAY.day, ("trash",), State.SUSPENDED)
    assert parts.Part((1,), (off,)).last_day == HOLIDAY.day


def test_a_notice_holds_until_the_next_regular_day_that_its_words_name() -> None:
    next_day = HOLIDAY.day + timedelta(days=7)
    off = parts.Part((1,), (parts.Move(HOLIDAY.day, ("trash",), State.SUSPENDED, until=next_day),))
    assert (off.last_day, off.last_change) == (next_day, HOLIDAY.day)


def test_a_holiday_on_a_sunday_is_told_with_the_week_that_it_moves() -> None:
    """Observed on Monday, it moves the week after its own; a week further on is another story."""
    sunday, why = date(2027, 7, 4), Why(Cause.SLIDE, ("Independence Day",))
    each = [
        Collection("1", "trash", day, day + timedelta(1), State.DELAYED, None, why)
        for day in (sunday + timedelta(1), sunday + timedelta(8))
    ]
    (part,) = parts.of_holiday({1: each}, "Independence Day", sunday)
    assert [move.nominal for move in part.moves] == [sunday + timedelta(1)]
