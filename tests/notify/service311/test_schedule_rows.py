"""What a row of a file of schedules says, and why it is refused."""

from datetime import date, time

import pytest

from notify.service311.schedule_rows import Given, Pattern, Refused, read
from zones.files.rowfile import ScheduleRow
from zones.files.schedules import MEANINGS

WEEK_A = date(2027, 1, 4)
EVENING = (1, time(18))


def row(**cells: str) -> ScheduleRow:
    given = {"zone": "North", "stream": "trash", "weekdays": "Monday"} | cells
    return ScheduleRow(7, dict.fromkeys(MEANINGS, "") | given)


@pytest.mark.parametrize(
    ("cells", "pattern"),
    [
        ({}, Pattern((0,), 1, None, None, *EVENING)),
        ({"weekdays": "MON, Thurs"}, Pattern((0, 3), 1, None, None, *EVENING)),
        ({"weekdays": "Tuesdays and Fridays"}, Pattern((1, 4), 1, None, None, *EVENING)),
        ({"week": "Week A"}, Pattern((0,), 2, WEEK_A, None, *EVENING)),
        ({"week": "b"}, Pattern((0,), 2, date(2027, 1, 11), None, *EVENING)),
        ({"week": "A", "weekdays": "Thu"}, Pattern((3,), 2, date(2027, 1, 7), None, *EVENING)),
        ({"week": "A", "first": "2026-12-21"}, Pattern((0,), 2, date(2026, 12, 21), None, *EVENING)),
        ({"week": "A", "first": "2026/12/21T00:00:00"}, Pattern((0,), 2, date(2026, 12, 21), None, *EVENING)),
        ({"season": "04-01..11-30"}, Pattern((0,), 1, None, (401, 1130), *EVENING)),
        ({"season": "12-01 to 02-29"}, Pattern((0,), 1, None, (1201, 229), *EVENING)),
        ({"set_out": "6:30"}, Pattern((0,), 1, None, None, 0, time(6, 30))),
        ({"set_out": "before 19:00"}, Pattern((0,), 1, None, None, 1, time(19))),
    ],
    ids=str,
)
def test_a_row_is_read(cells: dict[str, str], pattern: Pattern) -> None:
    assert read(row(**cells), Given(week_a=WEEK_A)).pattern == pattern


@pytest.mark.parametrize(
    ("cells", "why"),
    [
        ({"zone": ""}, "zone: there is none"),
        ({"stream": "garden gnomes"}, "is not one. Write trash, recycling"),
        ({"stream": ""}, "--set stream=trash"),
        ({"weekdays": "M"}, "'M' is not one. Write them in full"),
        ({"weekdays": "2"}, "'2' is not one"),
        ({"week": "C"}, "'C' is not A or B"),
        ({"first": "2027-01-05"}, "2027-01-05 is a Tuesday, but the day is Monday"),
        ({"first": "5.1.2027"}, "is not a date"),
        ({"first": "2027-01-04T05:00:00"}, "is not a date"),
        ({"week": "B", "first": "2027-01-04"}, "is not in a week B by --week-a 2027-01-04"),
        ({"season": "4-1..11-30"}, "is not one. Write it like 04-01..11-30"),
        ({"season": "02-30..11-30"}, "is not one"),
        ({"set_out": "evening"}, "is not a time"),
    ],
    ids=str,
)
def test_a_row_is_refused_with_what_to_do(cells: dict[str, str], why: str) -> None:
    with pytest.raises(Refused, match=why.replace("(", r"\(")):
        read(row(**cells), Given(week_a=WEEK_A))


def test_weeks_a_and_b_without_a_date_are_refused() -> None:
    with pytest.raises(Refused, match="Give --week-a DATE, a date in an A week"):
        read(row(week="A"), Given())


def test_what_is_said_for_all_rows_fills_the_empty_cells_only() -> None:
    given = Given({"stream": "recycling", "weekdays": "Friday"})
    assert read(row(stream="", weekdays=""), given).pattern.weekdays == (4,)
    assert read(row(stream="trash, yard waste"), given).streams == ("trash", "yard")
