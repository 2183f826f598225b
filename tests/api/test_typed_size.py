"""The forms that approve and launch an alert ask for the number of messages where a slip would be grave."""

import re
from collections.abc import Callable
from datetime import datetime

import httpx
import pytest

from notify.alerts.approving import sent_to
from notify.alerts.reporting import reports
from notify.core.db import transaction
from notify.core.settings import settings
from tests import factories
from tests.api import asked


@pytest.fixture(autouse=True)
def _can_send(city: datetime, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN"):
        monkeypatch.setenv(f"TOCSIN_{name}", "AC" + "0" * 32)
    settings.cache_clear()
    with transaction() as s:
        factories.sender(s, now=city)


def test_the_second_person_types_the_size_of_an_emergency(
    at_desk: Callable[[str], httpx.Client], city: datetime
) -> None:
    with transaction() as s:
        alert = factories.alert_draft(s, now=city)
        number, area = alert.id, alert.area_hash or ""
    door = at_desk("approver")
    page = door.get(f"/console/alerts/{number}").text
    asked_for = re.search(
        r"It is an emergency\. Type how many messages it sends: <strong>(\d+)</strong>, ([a-z-]+)\.", page
    )
    assert asked_for, page
    path, given = f"/console/alerts/{number}/approve", {"area_hash": area}
    for typed, words in (("", "was not typed"), ("1", f"({asked_for[2]}), and you typed 1"), ("x" * 200, "")):
        refused = door.post(path, data=given | {"messages": typed})
        assert refused.status_code in {409, 422}
        assert words in refused.text
    assert asked.rows("SELECT state FROM alerts")[0].state == "draft"
    assert door.post(path, data=given | {"messages": asked_for[1]}).status_code == 303
    assert asked.rows("SELECT state FROM alerts")[0].state == "approved"


def test_a_program_may_send_what_its_person_has_seen(
    door: httpx.Client, key: Callable[..., dict[str, str]], city: datetime
) -> None:
    with transaction() as s:
        factories.resident(s, now=city)
        alert = factories.alert_draft(s, now=city)
        number, area = alert.id, alert.area_hash
    author, approver = key("author"), key("approver")
    with transaction() as s:
        messages = sent_to.contacts(s, reports.find_alert(s, number), city)
    assert messages
    for step, by, before, after in (
        ("approve", approver, "draft", "approved"),
        ("launch", author, "approved", "sending"),
    ):
        path = f"/api/v1/alerts/{number}/{step}"
        for wrong in ({"area_hash": "x"}, {"messages": 999}):
            assert door.post(path, json=wrong, headers=by).status_code == 409
        assert door.post(path, json={"messages": -1}, headers=by).status_code == 422
        assert asked.rows("SELECT state FROM alerts")[0].state == before
        assert door.post(path, json={"area_hash": area, "messages": messages}, headers=by).status_code == 200
        assert asked.rows("SELECT state FROM alerts")[0].state == after


def test_an_unusual_audience_is_typed_again_to_launch_it(
    at_desk: Callable[[str], httpx.Client], city: datetime
) -> None:
    with transaction() as s:
        for _ in range(3):
            factories.alert_ready(s, now=city, event="snow")
        alert = factories.alert_ready(s, now=city, event="snow")
        number, area = alert.id, alert.area_hash or ""
    asked.do(
        "UPDATE alerts SET launched_at = now(), fanout_done_at = now(), audience_total = 2 WHERE id < :id", id=number
    )
    door = at_desk("author")
    assert "times as many contacts as usual (2)" in door.get(f"/console/alerts/{number}").text
    path, given = f"/console/alerts/{number}/launch", {"area_hash": area, "sure": "yes", "counted": "yes"}
    assert "was not typed" in door.post(path, data=given).text
    assert asked.number("SELECT count(*) FROM alerts WHERE state = 'sending'") == 0
    size = re.search(r"<strong>(\d+)</strong>, ", door.get(f"/console/alerts/{number}").text)
    assert size
    assert door.post(path, data=given | {"messages": size[1]}).status_code == 303
    assert asked.number("SELECT count(*) FROM alerts WHERE state = 'sending'") == 1
