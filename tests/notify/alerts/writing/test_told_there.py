"""What an area has been told: the alerts in force there, where no later one of their incident speaks."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from notify.alerts import lifecycle
from notify.alerts.writing.told_there import there
from notify.core.db import transaction
from notify.models import Alert
from tests import factories
from tests.factories import NOW, square
from tests.owner import as_owner


@pytest.fixture(autouse=True)
def zones(database: str) -> None:
    with transaction() as s:
        factories.zone(s, "Riverside", square(0, 0))
        factories.zone(s, "Next door", square(1, 0))
        factories.zone(s, "Both", square(0.5, 0))


def launched(*names: str, now: datetime = NOW, **draft: Any) -> int:
    with transaction() as s:
        alert = factories.alert_ready(s, zones=names, now=now, **draft)
        lifecycle.launch(s, alert.id, None, now)
        return alert.id


def told(now: datetime = NOW, but: int | None = None) -> list[tuple[int, bool]]:
    """In Riverside."""
    with transaction() as s:
        return [(one.id, one.whole) for one in there(s, square(0, 0), now, but)]


def incident(alert: int) -> int:
    with transaction() as s:
        return s.get_one(Alert, alert).incident_id


def test_alerts_that_reach_all_or_a_part_of_it_the_newest_first() -> None:
    whole = launched("Riverside", event="snow")
    part = launched("Both", now=NOW + timedelta(minutes=1))
    launched("Next door")
    assert told(NOW + timedelta(minutes=2)) == [(part, False), (whole, True)]


def test_only_the_newest_of_an_incident_and_none_of_ones_own() -> None:
    first = launched("Riverside")
    update = launched("Riverside", now=NOW + timedelta(minutes=1), incident=incident(first), phase="update")
    assert told(NOW + timedelta(minutes=2)) == [(update, True)]
    assert told(NOW + timedelta(minutes=2), incident(first)) == []


def test_an_all_clear_to_a_part_hides_no_danger_and_does_not_wear_off() -> None:
    first = launched("Riverside", expires_at=NOW + timedelta(hours=6))
    short = {"now": NOW + timedelta(minutes=1), "expires_at": NOW + timedelta(minutes=9)}
    clear = launched("Both", incident=incident(first), phase="all-clear", **short)
    assert told(NOW + timedelta(minutes=2)) == [(clear, False), (first, False)]
    assert told(NOW + timedelta(minutes=10)) == [(first, False)], "not all of it: a part was cleared"


def test_an_update_to_a_part_does_not_wear_off_either() -> None:
    first = launched("Riverside", expires_at=NOW + timedelta(hours=6))
    short = {"now": NOW + timedelta(minutes=1), "expires_at": NOW + timedelta(minutes=9)}
    launched("Both", incident=incident(first), phase="update", **short)
    assert told(NOW + timedelta(minutes=10)) == [(first, False)]


def test_a_follow_up_repeats_what_is_there() -> None:
    first = launched("Riverside", expires_at=NOW + timedelta(hours=6))
    launched("Riverside", incident=incident(first), follows=first, now=NOW + timedelta(minutes=1))
    assert told(NOW + timedelta(minutes=2)) == [(first, True)]


def test_what_is_over_or_practice_does_not_count() -> None:
    ended = launched("Riverside")
    practice = launched("Riverside", now=NOW + timedelta(minutes=1))
    as_owner(
        "ALTER TABLE alerts DISABLE TRIGGER USER", f"UPDATE alerts SET status = 'Exercise' WHERE id = {practice}",
        "ALTER TABLE alerts ENABLE TRIGGER USER",
    )  # fmt: skip
    with transaction() as s:
        factories.alert_draft(s)
    assert told() == [(ended, True)]
    assert told(NOW + timedelta(days=3)) == []
    with transaction() as s:
        lifecycle.cancel(s, ended, None, NOW)
    assert told() == []
