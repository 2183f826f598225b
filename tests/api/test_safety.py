"""What a tired person presses twice, or too early, sends nothing twice and nothing at all."""

import re
import threading
from collections.abc import Callable
from datetime import datetime

import httpx
import pytest
from sqlalchemy.exc import IntegrityError

from notify.accounts import operator_limits
from notify.core.db import transaction
from notify.core.settings import settings
from notify.models import Operator
from tests import factories
from tests.api import asked
from tests.api.filling import Form
from tests.api.test_compose import form_of, started
from tests.owner import as_owner

Desk = Callable[[str], httpx.Client]


@pytest.fixture(autouse=True)
def _can_send(city: datetime, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN"):
        monkeypatch.setenv(f"TOCSIN_{name}", "AC" + "0" * 32)
    settings.cache_clear()
    with transaction() as s:
        factories.sender(s, now=city)


def ready(city: datetime) -> tuple[str, dict[str, str]]:
    """The address that launches an approved alert, and its form as somebody fills it in."""
    with transaction() as s:
        alert = factories.alert_ready(s, now=city)
        return f"/console/alerts/{alert.id}/launch", {
            "area_hash": alert.area_hash or "", "sure": "yes", "counted": "yes",
        }  # fmt: skip


def test_without_an_area_no_alert_is_made_and_none_is_launched(at_desk: Desk, city: datetime) -> None:
    desk = at_desk("author")
    path = started(desk)
    form = form_of(desk, path)
    form.values["blank.hazard"] = "tornado"
    form.send(desk, path)
    assert "Without one, nothing is sent." in desk.get(path).text
    assert Form(desk.get(path).text).send(desk, path, "review").status_code == 422
    assert asked.number("SELECT count(*) FROM alerts") == 0
    launch, given = ready(city)
    with pytest.raises(IntegrityError, match="alerts_check"):
        as_owner("UPDATE alerts SET area = NULL")
    refused = at_desk("admin").post(launch, data=given | {"area_hash": "another"})
    assert (refused.status_code, "The area is not the one that this page showed." in refused.text) == (409, True)
    assert asked.number("SELECT count(*) FROM alerts WHERE launched_at IS NOT NULL") == 0


@pytest.mark.parametrize("step", ["approve", "launch"])
def test_many_clicks_at_once_do_it_once(at_desk: Desk, city: datetime, step: str) -> None:
    launch, given = ready(city)
    path = launch
    if step == "approve":
        with transaction() as s:
            alert = factories.alert_draft(s, now=city)
            path, given = f"/console/alerts/{alert.id}/approve", {"area_hash": alert.area_hash or ""}
        page = at_desk("approver").get(f"/console/alerts/{alert.id}").text
        size = re.search(r"how many messages it sends: <strong>(\d+)</strong>", page)
        assert size, page
        given["messages"] = size[1]
    desk, answers = at_desk("approver"), []

    def click() -> None:
        answers.append(desk.post(path, data=given).status_code)

    clicks = [threading.Thread(target=click) for _ in range(4)]
    for one in clicks:
        one.start()
    for one in clicks:
        one.join()
    assert sorted(answers) == [303, 409, 409, 409]
    number = int(path.split("/")[3])
    assert asked.number(f"SELECT count(*) FROM audit WHERE action = '{step}' AND subject_id = {number}") == 1
    assert desk.post(path, data=given).status_code == 409, "sent again from a page that Back has brought"


def test_an_audience_over_ones_limit_is_asked_about_in_words(at_desk: Desk, city: datetime) -> None:
    launch, given = ready(city)
    desk = at_desk("author")
    with transaction() as s:
        author = s.query(Operator).filter_by(email="author@tocsin.example.org").one()
        operator_limits.change(s, author, city, None, contacts=5)
    page = desk.get(launch.removesuffix("/launch")).text
    found = re.search(r"limit of 5\. Type how many messages it sends: <strong>(\d+)</strong>, ([a-z-]+)\.", page)
    assert found, page
    refused = desk.post(launch, data=given | {"messages": "5"})
    assert (refused.status_code, f"({found[2]}), and you typed 5" in refused.text) == (409, True)
    assert asked.number("SELECT count(*) FROM alerts WHERE launched_at IS NOT NULL") == 0
    assert desk.post(launch, data=given | {"messages": found[1]}).status_code == 303
