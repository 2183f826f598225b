"""Numbers that are not final are called so, on an alert's page and in its reports."""

from collections.abc import Callable
from datetime import datetime, timedelta

import httpx

from notify.alerts import lifecycle
from notify.core.db import transaction
from tests import factories
from tests.api import asked

Desk = Callable[[str], httpx.Client]
COUNTED = ("Contacts in the area so far", "To write to so far", "so far sent", "Everybody in the area so far")


def launched(now: datetime) -> int:
    with transaction() as s:
        alert = factories.alert_ready(s, now=now)
        lifecycle.launch(s, alert.id, None, now)
        return alert.id


def test_totals_are_so_far_until_the_audience_is_known(at_desk: Desk, city: datetime) -> None:
    alert, desk = launched(city), at_desk("author")
    page = desk.get(f"/console/alerts/{alert}").text
    assert [words for words in COUNTED if words not in page] == []
    assert "Who gets it is still being worked out" in page
    factories.resolve(alert, city)
    page = desk.get(f"/console/alerts/{alert}").text
    assert [words for words in COUNTED if words in page] == []
    assert "Progress so far" in page, "the messages have not left"


def test_one_that_was_stopped_while_it_was_counted_says_so(at_desk: Desk, city: datetime) -> None:
    alert = launched(city)
    with transaction() as s:
        lifecycle.cancel(s, alert, None, city)
    assert (
        "It was stopped before everybody in the area was counted"
        in at_desk("author").get(f"/console/alerts/{alert}").text
    )


def test_a_report_says_so_far_until_all_messages_have_left(at_desk: Desk, city: datetime) -> None:
    alert, desk = launched(city), at_desk("author")
    incident = asked.number("SELECT incident_id FROM alerts WHERE id = :id", id=alert)
    pages = {f"/console/alerts/{alert}/report": "Not all of its messages", f"/console/incidents/{incident}/report": ""}
    assert "still being worked out who gets it" in desk.get(f"/console/alerts/{alert}/report").text
    factories.resolve(alert, city)
    for path, why in pages.items():
        page = desk.get(path).text
        assert why in page
        assert "So far:" in page
        assert "Who was reached so far" in page
    asked.do(
        "UPDATE deliveries SET state = 'cancelled', reason = 'cancelled', settled_at = now() WHERE state = 'queued'"
    )
    asked.do("UPDATE alerts SET state = 'sent', finished_at = :then", then=city + timedelta(seconds=9))
    for path in pages:
        assert "so far" not in desk.get(path).text.lower()
