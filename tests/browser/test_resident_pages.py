"""How the pages of residents are built: axe finds nothing, they are light, hold on a small screen and from right to
left, and ask nobody else for anything."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, Page, Request

from notify.core.settings import settings
from tests.api.conftest import at_desk, door, public_url, served
from tests.api.resident_pages import NEIGHBOURS, Town, town
from tests.browser.axe import FOUND, TAGS, crowded, examined, overlapping, too_wide
from tests.browser.resident_scenes import Scenes

__all__ = ["at_desk", "door", "public_url", "served"]
MOST_BYTES = 100_000  # that a page and all its parts come with, without a map
STYLES = Path(__file__).parents[2] / "api" / "static"
OF_RESIDENTS = ("tocsin.css", "join.css")
STAFF = ("/console/sign-up", "/console/place-checks", "/console/coverage", "/console/load")


@pytest.fixture
def about(door: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> Iterator[Town]:
    monkeypatch.setenv("TOCSIN_NEIGHBOURS", NEIGHBOURS)
    settings.cache_clear()
    yield town(door)
    settings.cache_clear()


@pytest.fixture
def scenes(browser: Browser, door: httpx.Client, about: Town, request: pytest.FixtureRequest) -> Iterator[Scenes]:
    context = examined(browser, str(door.base_url), request.param)
    page = visit(context.new_page(), door)
    yield Scenes(page, about, request.param)
    context.close()


def visit(page: Page, door: httpx.Client) -> Page:
    url = str(door.base_url)
    page.context.add_cookies([{"name": name, "value": value, "url": url} for name, value in door.cookies.items()])
    page.set_viewport_size({"width": 390, "height": 844})
    return page


@pytest.mark.parametrize("scenes", ["es"], indirect=True)
def test_every_page_is_light_holds_on_a_small_screen_and_both_ways_and_asks_nobody_else(scenes: Scenes) -> None:
    page, asked, came, found = scenes.page, list[Request](), list[Request](), []
    page.context.new_cdp_session(page).send("Network.setCacheDisabled", {"cacheDisabled": True})
    page.on("request", lambda one: asked.append(one))
    page.on("requestfinished", lambda one: came.append(one))
    for name in scenes.names():
        page.wait_for_load_state("load")
        strangers = [one.url for one in asked if not one.url.startswith(("data:", "blob:", settings().public_url))]
        weight = sum(sum(one.sizes()[part] for part in ("responseBodySize", "responseHeadersSize")) for one in came)
        found += [f"{name} asks {one}" for one in strangers]
        found += [f"{name} comes with {weight:,} bytes"] if not 0 < weight <= MOST_BYTES else []
        found += [f"{name}: {one}" for one in (*crowded(page), *too_wide(page), *both_ways(page))]
        asked.clear()
        came.clear()
    assert "\n".join(found) == ""


def both_ways(page: Page) -> list[str]:
    """Nothing lies on anything else on a phone, be it read from the left or from the right."""
    found = []
    page.set_viewport_size({"width": 390, "height": 844})
    for direction in ("ltr", "rtl"):
        page.evaluate("(direction) => { document.documentElement.dir = direction }", direction)
        found += [f"{direction}: {one}" for one in overlapping(page)]
        if direction == "rtl":
            found += [f"rtl: {one}" for one in too_wide(page)]
    page.set_viewport_size({"width": 390, "height": 844})
    return found


@pytest.mark.long
@pytest.mark.parametrize("scenes", ["en", "es"], indirect=True)
def test_axe_finds_nothing_on_any_page_of_residents(scenes: Scenes) -> None:
    found = []
    for name in scenes.names():
        found += [f"{name}: {one}" for one in seen_by_axe(scenes.page)]
    assert "\n".join(found) == ""


@pytest.mark.long
@pytest.mark.parametrize("language", ["en", "es"])
def test_axe_finds_nothing_where_staff_sign_residents_up(
    browser: Browser, door: httpx.Client, at_desk: Callable[[str], httpx.Client], about: Town, language: str
) -> None:
    at_desk("admin")
    context = examined(browser, str(door.base_url), language)
    page, found = visit(context.new_page(), door), []
    for path in STAFF:
        page.goto(path)
        found += flaws(page)
    page.goto("/console/sign-up")
    page.locator('form[action$="tablet"] button').click()
    page.wait_for_url("**/tablet**")
    page.goto(f"/tablet?lang={language}")
    for contact in ("x", "maria.lopez@example.org"):
        found += flaws(page)
        page.locator("#contact").fill(contact)
        page.locator("#address").fill("102 Goldfinch St")
        page.locator("[name=agreed]").check()
        with page.expect_navigation():
            page.locator("form.join button").click()
    found += flaws(page)
    context.close()
    assert "\n".join(found) == ""


def flaws(page: Page) -> list[str]:
    return [f"{page.url} {one}" for one in (*seen_by_axe(page), *crowded(page), *too_wide(page))]


def seen_by_axe(page: Page) -> list[str]:
    page.wait_for_load_state("load")
    page.set_viewport_size({"width": 390, "height": 844})
    found = []
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        found += [f"{scheme}: {one}" for one in page.evaluate(FOUND, TAGS)]
    return found


# What says left or right, where the other writing direction has it on the other side.
PHYSICAL = re.compile(
    r"(?<![\w-])(?:left|right|(?:margin|padding|border|scroll-margin|scroll-padding)-(?:left|right)[\w-]*"
    r"|border-(?:top|bottom)-(?:left|right)-radius)\s*:|(?:text-align|float|clear)\s*:\s*(?:left|right)"
)
FOUR = re.compile(r"(?<![\w-])(padding|margin|inset|border-radius)\s*:\s*([^\s;}]+(?:\s+[^\s;}]+){3})\s*[;}]")


@pytest.mark.parametrize("name", OF_RESIDENTS)
def test_no_rule_of_the_style_sheets_says_left_or_right(name: str) -> None:
    rules = re.sub(r"/\*.*?\*/", "", (STYLES / name).read_text(), flags=re.DOTALL)
    assert PHYSICAL.findall(rules) == []
    assert [found[0] for found in FOUR.finditer(rules) if lopsided(found[1], found[2].split())] == []


def lopsided(what: str, four: list[str]) -> bool:
    """Sides go round from the top, corners from the top left one."""
    a, b, c, d = four
    return (a, c) != (b, d) if what == "border-radius" else b != d
