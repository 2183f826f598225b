"""The days changed by hand that still want a notice."""

from datetime import timedelta

import pytest

from notify.core.db import transaction
from notify.models import CollectionNotice
from notify.service311 import rule_store
from notify.service311.notices import holidays
from notify.service311.rules import DayException, State
from tests.database import sql
from tests.factories import alert_ready, operator
from tests.notify.service311.days import NOW, publish, settle, take
from tests.notify.service311.reminders.evenings import MONDAY

pytestmark = pytest.mark.usefixtures("database")

THURSDAY, REASON = MONDAY + timedelta(3), "a snow storm"


@pytest.mark.parametrize(("told", "listed"), [(("South",), [REASON]), (("North", "South"), [])])
def test_what_a_storm_notice_has_told_to_a_part_of_the_zones_is_still_listed(
    told: tuple[str, ...], listed: list[str]
) -> None:
    zones = settle()
    with transaction() as s:
        take(s, {"zone": "South", "stream": "trash", "weekdays": "Thu"})
        for zone in zones.values():
            off = DayException(THURSDAY, "A. Perez", REASON, zone=str(zone), state=State.SUSPENDED)
            rule_store.add_exception(s, off, NOW)
        publish(s)
        alert = alert_ready(s, zones=["South"])
        part = {"zones": [zones[name] for name in told], "days": [THURSDAY.isoformat()], "streams": ["trash"]}
        s.add(
            CollectionNotice(
                kind="storm", subject="storm", day=THURSDAY, last_day=THURSDAY, edition=2, alert_id=alert.id,
                incident_id=alert.incident_id, parts=[part], made_at=NOW, made_by=operator(s).id,
            )
        )  # fmt: skip
    sql("UPDATE alerts SET state = 'sent', launched_at = now()")
    with transaction() as s:
        assert [one.name for one in holidays.upcoming(s, NOW) if one.by_hand] == listed
