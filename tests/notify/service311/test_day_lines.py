"""The one line that an agent reads to a caller: due today, moved, called off, and from when a miss is reported."""

from datetime import date, datetime, time

import pytest

from notify.service311.desk.day_lines import Miss, lines
from notify.service311.open311.missed import opens_at
from notify.service311.rules import REGULAR, Cause, Collection, SetOut, State, Why

MON, WED, THU, FRI = (date(2026, 11, day) for day in (23, 25, 26, 27))
NEXT_TUE, NEXT_THU = date(2026, 12, 1), date(2026, 12, 3)
HOLIDAY = Why(Cause.SLIDE, ("Thanksgiving Day",))
STORM = Why(Cause.BY_HAND, reason="a snow storm", until=NEXT_THU)


def due(
    nominal: date, effective: date | None, state: State, why: Why = REGULAR, at: SetOut | None = None
) -> Collection:
    return Collection("7", "trash", nominal, effective, state, at, why)


def on(day: date, hour: int) -> datetime:
    return datetime.combine(day, time(hour))


ON_TIME = due(THU, THU, State.ON_SCHEDULE)
LATER = due(THU, FRI, State.DELAYED, HOLIDAY)
OFF = due(THU, None, State.SUSPENDED, STORM)
UNKNOWN = due(THU, None, State.TO_BE_ANNOUNCED, HOLIDAY)
NEXT = due(NEXT_THU, NEXT_THU, State.ON_SCHEDULE)
THEN = "Next on Thursday, December 3."
MOVED = "Instead of Thursday, November 26, because of Thanksgiving Day."
CALLED_OFF = (
    "Reason: a snow storm. The next one is on Thursday, December 3."
    " The city has called it off: no miss can be reported."
)
NOT_KNOWN = (
    "Because of Thanksgiving Day the day moves. The new day is not known yet."
    " No miss can be reported before the new day."
)


@pytest.mark.parametrize(
    ("now", "one", "said", "miss"),
    [
        (on(THU, 9), ON_TIME, f"due today. A miss can be reported after 6:00 PM. {THEN}", Miss.LATER),
        (on(THU, 18), ON_TIME, f"due today. A miss can be reported now. {THEN}", Miss.NOW),
        (on(FRI, 7), ON_TIME, f"was due on Thursday, November 26. A miss can be reported now. {THEN}", Miss.NOW),
        (
            on(date(2026, 11, 28), 9),
            LATER,
            f"was due on Friday, November 27. {MOVED} A miss can be reported now. {THEN}",
            Miss.NOW,
        ),
        (on(WED, 9), ON_TIME, "Next on Thursday, November 26.", Miss.NONE),
        (
            on(WED, 20),
            OFF,
            "Not on Thursday, November 26. Reason: a snow storm. The next one is on Thursday, December 3.",
            Miss.NONE,
        ),
        (
            on(THU, 9),
            LATER,
            f"due today; delayed until Friday, November 27. {MOVED} "
            "A miss can be reported on Friday, November 27, after 6:00 PM.",
            Miss.LATER,
        ),
        (on(FRI, 9), LATER, f"due today. {MOVED} A miss can be reported after 6:00 PM. {THEN}", Miss.LATER),
        (on(THU, 20), OFF, f"not collected today. {CALLED_OFF}", Miss.NONE),
        (on(FRI, 9), OFF, f"not collected on Thursday, November 26. {CALLED_OFF}", Miss.NONE),
        (on(THU, 20), UNKNOWN, f"not collected today. {NOT_KNOWN}", Miss.NONE),
    ],
)
def test_the_line_of_a_day(now: datetime, one: Collection, said: str, miss: Miss) -> None:
    [line] = lines([NEXT, one], now)
    assert (line.text, line.miss) == (f"Trash: {said}", miss)


def test_what_was_due_long_ago_is_not_spoken_of() -> None:
    [line] = lines([due(MON, MON, State.ON_SCHEDULE), NEXT], on(NEXT_TUE, 9))
    assert line.text == "Trash: Next on Thursday, December 3."


def test_what_is_set_out_in_the_evening_is_reported_the_next_morning() -> None:
    late = due(THU, THU, State.ON_SCHEDULE, at=SetOut(THU, time(18)))
    assert opens_at(late) == on(FRI, 8)
    assert opens_at(due(THU, THU, State.ON_SCHEDULE, at=SetOut(WED, time(18)))) == on(THU, 18)
    assert opens_at(OFF) is None


def test_each_stream_has_a_line_and_the_next_day_comes_first() -> None:
    other = Collection("7", "yard", FRI, FRI, State.ON_SCHEDULE, None, REGULAR)
    assert [one.stream for one in lines([NEXT, other], on(WED, 9))] == ["yard", "trash"]
