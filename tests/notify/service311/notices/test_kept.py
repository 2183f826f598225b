"""The notices that an agent reads to a caller: of each incident the last one alone."""

from datetime import timedelta

import pytest

from notify.core.db import transaction
from notify.models import CollectionNotice
from notify.service311.notices import kept
from tests.database import sql
from tests.factories import alert_ready, operator
from tests.notify.service311.days import NOW, settle
from tests.notify.service311.reminders.evenings import MONDAY

pytestmark = pytest.mark.usefixtures("database")


def test_of_an_incident_the_script_has_the_last_notice_alone() -> None:
    zone, tuesday, incident = settle()["South"], MONDAY + timedelta(1), 0
    for said in ("Not on Tuesday.", "On Friday."):
        with transaction() as s:
            alert = alert_ready(s, zones=["South"])
            incident = incident or alert.incident_id
            part = {"zones": [zone], "days": [tuesday.isoformat()], "streams": ["trash"]}
            s.add(
                CollectionNotice(
                    kind="storm", subject="storm", day=tuesday, last_day=tuesday, edition=1, alert_id=alert.id,
                    incident_id=incident, parts=[part | {"called": {"en": "South"}, "says": {"en": [said]}}],
                    made_at=NOW, made_by=operator(s).id,
                )
            )  # fmt: skip
    sql("UPDATE alerts SET state = 'sent', launched_at = now()")
    with transaction() as s:
        assert [one.words[0].sentences for one in kept.for_zone(s, zone, NOW)] == [("On Friday.",)]
        assert kept.for_zone(s, zone, NOW + timedelta(2)) == [], "its day is over"
