"""The desk drafts a snow emergency from its phases."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from shapely.geometry import LineString, box

from notify.alerts import lifecycle
from notify.core.db import transaction
from notify.core.settings import settings
from notify.service311.snow import declaring, routes
from notify.service311.snow.rules import OTHERS, ROUTES, Ban, Phase
from tests import factories
from tests.api import asked, quiet
from zones.addresses.rows import StreetRow

Desk = Callable[[str], httpx.Client]
Key = Callable[..., dict[str, str]]


@pytest.fixture
def desk(at_desk: Desk) -> httpx.Client:
    now = datetime.now(UTC)
    with transaction() as s:
        factories.zone(s, "Downtown", box(0, 0, 0.1, 0.1), "neighbourhood", now=now)
        line = LineString([(0.01, 0.05), (0.09, 0.05)])
        routes.keep(s, [StreetRow("1", "MAIN ST", None, None, "", "", 2, line)], "city", now)
    return at_desk("author")


def local(hours: float) -> str:
    return typed(datetime.now(UTC) + timedelta(hours=hours))


def typed(at: datetime) -> str:
    return at.astimezone(settings().tz).strftime("%Y-%m-%dT%H:%M")


def test_a_form_of_phases_becomes_a_draft(desk: httpx.Client) -> None:
    page = desk.get("/desk/snow").text
    assert "No snow emergency is in force." in page
    form = {
        "starts1": local(6), "ends1": local(16), "routes1": "both", "others1": "",
        "starts2": local(16), "ends2": local(28), "routes2": "", "others2": "even",
        "tow_phone": "215 555 0124", "instead.en": "City garages are free.", "instead.es": "Hay garajes.",
    }  # fmt: skip
    answer = desk.post("/desk/snow", data=form)
    assert answer.status_code == 303, answer.text
    number = int(re.findall(r"/console/alerts/(\d+)", answer.headers["location"])[0])
    (row,) = asked.rows("SELECT phases, tow_phone, instead FROM snow_emergencies WHERE alert_id = :id", id=number)
    assert [phase["bans"] for phase in row.phases] == [
        [{"where": "*", "sides": "both"}], [{"where": "", "sides": "even"}]
    ]  # fmt: skip
    assert (row.tow_phone, row.instead["es"]) == ("+12155550124", "Hay garajes.")
    shown = desk.get(answer.headers["location"])
    assert shown.status_code == 200, shown.text[-3000:]


def test_the_all_clear_is_offered_where_staff_look(desk: httpx.Client) -> None:
    now = datetime.now(UTC)
    then = now - timedelta(hours=30)
    with transaction() as s:
        by = factories.operator(s, "author")
        for provider in ("twilio", "sendgrid", "mastodon"):
            factories.sender(s, provider, now=then)
        phase = Phase(then + timedelta(hours=1), now - timedelta(hours=1), (Ban(ROUTES),))
        alert = declaring.declare(s, [phase], "", {}, by, then, settings())
        allowed = settings().model_copy(update=factories.CREDENTIALS)
        lifecycle.approve(s, alert.id, factories.operator(s, "approver"), then, allowed)
        lifecycle.launch(s, alert.id, None, then)
        lifecycle.expire_due(s, now)
    for page in ("/desk/snow", "/console"):
        assert "residents were not told that the usual parking rules are back" in desk.get(page).text, page
    assert desk.post("/desk/snow/lift", data={"incident": alert.incident_id}).status_code == 303
    assert "residents were not told" not in desk.get("/desk/snow").text


def test_the_form_that_changes_the_rules_has_those_in_force(desk: httpx.Client) -> None:
    now = datetime.now(UTC)
    with transaction() as s:
        by = factories.operator(s, "author")
        for provider in ("twilio", "sendgrid", "mastodon"):
            factories.sender(s, provider, now=now)
        phase = Phase(now + timedelta(hours=1), now + timedelta(hours=9), (Ban("night", "odd"), Ban(OTHERS)))
        line = LineString([(0.01, 0.06), (0.09, 0.06)])
        routes.keep(s, [StreetRow("1", "HIGH ST", None, None, "", "", 2, line)], "more", now, None, "night")
        alert = declaring.declare(
            s, [phase], "+12155550124", {"en": "Use garages.", "es": "Hay garajes."}, by, now, settings()
        )
        allowed = settings().model_copy(update=factories.CREDENTIALS)
        lifecycle.approve(s, alert.id, factories.operator(s, "approver"), now, allowed)
        lifecycle.launch(s, alert.id, None, now)
    page = desk.get("/desk/snow").text
    for name, value in (("starts1", typed(phase.starts)), ("ends1", typed(phase.ends)), ("instead.es", "Hay garajes.")):
        assert re.search(rf'name="{name}"[^>]*value="{re.escape(value)}"', page), name
    for name, value in (("routes1", "odd"), ("others1", "both")):
        choice = page.split(f'name="{name}"')[1].split("</select>")[0]
        assert f'value="{value}" selected' in choice, name
    assert "<option selected>night" in page


def test_what_is_wrong_is_said_and_the_form_stays_filled(desk: httpx.Client) -> None:
    answer = desk.post("/desk/snow", data={"starts1": local(6), "ends1": "", "routes1": "both"})
    assert answer.status_code == 422
    assert "Phase 1 needs a start and an end." in answer.text
    assert f'value="{local(6)[:13]}' in answer.text
    assert desk.post("/desk/snow/lift", data={"incident": ""}).status_code == 422
    for skipped_or_twice, said in (("2027-03-14T02:30", "does not exist"), ("2027-11-07T01:30", "comes twice")):
        answer = desk.post("/desk/snow", data={"starts1": skipped_or_twice, "ends1": "2027-11-08T01:00"})
        assert answer.status_code == 422
        assert said in answer.text


def test_an_emergency_that_began_hours_ago_is_refused_on_every_way(desk: httpx.Client, key: Key) -> None:
    form = {"starts1": local(-20), "ends1": local(4), "routes1": "both"}
    answer = desk.post("/desk/snow", data=form)
    assert answer.status_code == 422
    assert "20 hours ago: residents could not know of it." in answer.text
    assert "Let it begin now or later" in answer.text
    assert f'value="{local(-20)[:13]}' in answer.text
    spanish = desk.post("/desk/snow", data=form, headers={"Accept-Language": "es"}).text
    assert "los residentes no podían saberlo" in spanish
    blanks = {"rule": "routes", "starts": local(-20)}
    body = {"event": "snow", "zones": ["Downtown"], "blanks": blanks, "lasts": "24h"}
    answer = desk.post("/api/v1/alerts", json=body, headers=key("author"))
    assert answer.status_code == 422, answer.text
    assert "before the launch" in answer.text, "the command drafts in the same way"


def test_a_phase_that_begins_before_texts_go_out_is_declared_knowingly(
    desk: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    over = quiet.begin(monkeypatch, 4)
    form = {"starts1": local(1), "ends1": local(30), "routes1": "both", "others1": ""}
    back = desk.post("/desk/snow", data=form)
    assert back.status_code == 422
    assert "A phase begins before texts and emails go out" in back.text
    assert f"{over:%H:%M}" in back.text
    assert asked.number("SELECT count(*) FROM alerts") == 0
    assert desk.post("/desk/snow", data={**form, "starts1": typed(over)}).status_code == 303, "all can know of it"
    assert desk.post("/desk/snow", data={**form, "though_late": "1"}).status_code == 303
    with transaction() as s:
        for provider in ("twilio", "sendgrid", "mastodon"):
            factories.sender(s, provider)
        factories.resident(s, at=((0.05, 0.05),), topics=("snow",))
        allowed = settings().model_copy(update=factories.CREDENTIALS)
        lifecycle.approve(s, 2, factories.operator(s, "approver"), datetime.now(UTC), allowed)
        lifecycle.launch(s, 2, None, datetime.now(UTC))
    factories.resolve(2, datetime.now(UTC))
    page = desk.get("/desk/snow").text
    assert "Not sent yet." in page
    assert "can read them on the public page alone" in page
