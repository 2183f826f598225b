"""Drawn maps: the same looks everywhere, a key, and names, so that nobody has to know an area by its colour."""

import re
from collections.abc import Callable
from datetime import UTC, datetime

import httpx
import pytest

from api.console.places import city_outline
from notify.alerts import situation
from notify.city import outline
from notify.core.db import transaction
from tests import factories
from zones.geometry import to_wkb

Desk = Callable[[str], httpx.Client]


@pytest.mark.parametrize(
    ("draft", "look", "called"),
    [
        ({}, "emergency", "Emergency"),
        ({"event": "outage"}, "routine", "Routine"),
        ({"status": "Exercise"}, "rehearsed", "Exercise or test"),
    ],
)
def test_an_area_looks_the_same_on_every_map_and_has_its_key(
    at_desk: Desk, city: datetime, draft: dict[str, object], look: str, called: str
) -> None:
    alert = factories.alert_launched(now=city, **draft)
    for path in ("/console", f"/console/alerts/{alert}", f"/console/alerts/{alert}/report"):
        page = at_desk("approver").get(path).text
        assert f'class="area {look}"' in page, path
        assert f'<span class="key {look}">{called}</span>' in page, path
        assert ('class="hatch"' in page) == (look == "emergency"), "not by the colour alone"


def test_areas_on_now_are_numbered_and_the_numbers_are_explained(at_desk: Desk, city: datetime) -> None:
    first, second = factories.alert_launched(now=city), factories.alert_launched(now=city, event="outage")
    page = at_desk("author").get("/console").text
    marks = re.findall(r'<text class="mark"[^>]*>([^<]+)</text>', page)
    assert marks == [f"{first}, {second}"], "one label, so that those of one area do not cover each other"
    for alert in (first, second):
        assert f'<a id="map-{alert}" href="/console/alerts/{alert}">' in page
    assert "<title>Severe thunderstorm alert" in page
    assert re.search(r'<text class="name"[^>]*>Riverside</text>', page)


def test_the_maps_of_an_alert_name_the_zones(at_desk: Desk, city: datetime) -> None:
    with transaction() as s:
        factories.zone(s, "Docks & <Piers>", factories.square(1, 0), now=city)
        draft = factories.alert_draft(s, now=city).id
    sent = factories.alert_launched(now=city)
    desk = at_desk("approver")
    for path in (f"/console/alerts/{draft}", f"/console/alerts/{sent}", f"/console/alerts/{sent}/report"):
        page = desk.get(path).text
        assert re.findall(r'<text class="name"[^>]*>([^<]+)</text>', page) == ["Docks &amp; &lt;Piers&gt;", "Riverside"]
        assert "Whoever sees the same code sees the same area" in page
    with transaction() as s:
        drawing = outline.in_city(s, to_wkb(factories.square(0, 0)))
    assert ">Docks &amp; &lt;Piers&gt;</text>" in drawing.svg(danger=True), "the PDF has them, too"


def test_the_map_of_a_review_comes_before_the_messages(at_desk: Desk, city: datetime) -> None:
    """On a phone everything is in one column, in this order."""
    with transaction() as s:
        draft = factories.alert_draft(s, now=city).id
    page = at_desk("approver").get(f"/console/alerts/{draft}").text
    order = [page.index(part) for part in ('id="standing"', 'class="card map"', 'id="words-title"')]
    assert order == sorted(order)


def test_a_name_that_its_zone_has_no_room_for_is_not_drawn(database: str) -> None:
    now = datetime.now(UTC)
    with transaction() as s:
        factories.zone(s, "Wide", kind="neighbourhood", now=now)
        factories.zone(s, "Too long for a small zone", factories.square(1, 1, 0.1), "neighbourhood", now=now)
        for n in range(3):
            factories.zone(s, f"Route {n}", kind="snow", now=now)
        drawing = city_outline.draw(s, situation.read(s, now))
    assert drawing is not None
    assert [one.text for one in drawing.names] == ["Wide"]
    assert len(drawing.around) == 2, "neighbourhoods, though there are more snow routes"


def test_numbers_that_do_not_cover_each_other_stay_apart(database: str) -> None:
    now = datetime.now(UTC)
    with transaction() as s:
        factories.zone(s, "West", kind="neighbourhood", now=now)
        factories.zone(s, "East", factories.square(2, 0), "neighbourhood", now=now)
    west, east = (factories.alert_launched(now=now, zones=[name]) for name in ("West", "East"))
    with transaction() as s:
        drawing = city_outline.draw(s, situation.read(s, now))
    assert drawing is not None
    assert {one.text for one in drawing.marks} == {str(west), str(east)}
