"""Compose in a real browser: from a template to an alert, by mouse, by keyboard, on a phone and without a network."""

import json
from collections.abc import Callable
from datetime import datetime

import httpx
import numpy as np
import pytest
from playwright.sync_api import Page, expect
from shapely import Point, from_geojson

from notify.alerts import lifecycle
from notify.core.db import transaction
from tests import factories
from tests.api import asked
from tests.api.conftest import at_desk, city, door, key, public_url, served
from tests.api.every_page import signed_in
from tests.browser.axe import violations
from tests.browser.test_accessibility import page
from tests.waiting import until

DRAWN = """() => { const map = document.getElementById("draw").tocsin.map;
    return map.loaded() && map.areTilesLoaded() && !map.isMoving(); }"""
POINTED = """document.getElementById("draw").tocsin.map
    .queryRenderedFeatures({layers: ["zone-fill"]}).some((zone) => zone.state.pointed)"""
SHELTER = '[name="blank.shelter"]'
__all__ = ["at_desk", "city", "door", "key", "page", "public_url", "served", "signed_in"]


def stored(name: str) -> str:
    found = asked.rows(
        "SELECT fields #>> ARRAY[:name, 'value'] FROM working_drafts ORDER BY id DESC LIMIT 1", name=name
    )
    return found[0][0] or "" if found else ""


def kept(name: str, value: str) -> None:
    until(lambda: stored(name) == value, 20, f"{name} is {value!r} on the server")


def start(page: Page, template: str = "Storm") -> None:
    page.goto("/console/compose")
    page.get_by_role("button", name=template).click()
    expect(page.get_by_role("heading", name="What", exact=True)).to_be_visible()


def test_a_scripted_author_needs_at_most_twelve_interactions(city: datetime, signed_in: None, page: Page) -> None:
    did = 0

    def act(step: Callable[[], object]) -> None:
        nonlocal did
        did += 1
        step()

    page.goto("/console")
    act(page.get_by_role("link", name="Compose").click)
    act(page.get_by_role("button", name="Storm").click)
    act(lambda: page.get_by_label("What is dangerous").select_option("tornado"))
    act(page.get_by_role("checkbox", name="Riverside", exact=True).check)
    expect(page.locator("#who-said")).to_contain_text("40 residents")
    expect(page.locator("#how-said")).to_contain_text("Tornado")
    expect(page.locator("#ready")).to_contain_text("Complete")
    act(page.get_by_role("button", name="Review").click)
    page.wait_for_url("**/console/alerts/*")
    assert asked.rows("SELECT state::text FROM alerts") == [("draft",)]
    assert did <= 12


def test_by_keyboard_only(city: datetime, signed_in: None, page: Page) -> None:
    start(page)

    def tab_to(name: str) -> None:
        for _ in range(80):
            page.keyboard.press("Tab")
            if page.evaluate("document.activeElement.name || document.activeElement.id") == name:
                return
        pytest.fail(f"{name} cannot be reached")

    zone = f"zone.{asked.number('SELECT min(id) FROM zones')}"
    tab_to("blank.hazard")
    page.keyboard.press("ArrowDown")
    kept("blank.hazard", "thunderstorm")
    tab_to("find")
    page.keyboard.type("river")
    tab_to(zone)
    page.keyboard.press("Space")
    kept(zone, "on")
    expect(page.locator("#ready")).to_contain_text("Complete")
    tab_to("do")
    page.keyboard.press("Enter")
    page.wait_for_url("**/console/alerts/*")


def test_on_a_phone(city: datetime, signed_in: None, page: Page) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    start(page)
    page.get_by_label("What is dangerous").select_option("wind")
    page.get_by_role("checkbox", name="Riverside", exact=True).check()
    expect(page.locator("#ready")).to_contain_text("Complete")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.get_by_role("button", name="Review").click()
    page.wait_for_url("**/console/alerts/*")


def test_what_is_written_without_a_network_is_sent_when_it_is_back(city: datetime, signed_in: None, page: Page) -> None:
    start(page)
    page.get_by_label("What is dangerous").select_option("wind")
    kept("blank.hazard", "wind")
    page.context.set_offline(True)
    page.locator("summary", has_text="More to say").click()
    page.locator(SHELTER).fill("City Hall")
    expect(page.locator("#trouble")).to_contain_text("no connection")
    page.get_by_role("button", name="Review").click()
    expect(page.locator("#trouble")).to_contain_text("no connection")
    page.context.set_offline(False)
    kept("blank.shelter", "City Hall")
    expect(page.locator("#trouble")).to_be_empty()


def test_what_could_not_be_sent_survives_the_page(city: datetime, signed_in: None, page: Page) -> None:
    start(page)
    url = page.url
    page.context.set_offline(True)
    page.locator("summary", has_text="More to say").click()
    page.locator(SHELTER).fill("City Hall")
    expect(page.locator("#trouble")).to_contain_text("no connection")
    page.goto("about:blank")
    page.context.set_offline(False)
    page.goto(url)
    kept("blank.shelter", "City Hall")
    expect(page.locator(SHELTER)).to_have_value("City Hall")


def test_an_ended_session_loses_nothing(city: datetime, signed_in: None, page: Page, door: httpx.Client) -> None:
    start(page)
    cookies = page.context.cookies()
    page.context.clear_cookies()
    page.get_by_label("What is dangerous").select_option("flood")
    expect(page.locator("#trouble")).to_contain_text("You were signed out")
    page.context.add_cookies(cookies)  # signed in again in another window
    kept("blank.hazard", "flood")
    expect(page.locator("#trouble")).to_be_empty()


def test_review_works_after_a_refused_save_whose_edit_was_undone(city: datetime, signed_in: None, page: Page) -> None:
    start(page)
    page.get_by_label("What is dangerous").select_option("wind")
    page.get_by_role("checkbox", name="Riverside", exact=True).check()
    expect(page.locator("#ready")).to_contain_text("Complete")
    page.get_by_text("Streets, a circle, a drawn area").click()
    streets = page.get_by_label("Streets", exact=True)
    streets.evaluate("(field) => field.removeAttribute('maxlength')")
    streets.fill("x" * 5001)
    expect(page.locator("#trouble")).to_contain_text("the most is 5,000")
    page.get_by_role("button", name="Review").click()
    expect(page.locator("#trouble")).to_contain_text("the most is 5,000")
    streets.fill("")
    page.get_by_role("button", name="Review").click()
    page.wait_for_url("**/console/alerts/*")


def test_two_windows_see_each_other(city: datetime, signed_in: None, page: Page) -> None:
    start(page)
    other = page.context.new_page()
    other.goto(page.url)
    for one in (page, other):
        one.locator("summary", has_text="More to say").click()
    page.locator(SHELTER).fill("Central Library")
    kept("blank.shelter", "Central Library")
    other.locator('[name="blank.wind_mph"]').fill("80")
    expect(other.locator(SHELTER)).to_have_value("Central Library")  # it arrives with the next save
    page.locator(SHELTER).fill("City Hall")
    kept("blank.shelter", "City Hall")
    other.locator(SHELTER).fill("School 5")
    expect(other.locator(".conflict")).to_contain_text("School 5")
    expect(other.locator(SHELTER)).to_have_value("City Hall")
    other.get_by_role("button", name="Use this").click()
    expect(other.locator(SHELTER)).to_have_value("School 5")


def test_without_a_script_of_the_map_the_list_and_the_fields_remain(
    city: datetime, signed_in: None, page: Page
) -> None:
    page.route("**/vendor/terra-draw.umd.js", lambda route: route.abort())
    start(page)
    expect(page.locator("#draw-note")).to_contain_text("The map cannot be drawn")
    expect(page.locator("#draw")).to_be_hidden()
    page.get_by_role("checkbox", name="Riverside", exact=True).check()
    expect(page.locator("#who-said")).to_contain_text("40 residents")


def press(page: Page, *points: tuple[float, float]) -> None:
    """Press these places on the map: no dragging."""
    for point in points:
        at = page.evaluate("(p) => document.getElementById('draw').tocsin.map.project(p)", list(point))
        page.locator("#draw canvas").click(position={"x": at["x"], "y": at["y"]})


def test_an_area_is_drawn_by_presses_and_counted_exactly(city: datetime, signed_in: None, page: Page) -> None:
    rng = np.random.default_rng(7)
    with transaction() as s:
        for lon, lat in rng.uniform(0.05, 0.95, (60, 2)):
            factories.resident(s, at=[(float(lon), float(lat))], now=city)
    start(page)
    page.locator("#draw[data-ready]").scroll_into_view_if_needed()
    page.get_by_role("button", name="Polygon").click()
    corners = [(0.1, 0.1), (0.8, 0.2), (0.7, 0.9), (0.2, 0.7)]
    press(page, *corners)
    expect(page.locator("#draw-note")).to_contain_text("residents")
    expect(page.locator("#draw-note")).to_contain_text("to finish")
    assert not page.evaluate(POINTED)
    press(page, corners[0])
    expect(page.locator("#draw-note")).to_contain_text("Added to the area")
    until(lambda: stored("area") != "", 20, "the drawing is saved")
    shape = from_geojson(json.dumps(json.loads(stored("area"))["features"][0]["geometry"]))
    with transaction() as s:
        inside = sum(shape.covers(Point(*home)) for home in factories.homes(s))
    assert 40 < inside < 100
    expect(page.locator("#who-said .reach")).to_contain_text(f"{inside} residents")
    page.get_by_role("button", name="Circle").click()
    press(page, (0.9, 0.5), (0.95, 0.5))
    until(lambda: stored("area").count("Polygon") == 2, 20, "the circle is added")
    page.get_by_role("button", name="Remove drawing").click()
    kept("area", "")
    page.get_by_role("button", name="Zones").click()
    page.evaluate("document.getElementById('draw').tocsin.map.jumpTo({center: [0.3, 0.3], zoom: 12})")
    until(lambda: page.evaluate(DRAWN), 60, "the zones are drawn")
    press(page, (0.3, 0.3))
    kept(f"zone.{asked.number('SELECT min(id) FROM zones')}", "on")


BEFORE = """document.getElementById("draw").tocsin.map.getSource("drawn").serialize().data.features.length"""


def test_the_map_shows_the_area_of_the_alert_before_while_it_is_ticked(
    city: datetime, signed_in: None, page: Page
) -> None:
    with transaction() as s:
        first = factories.alert_ready(s, now=city)
        lifecycle.launch(s, first.id, None, city)
        number = first.id
    page.goto(f"/console/alerts/{number}")
    page.get_by_role("button", name="Update").click()
    page.locator("#draw[data-ready]").scroll_into_view_if_needed()
    earlier = page.get_by_label(f"The area of alert {number}")
    earlier.check()
    assert page.evaluate(BEFORE) == 1
    earlier.uncheck()
    assert page.evaluate(BEFORE) == 0


SHOWN = """[...new Set(document.getElementById("draw").tocsin.map
    .queryRenderedFeatures({layers: ["zone-fill"]}).map((zone) => zone.id))]"""


def overlapping(city: datetime) -> None:
    """Beside Riverside, a custom zone: two of other kinds in the same place."""
    with transaction() as s:
        factories.zone(s, "Old Town", kind="neighbourhood", now=city)
        factories.zone(s, "Plough 1", kind="snow", now=city)


def test_list_and_map_show_the_kind_that_is_chosen(city: datetime, signed_in: None, page: Page) -> None:
    overlapping(city)
    start(page)

    zones = {row.id: row.name for row in asked.rows("SELECT id, name FROM zones")}

    def shown(names: str) -> None:
        page.evaluate("document.getElementById('draw').tocsin.map.jumpTo({center: [0.3, 0.3], zoom: 12})")

        def drawn() -> str:
            return ",".join(sorted(zones[one] for one in page.evaluate(SHOWN)))

        until(lambda: page.evaluate(DRAWN) and drawn() == names, 60, f"the map shows {names}")
        boxes = page.locator('[name^="zone."]:visible').locator("xpath=..").all_inner_texts()
        assert ",".join(sorted(box.strip() for box in boxes)) == names

    page.locator("#draw[data-ready]").scroll_into_view_if_needed()
    shown("Old Town")
    assert violations(page) == []
    page.get_by_role("checkbox", name="Old Town", exact=True).check()
    page.get_by_label("Kind of zones").focus()
    page.keyboard.type("Snow")
    shown("Old Town,Plough 1")  # a chosen zone stays
    page.get_by_role("checkbox", name="Old Town", exact=True).uncheck()
    old_town = next(one for one, name in zones.items() if name == "Old Town")
    kept(f"zone.{old_town}", "")
    page.reload()
    page.locator("#draw[data-ready]").scroll_into_view_if_needed()
    shown("Plough 1")
    page.get_by_label("Kind of zones").select_option("all")
    shown("Old Town,Plough 1,Riverside")


def test_without_scripts_the_list_shows_the_kind_that_is_chosen(
    city: datetime, signed_in: None, page: Page, door: httpx.Client
) -> None:
    overlapping(city)
    start(page)
    assert page.context.browser is not None
    state = page.context.storage_state()
    plain = page.context.browser.new_context(java_script_enabled=False, storage_state=state)
    still = plain.new_page()
    still.goto(page.url)
    still.get_by_role("checkbox", name="Old Town", exact=True).check()
    expect(still.get_by_role("checkbox", name="Plough 1", exact=True)).to_be_hidden()
    still.get_by_label("Kind of zones").select_option("snow")
    still.get_by_role("button", name="Find").click()
    expect(still.get_by_role("checkbox", name="Plough 1", exact=True)).to_be_visible()
    expect(still.get_by_role("checkbox", name="Old Town", exact=True)).to_be_checked()
    expect(still.get_by_role("checkbox", name="Riverside", exact=True)).to_be_hidden()
    plain.close()
