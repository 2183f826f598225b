"""A request that must be decided: one click opens a draft that says what to do meanwhile, complete with its zones."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import httpx
import pytest

from notify.alerts import situation, warn_requests
from notify.alerts.writing import precaution
from notify.content.catalogue import catalogue
from notify.core.db import transaction
from notify.core.settings import settings
from tests import factories
from tests.api import asked
from tests.api.filling import Form

Desk = Callable[[str], httpx.Client]
OFFER = "Warn as a precaution:"


def request_of(at: datetime, minutes: int | None, *, place: str = "Riverside", incident: int | None = None) -> int:
    within = timedelta(minutes=minutes) if minutes else None
    with transaction() as s:
        wanted = warn_requests.Asked("Engine 4", "field", "Water main broke", place, within, incident, uuid4())
        return warn_requests.take(s, wanted, factories.operator(s, now=at), at).id


@pytest.mark.parametrize("page", ["/console", "/console/requests"])
@pytest.mark.parametrize(
    ("minutes", "ago", "offered"),
    [(None, 300, False), (60, 40, False), (60, 46, True), (60, 90, True), (10, 4, False), (10, 6, True)],
)
def test_it_is_offered_when_the_decision_is_due(
    at_desk: Desk, city: datetime, page: str, minutes: int | None, ago: int, offered: bool
) -> None:
    with transaction() as s:
        factories.alert_draft(s, now=city)  # or the page tells an empty city what to do first
    request_of(city - timedelta(minutes=ago), minutes)
    assert (OFFER in at_desk("author").get(page).text) == offered
    assert 'value="boil"' not in at_desk("agent").get(page).text


def test_one_click_opens_a_complete_draft(at_desk: Desk, city: datetime) -> None:
    number = request_of(city - timedelta(hours=1), 30)
    desk = at_desk("author")
    path = desk.post(f"/console/requests/{number}/precaution", data={"advice": "boil"}).headers["location"]
    page = desk.get(path).text
    assert "Complete. Review makes the alert" in page
    assert "Boil it for one minute" in page
    alert = Form(page).send(desk, path, "review").headers["location"]
    assert "Tap water may be unsafe" in desk.get(alert).text
    (made,) = asked.rows("SELECT id, event, area_description, blanks->>'news_by' AS news FROM alerts")
    assert (made.event, made.area_description) == ("precaution", "Riverside")
    news = datetime.fromisoformat(made.news).replace(tzinfo=settings().tz).astimezone(UTC)
    assert timedelta(minutes=60) <= news - city <= timedelta(minutes=76)
    assert news.minute % 15 == 0


def test_without_a_zone_of_that_name_it_has_those_of_the_incident(at_desk: Desk, city: datetime) -> None:
    with transaction() as s:
        incident = factories.alert_draft(s, now=city).incident_id
    number = request_of(city, 10, place="near the bridge", incident=incident)
    desk = at_desk("author")
    path = desk.post(f"/console/requests/{number}/precaution", data={"advice": "inside"}).headers["location"]
    assert "Complete. Review makes the alert" in desk.get(path).text
    lone = request_of(city, 10, place="near the bridge")
    path = desk.post(f"/console/requests/{lone}/precaution", data={"advice": "inside"}).headers["location"]
    assert 'Not complete yet: see <a href="#where">' in desk.get(path).text


def test_every_zone_that_the_place_names_is_chosen(at_desk: Desk, city: datetime) -> None:
    with transaction() as s:
        for n, name in enumerate(("Old Town", "Harbor", "Harbor Point", "Town")):
            factories.zone(s, name, factories.square(n, 5), now=city)
    number = request_of(city, 10, place="old town, Riverside and Harbor Point, around Elm Street")
    desk = at_desk("author")
    path = desk.post(f"/console/requests/{number}/precaution", data={"advice": "boil"}).headers["location"]
    page = desk.get(path).text
    chosen = set(re.findall(r'name="(zone\.\d+)"[^>]*checked', page))
    named = asked.rows("SELECT id FROM zones WHERE name IN ('Harbor Point', 'Old Town', 'Riverside')")
    assert chosen == {f"zone.{one.id}" for one in named}


@pytest.mark.parametrize("advice", ["boil", "bottled", "inside", "ready", "away"])
def test_its_own_words_draw_no_objection_to_who_speaks(at_desk: Desk, city: datetime, advice: str) -> None:
    number = request_of(city, 10)
    desk = at_desk("author")
    path = desk.post(f"/console/requests/{number}/precaution", data={"advice": advice}).headers["location"]
    page = desk.get(path).text
    assert "Complete. Review makes the alert" in page
    assert not re.search(r"(&#34;|[\"“])(we|our|us)(&#34;|[\"”])", page, re.IGNORECASE)


def test_a_bad_advice_or_a_closed_request_is_refused_with_a_sentence(at_desk: Desk, city: datetime) -> None:
    number = request_of(city, 10)
    desk = at_desk("author")
    told = desk.post(f"/console/requests/{number}/precaution", data={"advice": "dance"})
    assert (told.status_code, "There is no advice" in told.text) == (422, True)
    assert desk.post("/console/requests/999/precaution", data={"advice": "boil"}).status_code == 404
    with transaction() as s:
        warn_requests.decline(s, number, "It was a false alarm.", factories.operator(s), city)
    told = desk.post(f"/console/requests/{number}/precaution", data={"advice": "boil"})
    assert (told.status_code, "is closed" in told.text) == (409, True)
    assert asked.number("SELECT count(*) FROM working_drafts") == 0


def test_the_promise_of_news_is_asked_about_in_time(door: httpx.Client, city: datetime) -> None:
    with transaction() as s:
        alert = factories.alert_ready(s, event="precaution", now=city, expires_at=city + timedelta(hours=9))
        s.flush()
    asked.do("UPDATE alerts SET state = 'sending', launched_at = :at WHERE id = :a", at=city, a=alert.id)
    with transaction() as s:
        (item,) = (one for one in situation.read(s, city).items if one.id == alert.id)
    assert item.promised_at is not None
    assert abs(item.promised_at - city - timedelta(hours=2)) < timedelta(minutes=1)
    assert item.asks(city + timedelta(minutes=95))


def test_fast_templates_ask_for_a_choice_and_a_time_at_most() -> None:
    fast = [event for event in catalogue().events if event.fast]
    assert [event.name for event in fast] == ["outage", "precaution", "storm"]
    for event in fast:
        for phase in event.phases:
            needed = [blank.type for blank in event.blanks(phase) if phase in blank.required]
            assert needed in (["choice"], ["choice", "datetime"]), (event.name, phase)
    assert set(precaution.advice()) == {"boil", "bottled", "inside", "ready", "away"}
