"""A request that must be decided: one click opens a draft that says what to do meanwhile, complete with its zones."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import httpx
import pytest

from notify.alerts import situation, warn_requests
from notify.alerts.writing import precaution
from notify.city.parts import Drawn
from notify.content.catalogue import catalogue
from notify.core.db import transaction
from notify.core.settings import settings
from tests import factories
from tests.api import asked
from tests.api.filling import Form
from zones.geometry import to_geojson

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
    assert timedelta(minutes=59) < news - city <= timedelta(minutes=76)  # in whole minutes
    assert news.minute % 15 == 0


def opened(desk: httpx.Client, request: int) -> tuple[str, set[str]]:
    """The form that one click opens, and the names of the zones that are ticked."""
    path = desk.post(f"/console/requests/{request}/precaution", data={"advice": "boil"}).headers["location"]
    page = desk.get(path).text
    ticked = re.findall(r'name="zone\.(\d+)"[^>]*checked', page)
    return page, {one.name for one in asked.rows("SELECT id, name FROM zones") if str(one.id) in ticked}


def test_without_names_of_zones_it_has_those_of_the_incident_and_says_so(at_desk: Desk, city: datetime) -> None:
    """Harbor is named among other words: they may be about more than it."""
    with transaction() as s:
        factories.zone(s, "Harbor", factories.square(3, 5), now=city)
        alert = factories.alert_draft(s, now=city)
    desk = at_desk("author")
    place = "Harbor, 1 Main St to the bridge"
    page, ticked = opened(desk, request_of(city, 10, place=place, incident=alert.incident_id))
    assert ticked == {"Riverside"}
    assert "Complete. Review makes the alert" in page
    assert f"so the zones of alert {alert.id} of its incident are ticked: Riverside. Is that right?" in page
    page, ticked = opened(desk, request_of(city, 10, place=place))
    assert ticked == set()
    assert "says where: “Harbor, 1 Main St to the bridge”" in page
    assert "so no zone is ticked: choose where." in page
    assert 'Not complete yet: see <a href="#where">' in page


def test_an_incident_that_has_more_than_zones_ticks_none(at_desk: Desk, city: datetime) -> None:
    """Zones alone would leave out the part that was drawn."""
    with transaction() as s:
        drawn = Drawn(to_geojson(factories.square(0.5, 0.5)))
        alert = factories.alert_draft(s, now=city, parts=[drawn], area_description="by the bridge")
    _page, ticked = opened(at_desk("author"), request_of(city, 10, place="the bridge", incident=alert.incident_id))
    assert ticked == set()


def test_zones_that_the_place_names_are_ticked_until_somebody_chooses(at_desk: Desk, city: datetime) -> None:
    with transaction() as s:
        for n, name in enumerate(("Old Town", "Harbor", "Harbor Point", "Town")):
            factories.zone(s, name, factories.square(n, 5), now=city)
    number = request_of(city, 10, place="old town, Riverside and Harbor Point")
    desk = at_desk("author")
    page, ticked = opened(desk, number)
    assert ticked == {"Harbor Point", "Old Town", "Riverside"}
    assert "Ticked are the zones of that name: Old Town, Riverside, Harbor Point. Is that right?" in page
    path = f"/console/compose/{asked.number('SELECT max(id) FROM working_drafts')}"
    town = asked.number("SELECT id FROM zones WHERE name = 'Town'")
    form = Form(page)
    form.values[f"zone.{town}"] = "on"
    form.send(desk, path, "save")
    assert "Compare it with what is chosen." in desk.get(path).text


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
