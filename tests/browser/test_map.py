"""The map in a real browser: it draws, pans, and asks nobody but us. The application runs in this process."""

import base64
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, expect
from shapely.geometry import box
from sqlalchemy import text

from notify.alerts import lifecycle
from notify.city import basemap
from notify.core.db import transaction
from notify.core.settings import settings
from tests import factories, maps
from tests.api.conftest import at_desk, door, public_url, served
from tests.browser.visits import COLOURS, DRAWN, Visit
from tests.waiting import until
from tests.zones.real import real_file
from tests.zones.test_pmtiles import archive
from zones.tiles import Feature, encode

pytestmark = pytest.mark.long

__all__ = ["archive", "at_desk", "door", "public_url", "served"]

PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAAC0lEQVQYV2NgAAIAAAUAAarVyFEAAAAASUVORK5CYII="
CITY_HALL = "[-75.1635, 39.9525]"


@pytest.fixture
def visiting(
    browser: Browser,
    door: httpx.Client,
    at_desk: Callable[[str], httpx.Client],
) -> Iterator[Callable[..., Visit]]:
    """`visiting(width=390, color_scheme="dark")`: a new visitor, signed in; the network is off but for our server."""
    visits: list[Visit] = []
    url = str(door.base_url).rstrip("/")
    token = at_desk("author").cookies["tocsin"]

    def visit(width: int = 1280, height: int = 800, **how: Any) -> Visit:
        context = browser.new_context(viewport={"width": width, "height": height}, **how)
        context.set_default_timeout(60_000)
        one = Visit(context.new_page(), url)
        context.route(lambda address: not address.startswith(url), lambda route: route.abort())
        context.on("request", lambda request: one.asked.append(request.url))
        one.page.on("pageerror", lambda error: one.problems.append(str(error)))
        one.page.on("console", one.note)
        context.add_cookies([{"name": "tocsin", "value": token, "url": url}])
        visits.append(one)
        return one

    yield visit
    for one in visits:
        one.page.context.close()
        assert one.problems == []
        assert [address for address in one.asked if not address.startswith((url, *one.allowed))] == []


@pytest.fixture
def bellhaven(door: httpx.Client) -> None:
    with transaction() as s:
        maps.training_city(s)


def test_the_training_city_is_drawn_with_zones_and_names(bellhaven: None, visiting: Callable[..., Visit]) -> None:
    visit = visiting()
    visit.open()
    visit.until_drawn()
    assert visit.page.evaluate(COLOURS) > 10, "more than the ground"
    for layer, least in (("zone-fill", 12), ("street-3", 20), ("street-2", 10), ("water", 1)):
        visit.until_seen(layer, least)
    visit.until_seen("zone-name", 8)
    visit.page.get_by_role("checkbox", name="Snow").check()
    visit.until_seen("zone-fill", 29)
    visit.page.get_by_role("checkbox", name="Neighborhood").uncheck()
    until(lambda: visit.seen("zone-fill") == 17, 60, "snow routes only")
    expect(visit.page.get_by_role("link", name="Riverside")).to_be_hidden()


def test_what_another_agency_warns_of_is_outlined(bellhaven: None, visiting: Callable[..., Visit]) -> None:
    with transaction() as s:
        factories.outside_warning(s, box(-70.58, 37.91, -70.52, 37.95), now=datetime.now(UTC))
    visit = visiting()
    visit.open()
    visit.until_drawn()
    visit.until_seen("others-line", 1)


def test_what_is_in_force_is_filled_and_numbered(bellhaven: None, visiting: Callable[..., Visit]) -> None:
    now = datetime.now(UTC)
    with transaction() as s:
        lifecycle.launch(s, factories.alert_ready(s, now=now).id, None, now)
    visit = visiting()
    visit.open()
    visit.until_drawn()
    visit.until_seen("ours-fill", 1)
    visit.until_seen("ours-number", 1)
    shown = visit.page.locator(".gazetteer .on-map")
    expect(shown).to_contain_text("1 Emergency Severe thunderstorm alert")
    number, key = (shown.locator(part).bounding_box() for part in ("b", ".key"))
    assert number is not None
    assert key is not None
    assert key["x"] - number["x"] - number["width"] < 20, "the number stands beside what it looks like"


def test_a_zone_is_told_when_it_is_pointed_at_and_chosen(bellhaven: None, visiting: Callable[..., Visit]) -> None:
    visit = visiting()
    visit.open()
    visit.until_drawn()
    visit.until_seen("zone-fill", 12)
    about = visit.page.locator("#about")
    visit.page.locator("#map").hover(position={"x": 560, "y": 400})
    expect(about).to_contain_text("km² · version 1")
    visit.page.get_by_role("link", name="Riverside").click()
    visit.until_drawn()
    expect(about).to_contain_text("Riverside neighborhood · 12.55 km² · version 1")
    expect(visit.page.get_by_role("link", name="Riverside")).to_have_attribute("aria-current", "true")
    assert "?zone=" in visit.page.url
    visit.page.reload()
    visit.until_drawn()
    expect(about).to_contain_text("Riverside")
    visit.page.locator("#map").click(position={"x": 460, "y": 300})
    expect(about).to_contain_text("Riverside")


def test_all_of_it_can_be_done_with_the_keyboard(bellhaven: None, visiting: Callable[..., Visit]) -> None:
    visit = visiting()
    visit.open()
    visit.until_drawn()
    visit.page.get_by_label("Find a zone").fill("salt")
    expect(visit.page.locator("#names li:visible")).to_have_count(1)
    visit.page.keyboard.press("Tab")
    visit.page.keyboard.press("Enter")
    expect(visit.page.locator("#about")).to_contain_text("Saltmarsh")
    visit.until_drawn()
    east = 'document.getElementById("map").tocsin.map.getCenter().lng'
    before = visit.page.evaluate(east)
    visit.page.locator("canvas").focus()
    visit.page.keyboard.press("ArrowRight")
    until(lambda: visit.page.evaluate(east) > before, 60, "it moves")


def test_without_scripts_the_list_draws_one_zone_at_a_time(
    bellhaven: None, visiting: Callable[..., Visit], browser: Browser
) -> None:
    visit = visiting()
    context = browser.new_context(java_script_enabled=False, storage_state=visit.page.context.storage_state())
    page = context.new_page()
    page.goto(f"{visit.url}/console/map")
    expect(page.locator("#names li:visible")).to_have_count(37)
    page.get_by_role("link", name="Riverside").click()
    expect(page.locator("path.area")).to_be_visible()
    expect(page.locator("#about")).to_contain_text("12.55 km² · version 1")
    context.close()


def test_without_webgl_the_list_remains(bellhaven: None, visiting: Callable[..., Visit]) -> None:
    visit = visiting()
    visit.page.add_init_script("HTMLCanvasElement.prototype.getContext = () => null")
    visit.open()
    expect(visit.page.locator("#map")).to_contain_text("cannot draw the map")
    expect(visit.page.get_by_role("link", name="Riverside")).to_be_visible()
    visit.problems.clear()


def test_by_night_and_on_a_phone(bellhaven: None, visiting: Callable[..., Visit]) -> None:
    visit = visiting(width=390, height=844, color_scheme="dark")
    visit.open()
    visit.until_drawn()
    ground = 'document.getElementById("map").tocsin.map.getPaintProperty("ground", "background-color")'
    assert visit.page.evaluate(ground) == "#161d22"
    assert visit.page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "no scrolling sideways"
    visit.page.emulate_media(color_scheme="light")
    until(lambda: visit.page.evaluate(f"({DRAWN})() ? {ground} : ''") == "#f2f2ec", 60, "it follows the machine")
    visit.until_seen("zone-fill", 12)


def test_an_import_shows_on_the_next_look(bellhaven: None, visiting: Callable[..., Visit]) -> None:
    visit = visiting()
    visit.open()
    visit.until_drawn()
    assert visit.seen("park") == 0
    with transaction() as s:
        basemap.keep_layer(s, "park", [("Common", maps.square(-70.55, 37.95, 0.02))])
    visit.page.reload()
    visit.until_drawn()
    visit.until_seen("park")


def test_an_empty_city_says_what_to_import(visiting: Callable[..., Visit]) -> None:
    visit = visiting()
    visit.open()
    expect(visit.page.locator("main")).to_contain_text("tocsin streets import FILE")


def test_a_pmtiles_file_is_drawn_below(
    bellhaven: None,
    visiting: Callable[..., Visit],
    archive: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TOCSIN_PMTILES", str(archive))
    settings.cache_clear()
    visit = visiting()
    visit.open()
    visit.until_drawn()
    visit.look("[-70.54, 37.95]", 12)
    visit.until_seen("below-water")
    assert any(address.endswith("/map/base.pmtiles") for address in visit.asked)


@pytest.mark.parametrize("kind", ["png", "mvt"])
def test_another_servers_tiles_are_let_in_where_they_are_set(
    bellhaven: None, visiting: Callable[..., Visit], monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """Pictures come by way of the page, vector tiles by way of the worker: either has a policy of its own."""
    monkeypatch.setenv("TOCSIN_TILES_URL", "https://tiles.example.org/{z}/{x}/{y}." + kind)
    settings.cache_clear()
    visit = visiting()
    visit.allowed += ("https://tiles.example.org/",)
    lake = encode({"water": [Feature(box(1000, 1000, 3000, 3000), {"name": "Lake"})]})
    body = base64.b64decode(PIXEL) if kind == "png" else lake
    type_ = "image/png" if kind == "png" else "application/vnd.mapbox-vector-tile"
    headers = {"Access-Control-Allow-Origin": "*", "Content-Type": type_}
    visit.page.context.route("https://tiles.example.org/**", lambda route: route.fulfill(body=body, headers=headers))
    visit.open()
    visit.until_drawn()
    assert any(address.startswith("https://tiles.example.org/") for address in visit.asked)
    if kind == "mvt":
        visit.until_seen("below-water")


@pytest.mark.timed
def test_philadelphia_pans_smoothly_with_the_network_off(
    door: httpx.Client,
    visiting: Callable[..., Visit],
) -> None:
    """40,449 segments. Without a graphics card the time of a frame says more of the machine than of us (docs/map.md):
    what can be told here is how long the page's scripts are busy with each, of which there are to be sixty a second."""
    with transaction() as s:
        assert maps.philadelphia(s, real_file(maps.PHILADELPHIA)) == 40_449
    visit = visiting()
    visit.open()
    visit.until_drawn()
    assert visit.page.evaluate(COLOURS) > 10
    for zoom in (11, 13, 15.5):
        visit.look(CITY_HALL, zoom)
        told, busy_ms = visit.pan()
        visit.until_drawn()
        visit.until_seen("street-3", 20)
        print(f"Philadelphia at zoom {zoom}: {told}")  # noqa: T201  figures for docs/map.md, with -s
        assert busy_ms < 60, "some 10 ms; this machine may have other things to do besides"
    visit.until_seen("main-street-name", 2)
    assert len([address for address in visit.asked if "/tiles/" in address]) > 20
    with transaction() as s:
        assert s.execute(text("SELECT count(*) FROM streets")).scalar_one() == 40_449
