"""The console's page about how many alerts residents get."""

from collections.abc import Callable

import httpx
import pytest

from notify.core.db import transaction
from tests import factories
from tests.database import sql

Desk = Callable[[str], httpx.Client]


@pytest.fixture
def waiting(at_desk: Desk) -> int:
    """A routine alert whose only resident has had four this week."""
    with transaction() as s:
        factories.zone(s)
        factories.sender(s)
        factories.resident(s, topics=("snow",))
    for _ in range(4):
        factories.alert_resolved(event="snow")
    sql("UPDATE deliveries SET state = 'accepted', claimed_at = now()")
    with transaction() as s:
        return factories.alert_ready(s, event="snow").id


def test_the_review_of_a_routine_alert_leads_to_who_gets_their_fifth(at_desk: Desk, waiting: int) -> None:
    desk = at_desk("approver")
    assert f"/console/load?alert={waiting}" in desk.get(f"/console/alerts/{waiting}").text
    page = desk.get(f"/console/load?alert={waiting}").text
    assert '<strong id="more">1</strong> resident would get alert number 5' in page
    assert '<dd id="median">4</dd>' in page
    assert '<dd id="p95">4</dd>' in page


def test_an_emergency_is_not_counted(at_desk: Desk, waiting: int) -> None:
    with transaction() as s:
        storm = factories.alert_ready(s).id
    assert "not counted here" in at_desk("author").get(f"/console/load?alert={storm}").text


def test_agents_do_not_see_it(at_desk: Desk) -> None:
    assert at_desk("agent").get("/console/load").status_code == 403
