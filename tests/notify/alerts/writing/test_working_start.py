"""Forms that an earlier alert has filled in."""

from datetime import timedelta

import pytest

from notify.alerts import lifecycle
from notify.alerts.writing import working_start
from notify.core.db import transaction
from tests import factories


@pytest.mark.parametrize(("ahead", "kept"), [(timedelta(hours=2), True), (timedelta(minutes=30), False)])
def test_an_update_plays_nothing_down_and_keeps_an_end_that_is_not_near(
    database: str, ahead: timedelta, kept: bool
) -> None:
    """Severity and urgency that somebody raised above the event's usual ones go on; certainty is the update's own."""
    with transaction() as s:
        factories.zone(s)
        last = factories.alert_ready(s, event="outage", severity="Extreme")
        lifecycle.launch(s, last.id, None, factories.NOW)
        by = factories.operator(s, "author")
        draft = working_start.start(s, "outage", "update", by, last.expires_at - ahead, incident=last.incident_id)
        fields = {name: one["value"] for name, one in draft.fields.items()}
    assert (fields["severity"], fields["urgency"]) == ("Extreme", last.urgency)
    assert ("expires_at" in fields) == kept
    assert "certainty" not in fields
