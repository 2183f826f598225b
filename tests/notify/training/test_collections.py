"""The training city has collection days, so that a holiday notice and an answer to a caller can be practised."""

from datetime import UTC, date, datetime

import pytest

from notify.city import zones as city_zones
from notify.core.db import transaction
from notify.service311 import calendars, editions, rule_checks, rule_store
from notify.training import SOURCE, TrainingCity, settle_days
from notify.training.collections import DAYS, zone_of

pytestmark = pytest.mark.usefixtures("database")
SUNDAY = datetime(2026, 11, 15, 15, tzinfo=UTC)


def test_each_working_day_has_a_zone_and_thanksgiving_moves_two_of_them() -> None:
    with transaction() as s:
        settle_days(s, SUNDAY)
        assert editions.current(s) is None, "without its zones there is nothing to publish"
        shapes = [zone for zone in TrainingCity().zones() if zone.kind == calendars.KIND]
        city_zones.keep(s, calendars.KIND, shapes, SOURCE, SUNDAY)
        for _ in range(2):  # a city that has days keeps them
            settle_days(s, SUNDAY)
        assert len(editions.all_editions(s)) == 1
        zones = {zone.name: zone for zone in calendars.zones_with_days(s)}
        days = {}
        for day in DAYS:
            calendar = calendars.of_zone(s, zones[zone_of(day)], SUNDAY)
            assert calendar is not None
            assert set(calendar.streams) == {"recycling", "trash", "yard"}
            assert calendar.edition.until == date(2028, 12, 31)
            week = [one for one in calendar.collections if date(2026, 11, 23) <= one.nominal <= date(2026, 11, 29)]
            days[day] = [one.effective for one in week if one.stream == "trash"]
        rules = rule_store.of_edition(s, 1)
    assert [each for one in days.values() for each in one] == [
        date(2026, 11, 23), date(2026, 11, 24), date(2026, 11, 25), date(2026, 11, 27), date(2026, 11, 28)
    ]  # fmt: skip
    assert not rule_checks.unknown_holidays(rules.rules, rules.holidays, range(2025, 2029))
