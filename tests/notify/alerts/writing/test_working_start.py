"""Forms that an earlier alert has filled in."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest

from notify.alerts import lifecycle
from notify.alerts.writing import working_drafts, working_start
from notify.alerts.writing.working_drafts import Change
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


def test_a_double_click_opens_one_form(database: str) -> None:
    """Both presses arrive before either is answered: a page that renews itself between them cannot hold one back."""
    with transaction() as s:
        factories.zone(s)
        last = factories.alert_ready(s, event="outage")
        lifecycle.launch(s, last.id, None, factories.NOW)
        by = factories.operator(s, "author")
    both = Barrier(2)

    def press(_which: int) -> int:
        both.wait()
        with transaction() as s:
            return working_start.start(
                s, "outage", "update", by, factories.NOW, incident=last.incident_id, correct=True
            ).id

    with ThreadPoolExecutor(2) as pool:
        assert len(set(pool.map(press, range(2)))) == 1


def test_what_differs_or_was_written_in_or_is_older_is_another_form(database: str) -> None:
    now = factories.NOW
    with transaction() as s:
        factories.zone(s)
        by = factories.operator(s, "author")
        first = working_start.start(s, "storm", "issue", by, now).id
        assert working_start.start(s, "storm", "issue", by, now).id == first
        ids = [first, working_start.start(s, "snow", "issue", by, now).id]
        ids.append(working_start.start(s, "storm", "issue", by, now, values={"zone.1": "on"}).id)
        working_drafts.save(s, first, {"blank.hazard": Change("tornado")}, by, now)
        ids.append(working_start.start(s, "storm", "issue", by, now).id)
        working_drafts.drop(s, ids[-1], by, now)
        ids.append(working_start.start(s, "storm", "issue", by, now).id)
        ids.append(working_start.start(s, "storm", "issue", by, now + working_start.SAME_PRESS).id)
    assert len(set(ids)) == len(ids)
