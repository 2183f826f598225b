"""An alert that repeats another of the last hours is pointed out."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from notify.alerts import lifecycle
from notify.alerts.writing.similar import similar
from notify.core.db import transaction
from notify.models import Alert
from tests import factories
from tests.factories import NOW, square

pytestmark = pytest.mark.usefixtures("database")


@pytest.fixture
def first(database: str) -> int:
    with transaction() as s:
        factories.zone(s, "Riverside", square(0, 0))
        factories.zone(s, "Next door", square(1, 0))
        factories.zone(s, "Both", square(0.5, 0))
        return factories.alert_ready(s).id


def like(now: datetime = NOW, **draft: Any) -> list[int]:
    with transaction() as s:
        alert = factories.alert_draft(s, **draft)
        return [one.id for one in similar(s, alert, now)]


def test_the_same_event_in_an_overlapping_area_is_found(first: int) -> None:
    assert like() == [first]
    with transaction() as s:
        assert [one.id for one in similar(s, s.get_one(Alert, first), NOW)] == [first + 1]


def test_an_area_that_overlaps_in_part_is_found(first: int) -> None:
    assert like(zones=("Both",)) == [first]


def test_neighbours_and_other_events_are_not(first: int) -> None:
    assert like(zones=("Next door",)) == []
    assert like(event="snow") == []


def test_neither_an_exercise_nor_a_test_is_like_a_real_alert(first: int) -> None:
    assert like(status="Exercise") == []
    assert like(status="Test") == []
    with transaction() as s:
        assert similar(s, s.get_one(Alert, first), NOW) == []


def test_the_same_incident_an_old_alert_and_a_cancelled_one_are_not(first: int) -> None:
    with transaction() as s:
        incident = s.get_one(Alert, first).incident_id
    assert like(incident=incident, phase="update") == []
    assert like(NOW + timedelta(hours=13)) == []
    with transaction() as s:
        lifecycle.cancel(s, first, None, NOW)
        s.execute(text("UPDATE alerts SET state = 'cancelled', finished_at = now() WHERE state = 'draft'"))
    assert like() == []


def test_it_is_one_indexed_query(first: int) -> None:
    with transaction() as s:
        s.execute(text("SET LOCAL enable_seqscan = off"))
        plan = "\n".join(
            s.scalars(
                text(
                    "EXPLAIN SELECT * FROM alerts WHERE event = 'storm' AND created_at > now() ORDER BY created_at DESC"
                )
            )
        )
    assert "alerts_of_event" in plan
