"""The collection days of the training city: a zone for each working day, and what its holidays do to them."""

from datetime import date, datetime, timedelta

from sqlalchemy.orm import Session

from notify.city import zones as city_zones
from notify.service311 import calendars, editions, rule_store, schedule_import
from notify.service311.holiday_dates import chosen_holidays
from notify.service311.rules import Effect, Rule
from notify.service311.schedule_rows import Given
from zones.files.rowfile import ScheduleRow

SOURCE = "training city"
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday")
WEEK_A = date(2026, 1, 5)
# Each moves its day and the rest of the week by one day. On other holidays the trucks run.
HOLIDAYS = ("New Year's Day", "Memorial Day", "Independence Day", "Labor Day", "Thanksgiving Day", "Christmas Day")
WHY = "Bellhaven Streets Department, rule 7"


def settle_days(s: Session, now: datetime) -> None:
    """Publish the first edition of the calendars, unless there is one: trash each week, recycling every second week,
    yard waste from April to November; holidays from last year to two years ahead."""
    there = {one.zone.name for one in city_zones.all_zones(s, calendars.KIND)}
    if editions.current(s) is not None or not there.issuperset(map(zone_of, DAYS)):
        return
    schedule_import.take(s, _rows(), SOURCE, Given(week_a=WEEK_A), now)
    years = range((now - timedelta(days=366)).year, now.year + 3)
    for name in HOLIDAYS:
        days = [one.day for one in chosen_holidays([name], "US", None, years)]
        rule_store.add_holiday(s, name, days, WHY, now)
    rule_store.add_rule(s, Rule(frozenset(HOLIDAYS), Effect.SLIDE), WHY, now)
    editions.publish(s, "The first calendars of Bellhaven", now)


def zone_of(day: str) -> str:
    """Return the name of the zone whose trash is collected on a weekday."""
    return f"{day} collection"


def _rows() -> list[ScheduleRow]:
    given: list[dict[str, str]] = []
    for n, day in enumerate(DAYS):
        zone = {"zone": zone_of(day), "weekdays": day}
        given += [
            zone | {"stream": "trash"},
            zone | {"stream": "recycling", "week": "AB"[n % 2]},
            zone | {"stream": "yard", "season": "04-01..11-30"},
        ]
    return [ScheduleRow(n, row) for n, row in enumerate(given, 1)]
