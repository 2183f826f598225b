"""Calendars that were published, made anew from rules: each date of them, or the misprint by name."""

import csv
import json
import re
from collections import Counter, defaultdict
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from notify.service311.holiday_dates import chosen_holidays
from notify.service311.holiday_rules import calendar
from notify.service311.rules import Direction, Effect, Rule, State
from notify.service311.schedules import Schedule, Season
from tests.zones.real import real_file

WEEKDAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday"]

# Region of Peel, Ontario, 2019: a holiday moves its day and the rest of its week by one day. Good Friday and
# Remembrance Day do nothing.
PEEL_HOLIDAYS = frozenset(
    (
        "New Year's Day", "Family Day", "Victoria Day", "Canada Day", "Civic Holiday", "Labor Day", "Thanksgiving Day",
        "Christmas Day", "Boxing Day",
    )
)  # fmt: skip
PEEL = [Rule(PEEL_HOLIDAYS, Effect.SLIDE)]
# Of Caledon's countryside: Fridays in no rhythm, which no rule gives.
RURAL_YARD = frozenset(
    date(2019, month, day) for month, day in ((4, 5), (4, 26), (5, 17), (6, 14), (10, 25), (11, 15), (11, 29), (12, 13))
)
COLUMNS = {"Garbage": "garbage", "Recycle": "recycling", "Organic": "organics", "YardWaste": "yard"}
# Printed: meant. A Thursday in a week without a holiday, where every other calendar has the Wednesday, and two dates of
# another year. UNMARKED are printed on their new day, and not marked as delayed.
MISPRINTS = {
    ("City-Wednesday-B", date(2019, 4, 18)): date(2019, 4, 17),
    ("Cal-Rural-Monday-B", date(2016, 5, 17)): date(2019, 5, 17),
    ("Cal-Rural-Tuesday-B", date(2016, 6, 14)): date(2019, 6, 14),
}
UNMARKED = {("City-Wednesday-A", date(2019, 12, 27))}


def rows(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(path.read_text(encoding="utf-8-sig").splitlines()))


def peel_schedules(sequence: str, weekday: int, week: str) -> list[Schedule]:
    """Garbage and recycling alternate: A zones have recycling in the week of January 7, B zones garbage."""
    a_week, b_week = (date(2019, 1, 7) + timedelta(weeks=n, days=weekday) for n in (0, 1))
    recycling, garbage = (a_week, b_week) if week == "A" else (b_week, a_week)
    days = frozenset([weekday])
    found = [
        Schedule(sequence, "organics", days),
        Schedule(sequence, "recycling", days, 2, recycling),
        Schedule(sequence, "garbage", days, 2, garbage),
    ]
    if sequence.startswith("Cal-Rural"):
        return [*found, Schedule(sequence, "yard", frozenset(), listed=RURAL_YARD)]
    found.append(Schedule(sequence, "yard", days, 2, recycling, Season((3, 11), (12, 13))))
    if sequence.startswith("City"):  # every week in spring and autumn
        seasons = (Season((3, 11), (6, 28)), Season((9, 30), (12, 13)))
        found += [Schedule(sequence, "yard", days, season=each) for each in seasons]
    return found


def test_peel_the_sixteen_calendars_of_2019() -> None:
    folder = real_file("trash/peel/Calendar-Index.csv").parent
    kept = chosen_holidays(PEEL_HOLIDAYS, "CA", "ON", [2018, 2019, 2020])
    dates = marked = 0
    for each in rows(folder / "Calendar-Index.csv"):
        sequence = each["Sequence"]
        published: dict[date, dict[str, str]] = {}
        for row in rows(folder / f"{sequence.lower()}.csv"):
            printed = date.fromisoformat(row["CollectionDate"])
            published[MISPRINTS.get((sequence, printed), printed)] = row
            dates += 1
            marked += "delayed" in row["Notes"]
        schedules = peel_schedules(sequence, WEEKDAYS.index(each["Day"]), each["Sub-zone"])
        ours: dict[date, set[str]] = defaultdict(set)
        delayed: dict[date, int] = {}
        for c in calendar(schedules, kept, PEEL, [], date(2019, 1, 1), date(2019, 12, 31)):
            assert c.effective
            ours[c.effective].add(c.stream)
            delayed[c.effective] = (c.effective - c.nominal).days
        assert ours == {d: {s for column, s in COLUMNS.items() if row[column]} for d, row in published.items()}
        for day, row in published.items():
            words = {0: "", 1: "Pickup delayed one day", 2: "Pickup delayed two days"}[delayed[day]]
            assert row["Notes"].startswith(words) or (sequence, day) in UNMARKED
            assert words or not row["Notes"]
    assert (dates, marked) == (870, 109)


def test_peel_every_zone_of_the_map_has_a_calendar() -> None:
    file = real_file("trash/peel/WasteCollectionZones.geojson")
    known = {each["Sequence"] for each in rows(file.parent / "Calendar-Index.csv")}
    areas = {None: "City", "cal-urb": "Cal-Urb"}
    zones = [feature["properties"] for feature in json.loads(file.read_text())["features"]]
    named = {f"{areas[z['schedule_id']]}-{z['collectday'].title()}-{z['collectsub']}" for z in zones}
    assert len(zones) == 51
    assert named <= known
    # The map shows eight city calendars, and one of Caledon's: what it lacks is known by address alone.
    assert {name for name in known - named if name.startswith("City")} == set()


# Aichwald, Germany, 2020: holidays move the rest of their week; Christmas moves Friday to Thursday, and so does Good
# Friday for the yellow bags alone.
AICHWALD_HOLIDAYS = frozenset(
    (
        "New Year's Day", "Epiphany", "Good Friday", "Easter Monday", "Labor Day", "Ascension Day", "Pentecost Monday",
        "Corpus Christi", "Christmas Day",
    )
)  # fmt: skip
YELLOW, ORGANIC, PAPER = "Gelbe/r Sack/Tonne", "Biotonne", "Papiertonne"
REST_2, REST_4 = "Restmüll 2-wöchentlich", "Restmüll 4-wöchentlich"
AICHWALD = [
    Rule(frozenset(["Christmas Day"]), Effect.HOLIDAY_ONLY, Direction.EARLIER),
    Rule(frozenset(["Good Friday"]), Effect.HOLIDAY_ONLY, Direction.EARLIER, streams=frozenset([YELLOW])),
    Rule(AICHWALD_HOLIDAYS, Effect.SLIDE),
]


def test_aichwald_a_feed_with_moves_both_ways() -> None:
    feed = real_file("trash/hacs_test.ics").read_text(encoding="utf-8")
    events = re.findall(r"^DTSTART;VALUE=DATE:(\d+)$.*?^SUMMARY:(.*?)$", feed, re.MULTILINE | re.DOTALL)
    published = {(summary, date.fromisoformat(day)) for day, summary in events}
    friday = frozenset([4])
    schedules = [
        Schedule("1", YELLOW, friday, 2, date(2020, 1, 3)),
        Schedule("1", ORGANIC, friday, 2, date(2020, 1, 3)),
        Schedule("1", ORGANIC, friday, season=Season((6, 1), (9, 30))),
        Schedule("1", REST_2, friday, 2, date(2020, 1, 10)),
        Schedule("1", REST_4, friday, 4, date(2020, 1, 10)),
        Schedule("1", PAPER, friday, 4, date(2020, 1, 24)),
    ]
    kept = chosen_holidays(AICHWALD_HOLIDAYS, "DE", "BW", [2020])
    ours = calendar(schedules, kept, AICHWALD, [], date(2020, 1, 1), date(2020, 12, 31))
    assert {(c.stream, c.effective) for c in ours} == published
    assert len(published) == 112
    moved = Counter(c.state for c in ours)
    assert moved == {State.ON_SCHEDULE: 93, State.DELAYED: 16, State.MOVED_EARLIER: 3}


def test_baltimore_every_week_is_one_half_of_the_districts() -> None:
    features = json.loads(real_file("trash/baltimore_recycling_weeks_ab.geojson").read_text())["features"]
    weeks = {f["properties"]["DISTRICT"]: f["properties"]["Week"] for f in features}
    anchors = {"Week A": date(2020, 1, 7), "Week B": date(2020, 1, 14)}
    schedules = [Schedule(name, "recycling", frozenset([1]), 2, anchors[week]) for name, week in weeks.items()]
    of_week: dict[date, set[str]] = defaultdict(set)
    # A leap year of 53 weeks, and the two after it.
    for c in calendar(schedules, [], [], [], date(2020, 1, 6), date(2022, 12, 31)):
        of_week[c.nominal].add(c.zone)
    assert len(of_week) == 156
    for day, districts in of_week.items():
        letter = "Week A" if (day - date(2020, 1, 7)).days % 14 == 0 else "Week B"
        assert districts == {name for name, week in weeks.items() if week == letter}


@pytest.mark.parametrize("stream", ["rubbish", "recycling"])
def test_philadelphia_the_streets_of_a_friday(stream: str) -> None:
    """The map has the streets visited on one Friday without a holiday: each segment is a schedule of its own."""
    name = "trash/phl_daily_collection_2023-05-05_epsg2272.geojson"
    segments: list[dict[str, Any]] = [f["properties"] for f in json.loads(real_file(name).read_text())["features"]]
    at = f"{stream}_time_visited"
    visited = {str(each["OBJECTID"]): date.fromisoformat(each[at][:10]) for each in segments if each[at]}
    kinds = {"rubbish": ("RUBBISH", "BOTH"), "recycling": ("RECYCLE", "BOTH")}[stream]
    assert visited.keys() == {str(each["OBJECTID"]) for each in segments if each["visited_status"] in kinds}
    schedules = [Schedule(segment, stream, frozenset([4])) for segment in list(visited)[:200]]
    names = frozenset(["New Year's Day", "Memorial Day"])
    kept = chosen_holidays(names, "US", "PA", [2023])
    ours = calendar(schedules, kept, [Rule(names, Effect.SLIDE)], [], date(2023, 5, 1), date(2023, 5, 7))
    assert [c.effective for c in ours] == [visited[schedule.zone] for schedule in schedules]
