"""A city with collection days to test with: two zones, Thanksgiving, and a published edition."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from itertools import count

from shapely.geometry import box
from sqlalchemy.orm import Session

from notify.core.db import transaction
from notify.models import CollectionSchedule
from notify.service311 import editions, rule_store, schedule_import
from notify.service311.rules import DayException, Effect, Rule, State
from notify.service311.schedule_rows import Given
from tests import factories
from zones.files.rowfile import ScheduleRow
from zones.files.schedules import MEANINGS

NOW = datetime(2026, 11, 16, 15, tzinfo=UTC)  # a Monday, the week before Thanksgiving
THANKSGIVING = date(2026, 11, 26)
THANKSGIVINGS = [date(year, 11, 22) + timedelta((3 - date(year, 11, 22).weekday()) % 7) for year in range(2026, 2060)]
_publications = count(1)
NORTH, SOUTH = (0.5, 0.5), (1.5, 0.5)  # points in the zones


def rows(*cells: dict[str, str]) -> list[ScheduleRow]:
    return [ScheduleRow(n, dict.fromkeys(MEANINGS, "") | one) for n, one in enumerate(cells, 2)]


def take(s: Session, *cells: dict[str, str], now: datetime = NOW) -> None:
    schedule_import.take(s, rows(*cells), "days.csv", Given(week_a=date(2026, 11, 16)), now)


def publish(s: Session, note: str = "", now: datetime = NOW) -> None:
    """Publish an edition at a time of its own: calendars are kept in memory by it, and each test has its database."""
    editions.publish(s, note, now + timedelta(microseconds=next(_publications)))


def settle(now: datetime = NOW, holidays: Sequence[date] = THANKSGIVINGS) -> dict[str, int]:
    """North: trash on Monday and Thursday, recycling on Thursday of A weeks. South: trash on Tuesday. Thursday's go one
    day later at Thanksgiving. Returns the ids of the zones."""
    with transaction() as s:
        ids = {
            name: factories.zone(s, name, box(n, 0, n + 1, 1), "collection", now=now).id
            for n, name in enumerate(("North", "South"))
        }
        take(
            s,
            {"zone": "North", "stream": "trash", "weekdays": "Mon, Thu"},
            {"zone": "North", "stream": "recycling", "weekdays": "Thu", "week": "B", "set_out": "6:00"},
            {"zone": "South", "stream": "trash", "weekdays": "Tue"},
            now=now,
        )
        rule_store.add_holiday(s, "Thanksgiving Day", holidays, "city code 12", now)
        rule_store.add_rule(s, Rule(frozenset({"Thanksgiving Day"}), Effect.SLIDE), "city code 12", now)
        publish(s, "the year 2027", now)
    return ids


def own_days(
    s: Session, houses: Mapping[str, tuple[tuple[float, float], int]], streams: Sequence[str], now: datetime
) -> dict[str, int]:
    """Give houses, by address, a weekday of their own (0: Monday) at a point. Returns a resident of each."""
    for address, ((lon, lat), day) in houses.items():
        for stream in streams:
            s.add(
                CollectionSchedule(
                    address=address, lon=lon, lat=lat, stream=stream, weekdays=[day], every_weeks=1,
                    set_out_before=1, set_out_at=time(18), source="own", made_at=now,
                )
            )  # fmt: skip
    found = {
        address: factories.resident(s, at=[at], topics=["collection"], now=now).id
        for address, (at, _day) in houses.items()
    }
    publish(s, now=now)
    return found


def suspend(zone_id: int, days: Sequence[date], now: datetime) -> None:
    """Take collections off, and publish that."""
    with transaction() as s:
        for day in days:
            off = DayException(day, "A. Perez", "a snow storm", zone=str(zone_id), state=State.SUSPENDED)
            rule_store.add_exception(s, off, now)
        publish(s, "storm", now)
