"""When a missed collection may be reported: each case as a line."""

from datetime import date, datetime, time
from zoneinfo import ZoneInfo

import pytest

from notify.service311.open311 import missed
from notify.service311.open311.reading import Service
from notify.service311.rules import REGULAR, Collection, SetOut, State

CITY = ZoneInfo("America/New_York")
MON, TUE, WED, NEXT = date(2026, 11, 30), date(2026, 12, 1), date(2026, 12, 2), date(2026, 12, 7)


def at(month: int, day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2026, month, day, hour, minute, tzinfo=CITY)


def one(nominal: date, effective: date | None, state: State = State.ON_SCHEDULE, stream: str = "trash") -> Collection:
    return Collection("1", stream, nominal, effective, state, None, REGULAR)


COMING = one(NEXT, NEXT)


@pytest.mark.parametrize(
    ("collections", "now", "verdict", "about"),
    [
        ([one(MON, MON)], at(11, 30, 17, 59), "not yet", MON),
        ([one(MON, MON)], at(11, 30, 18), "may", MON),
        ([one(MON, MON)], at(12, 6, 9), "may", MON),
        ([one(MON, TUE, State.DELAYED)], at(11, 30, 20), "not yet", MON),
        ([one(MON, TUE, State.DELAYED)], at(12, 1, 19), "may", MON),
        ([one(TUE, MON, State.MOVED_EARLIER)], at(11, 30, 19), "may", TUE),
        ([one(MON, None, State.SUSPENDED)], at(12, 2, 19), "suspended", MON),
        ([one(MON, None, State.TO_BE_ANNOUNCED)], at(11, 30, 19), "announced", MON),
        ([one(date(2026, 11, 20), date(2026, 11, 20))], at(11, 30, 19), "none", None),
        ([one(MON, MON, stream="recycling")], at(11, 30, 19), "none", None),
        ([], at(11, 30, 19), "none", None),
        # Of two in the week it is the last one that the caller means.
        ([one(date(2026, 11, 26), None, State.SUSPENDED), one(MON, MON)], at(11, 30, 19), "may", MON),
    ],
)
def test_a_report_is_taken_when_the_truck_was_due(
    collections: list[Collection], now: datetime, verdict: str, about: date | None
) -> None:
    found = missed.answer([*collections, COMING], "trash", now)
    assert (found.verdict, found.about and found.about.nominal) == (verdict, about)
    assert found.next == (NEXT if not any(c.effective == TUE and now.date() == MON for c in collections) else TUE)


def test_new_york_takes_them_from_8_am_the_next_day() -> None:
    for moment, verdict in ((at(12, 1, 7, 59), "not yet"), (at(12, 1, 8), "may")):
        found = missed.answer([one(MON, MON)], "trash", moment, time(8), 1)
        assert (found.verdict, found.accepted_from) == (verdict, at(12, 1, 8))


@pytest.mark.parametrize(
    ("out", "opens"), [(time(11, 59), at(11, 30, 18)), (time(12), at(12, 1, 8)), (time(17), at(12, 1, 8))]
)
def test_what_is_set_out_from_noon_on_is_reported_the_next_morning(out: time, opens: datetime) -> None:
    """A truck that fetches what is set out in the afternoon comes until late."""
    late = Collection("1", "trash", MON, MON, State.ON_SCHEDULE, SetOut(MON, out), REGULAR)
    assert missed.opens_at(late) == opens.replace(tzinfo=None)
    evening_before = Collection(
        "1", "trash", MON, MON, State.ON_SCHEDULE, SetOut(date(2026, 11, 29), time(19)), REGULAR
    )
    assert missed.opens_at(evening_before) == at(11, 30, 18).replace(tzinfo=None)


@pytest.mark.parametrize(
    ("name", "keywords", "streams"),
    [
        ("Missed trash pickup", (), {"trash"}),
        ("Missed Recycling Collection", (), {"recycling"}),
        ("Sanitation complaint", ("missed pickup",), {"trash"}),
        ("Missed leaf collection", (), {"yard"}),
        ("Bulky item not collected", (), {"bulky"}),
        ("Missed Trash/Recycling/Yard Waste/Bulk Item", (), {"trash", "recycling", "yard", "bulky"}),  # Boston
        ("Recycling bin broken", (), set()),
        ("Pothole", ("road",), set()),
    ],
)
def test_a_service_says_by_its_words_what_was_missed(name: str, keywords: tuple[str, ...], streams: set[str]) -> None:
    assert missed.streams_of(Service("1", name, "", "", keywords, False, "realtime")) == streams


def test_of_several_streams_one_that_may_be_reported_is_enough() -> None:
    ours = [one(MON, MON), one(NEXT, NEXT, stream="recycling")]
    found = [missed.answer(ours, stream, at(11, 30, 19)) for stream in ("recycling", "trash")]
    assert (found[0].verdict, missed.best(found).verdict) == ("none", "may")
