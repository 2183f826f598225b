"""Residents of a zone by the best outcome of their messages."""

import pytest
from shapely import box
from sqlalchemy import text

from notify.alerts.reporting import reports, zone_reach
from notify.alerts.reporting.zone_reach import ZoneReach
from notify.city.parts import Drawn
from notify.core.db import transaction
from tests import factories
from tests.factories import NOW
from tests.owner import owning
from zones.geometry import to_geojson

# The states of the messages by SMS and by email to one resident after the other, all in West.
STATES = [
    ("failed", "delivered"), ("accepted", "unknown"), ("failed", "queued"), ("unknown", "undelivered"),
    ("failed", "undelivered"), ("skipped", "skipped"), ("cancelled", "skipped"),
]  # fmt: skip
WHY = {
    "failed": "21211",
    "unknown": "no-answer",
    "undelivered": "30003",
    "skipped": "opt-out",
    "cancelled": "cancelled",
}


@pytest.fixture
def alert(database: str) -> int:
    with transaction() as s:
        factories.zone(s, "West", box(0, 0, 0.5, 1), "neighbourhood")
        factories.zone(s, "East", box(0.5, 0, 1, 1), "neighbourhood")
        people = [factories.resident(s, at=[(0.25, 0.5)], email="") for _ in STATES]
        factories.resident(s, at=[(0.25, 0.5), (0.75, 0.5)])  # lives in both; nothing has left yet
    alert = factories.alert_resolved(zones=["West", "East"], channels=("sms", "email"))
    with owning() as s:
        for person, states in zip(people, STATES, strict=True):
            for contact, state in zip((person.sms, person.mail), states, strict=True):
                s.execute(
                    text("""UPDATE deliveries SET state = CAST(:state AS delivery_state), reason = :why,
                                   settled_at = :now WHERE contact_id = :contact"""),
                    {"state": state, "why": WHY.get(state), "now": NOW, "contact": contact},
                )
    return alert


def test_a_resident_counts_once_by_the_best_outcome(alert: int) -> None:
    with transaction() as s:
        row = reports.find_alert(s, alert)
        east, west = zone_reach.reach(s, row, zone_reach.residents(s, row, NOW))
    assert west == ZoneReach("neighbourhood", "West", residents=8, reached=2, to_come=2, unknown=1, failed=2)
    assert west.left_out == 1
    assert east == ZoneReach("neighbourhood", "East", residents=1, reached=0, to_come=1, unknown=0, failed=0)


def test_nobody_is_left_out_while_the_audience_is_being_resolved(alert: int) -> None:
    with transaction() as s:
        factories.resident(s, at=[(0.75, 0.5)])  # not written to yet
    for state, to_come, left_out in (("sending", 2, 0), ("cancelled", 1, 1)):
        with owning() as s:
            s.execute(text(f"UPDATE alerts SET fanout_done_at = NULL, state = '{state}'"))
        with transaction() as s:
            row = reports.find_alert(s, alert)
            east, _ = zone_reach.reach(s, row, zone_reach.residents(s, row, NOW))
        assert (east.residents, east.to_come, east.left_out) == (2, to_come, left_out)


def test_who_lives_in_the_drawn_area_and_in_no_zone_is_a_row_of_their_own(database: str) -> None:
    with transaction() as s:
        factories.zone(s, "West", box(0, 0, 1, 1), "neighbourhood")
        for home in [(0.75, 0.5), (1.25, 0.5), (1.25, 0.6)]:
            factories.resident(s, at=[home])
        factories.resident(s, at=[(0.75, 0.5), (1.25, 0.5)])  # in the zone and beside it: of the zone
        factories.resident(s, at=[(1.75, 0.5)])  # outside of the area
    alert = factories.alert_resolved(
        zones=[], parts=[Drawn(to_geojson(box(0.5, 0, 1.5, 1)))], area_description="Old Town"
    )
    with transaction() as s:
        row = reports.find_alert(s, alert)
        west, elsewhere = zone_reach.reach(s, row, zone_reach.residents(s, row, NOW))
    assert west == ZoneReach("neighbourhood", "West", residents=2, reached=0, to_come=2, unknown=0, failed=0)
    assert elsewhere == ZoneReach("elsewhere", "", residents=2, reached=0, to_come=2, unknown=0, failed=0)
    assert (west.label, elsewhere.label) == ("West", "Elsewhere in the area")
