"""The form of an update after an all-clear to a part of the area says what is over, and what became of it."""

from collections.abc import Callable
from datetime import datetime, timedelta

import httpx
import pytest

from notify.core.db import transaction
from notify.models import Alert
from tests import factories

Desk = Callable[[str], httpx.Client]


@pytest.mark.parametrize(
    ("west", "said"),
    [
        (1.0, "Check that nothing of that is chosen."),
        (0.5, "which is ticked: untick it, and choose where the danger goes on."),  # it reaches into Riverside
    ],
)
def test_the_form_says_where_it_is_over(at_desk: Desk, city: datetime, west: float, said: str) -> None:
    with transaction() as s:
        factories.zone(s, "Harbor", factories.square(west, 0), now=city)
        factories.zone(s, "Hillside", factories.square(2, 0), now=city)
    danger = factories.alert_launched(now=city, zones=("Riverside", "Hillside", "Harbor"))
    with transaction() as s:
        incident = s.get_one(Alert, danger).incident_id
    later = city + timedelta(seconds=1)
    clear = factories.alert_launched(now=later, incident=incident, phase="all-clear", zones=("Harbor",))
    desk = at_desk("author")
    path = desk.post("/console/compose", data={"template": "storm update", "incident": incident}).headers["location"]
    page = desk.get(path).text
    assert f'It is over in Harbor, says <a href="/console/alerts/{clear}">alert {clear}</a>.' in page
    assert said in page
    assert f"The area of alert {danger} (" in page
    path = desk.post("/console/compose", data={"template": "storm all-clear", "incident": incident}).headers["location"]
    assert "It is over in" not in desk.get(path).text
