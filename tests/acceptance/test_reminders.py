"""50,000 residents are reminded of tomorrow's collections while the scheduler is killed, twice: each exactly once."""

import os
import random
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from shapely.geometry import box
from sqlalchemy import text

from notify.core import crypto, keyring
from notify.core.db import transaction
from notify.service311 import editions, schedule_import
from notify.service311.schedule_rows import Given
from tests.acceptance.city import City
from tests.acceptance.test_keys import stack
from tests.factories import Person, residents, zone
from tests.waiting import until
from zones.files.rowfile import ScheduleRow
from zones.files.schedules import MEANINGS

pytestmark = pytest.mark.long

PEOPLE = int(os.environ.get("REMINDED", "50000"))
ZONES = 50  # in each tenth of them nothing is due tomorrow
AT_ONCE = 5_000
AFTERNOON = 15  # o'clock in the city: some hours before midnight, whenever the test runs
WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


@pytest.mark.timeout(1800)
def test_everybody_is_reminded_once_though_the_scheduler_is_killed_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with stack(tmp_path, monkeypatch, TOCSIN_TIMEZONE=afternoon()) as running:
        city = City(running)
        city.rate("sms", 2_000)
        due, others = city_with_wishes()
        city.sql("UPDATE reminder_wishes SET hour = 12 + subscriber_id % 3")  # the hour has come
        for share in (0.1, 0.5):
            until(lambda share=share: written(city) >= share * len(due), 300, "reminders are written")  # type: ignore[misc]
            before = running.pid("scheduler")
            running.kill("scheduler")
            city.until_back("scheduler", before)
        until(lambda: written(city) == len(due) and not open_(city), 1200, "all are sent")
        states = city.sql("SELECT state, reason, count(*) FROM direct_messages WHERE kind = 'reminder' GROUP BY 1, 2")
        assert Counter(city.texts([*due, *others])) == Counter(due)
        assert [(row.state, row.reason) for row in states] == [("accepted", "")]
        assert city.sql("SELECT count(*) AS n FROM reminder_wishes WHERE seen_day <= current_date - 1")[0].n == 0


def afternoon() -> str:
    """Return a time zone in which it is afternoon now."""
    east = (AFTERNOON - datetime.now(UTC).hour + 12) % 24 - 12
    return f"Etc/GMT{-east:+d}"


def city_with_wishes() -> tuple[Sequence[str], Sequence[str]]:
    """Return the phones of those for whom something is due tomorrow, and of the others. They wish 11 pm."""
    now = datetime.now(UTC)
    with transaction() as s:
        tomorrow = s.scalar(text("SELECT 1 + (now() AT TIME ZONE :zone)::date"), {"zone": afternoon()})
        keyring.hold(s)
        rows = []
        for n in range(ZONES):
            zone(s, f"Zone {n}", box(n, 0, n + 1, 1), "collection", now=now)
            day = tomorrow + timedelta(days=2 if n % 10 == 9 else 0)
            rows.append({"zone": f"Zone {n}", "stream": "trash", "weekdays": WEEKDAYS[day.weekday()]})
        given = [ScheduleRow(n, dict.fromkeys(MEANINGS, "") | row) for n, row in enumerate(rows, 2)]
        schedule_import.take(s, given, "days.csv", Given(), now)
        editions.publish(s, "", now)
    chance, due, others = random.Random(311), [], []
    for _ in range(0, PEOPLE, AT_ONCE):
        spots = [(chance.uniform(0, ZONES), chance.uniform(0.01, 0.99)) for _ in range(min(AT_ONCE, PEOPLE))]
        with transaction() as s:
            people = residents(s, [Person(at=(spot,), topics=("collection",)) for spot in spots], now=now)
            sealed = {one.id: crypto.seal(f"{chance.randint(1, 2000)} Main St", "address") for one in people}
            s.execute(
                text("""UPDATE places p SET address_sealed = x.sealed
                          FROM unnest(CAST(:ids AS bigint[]), CAST(:sealed AS bytea[])) AS x (id, sealed)
                         WHERE p.subscriber_id = x.id"""),
                {"ids": list(sealed), "sealed": list(sealed.values())},
            )
            s.execute(
                text("""INSERT INTO reminder_wishes (subscriber_id, hour, channel, since, seen_day, seen_edition)
                        SELECT id, 23, 'sms', :now, :today, 1 FROM unnest(CAST(:ids AS bigint[])) AS id"""),
                {"ids": list(sealed), "now": now, "today": tomorrow - timedelta(days=1)},
            )
        for one, (lon, _) in zip(people, spots, strict=True):
            (others if int(lon) % 10 == 9 else due).append(one.phone)
    return due, others


def written(city: City) -> int:
    return int(city.sql("SELECT count(*) AS n FROM reminders")[0].n)


def open_(city: City) -> bool:
    return bool(city.sql("SELECT FROM direct_messages WHERE state IN ('waiting', 'claimed', 'unknown') LIMIT 1"))
