"""Several operators share an incident: who takes which zone, once."""

import re
import threading
from collections.abc import Callable
from datetime import datetime

import httpx
import pytest

from notify.alerts import claims
from notify.core.db import transaction
from notify.core.errors import Refused, TocsinError
from notify.models import Operator
from tests import factories
from tests.api import asked
from tests.factories import square

Desk = Callable[[str], httpx.Client]


@pytest.fixture
def page(city: datetime) -> str:
    with transaction() as s:
        factories.zone(s, "Hillside", square(1, 0), now=city)
        return f"/console/incidents/{factories.alert_draft(s, now=city).incident_id}"


def taken(desk: httpx.Client, page: str) -> list[tuple[str, str]]:
    """Zone and operator of each claim."""
    part = desk.get(page).text.partition('id="claims"')[2].partition("</section>")[0]
    return re.findall(r"<strong>([^<]*)</strong> <span[^>]*>([^<,]*), since", part)


def test_a_zone_is_taken_seen_by_all_and_released(at_desk: Desk, page: str) -> None:
    assert "Nobody has taken one." in at_desk("author").get(page).text
    assert at_desk("author").post(f"{page}/claims", data={"zone": "Riverside"}).status_code == 303
    assert at_desk("author").post(f"{page}/claims", data={"zone": "Riverside"}).status_code == 303, "it is one's own"
    assert at_desk("approver").post(f"{page}/claims", data={"zone": "custom:Hillside"}).status_code == 303
    both = [("Hillside", "approver@tocsin.example.org"), ("Riverside", "author@tocsin.example.org")]
    assert taken(at_desk("agent"), page) == both
    refused = at_desk("approver").post(f"{page}/claims", data={"zone": "Riverside"})
    assert (refused.status_code, "author@tocsin.example.org has taken Riverside." in refused.text) == (409, True)
    number = asked.number("SELECT id FROM incident_claims WHERE released_at IS NULL ORDER BY id LIMIT 1")
    for _ in range(2):
        assert at_desk("approver").post(f"{page}/claims/{number}/release").status_code == 303
    assert taken(at_desk("agent"), page) == both[:1]
    assert at_desk("approver").post(f"{page}/claims", data={"zone": "Riverside"}).status_code == 303
    acts = asked.rows("SELECT action, count(*) AS n FROM audit WHERE action IN ('claim', 'release') GROUP BY action")
    assert {row.action: row.n for row in acts} == {"claim": 3, "release": 1}


def test_what_is_wrong_is_told_with_a_sentence(at_desk: Desk, page: str) -> None:
    desk = at_desk("author")
    for zone, status in (("", 422), ("Atlantis", 404), ("x" * 201, 422)):
        assert desk.post(f"{page}/claims", data={"zone": zone}).status_code == status
    assert desk.post("/console/incidents/999/claims", data={"zone": "Riverside"}).status_code == 404
    assert desk.post(f"{page}/claims/999/release").status_code == 404


def test_of_two_at_once_one_has_it(page: str, city: datetime) -> None:
    incident = int(page.rpartition("/")[2])
    with transaction() as s:
        people = [factories.operator(s, role, now=city).id for role in ("author", "approver", "admin", "agent")]
    outcomes: list[TocsinError | None] = []

    def claim(operator: int) -> None:
        try:
            with transaction() as s:
                claims.take(s, incident, "Riverside", s.get_one(Operator, operator), city)
            outcomes.append(None)
        except Refused as error:
            outcomes.append(error)

    threads = [threading.Thread(target=claim, args=(one,)) for one in people]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert outcomes.count(None) == 1
    assert len(outcomes) == 4
    with transaction() as s:
        assert len(claims.of(s, incident)) == 1
