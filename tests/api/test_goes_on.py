"""The form of an update after an all-clear to a part of the area says what is over, and what became of it."""

from collections.abc import Callable
from datetime import datetime, timedelta

import httpx
import pytest

from notify.core.db import transaction
from notify.models import Alert
from tests import factories
from tests.api import asked
from tests.api.filling import Form

Desk = Callable[[str], httpx.Client]


@pytest.mark.parametrize(
    ("west", "zones"),
    [
        (1.0, {"Riverside", "Hillside"}),
        (0.5, set()),  # it reaches into Riverside, where a part is left, which is no whole zone
    ],
)
@pytest.mark.parametrize("phase", ["update", "all-clear"])
def test_the_form_says_where_it_is_over_and_begins_with_the_rest(
    at_desk: Desk, city: datetime, west: float, zones: set[str], phase: str
) -> None:
    with transaction() as s:
        factories.zone(s, "Harbor", factories.square(west, 0), now=city)
        factories.zone(s, "Hillside", factories.square(2, 0), now=city)
    danger = factories.alert_launched(now=city, zones=("Riverside", "Hillside", "Harbor"))
    with transaction() as s:
        incident = s.get_one(Alert, danger).incident_id
    later = city + timedelta(seconds=1)
    clear = factories.alert_launched(now=later, incident=incident, phase="all-clear", zones=("Harbor",))
    desk = at_desk("author")
    path = desk.post("/console/compose", data={"template": f"storm {phase}", "incident": incident}).headers["location"]
    page = desk.get(path).text
    assert f'It is over in Harbor, says <a href="/console/alerts/{clear}">alert {clear}</a>.' in page
    assert f"Where alert {danger} still holds (" in page
    names = {f"zone.{row.id}": row.name for row in asked.rows("SELECT id, name FROM zones")}
    form = Form(page).values
    assert {names[one] for one in form if one in names} == zones
    assert ("earlier" in form) == (not zones)
