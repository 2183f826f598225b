"""The public list of alerts and the check of a message: on a phone and a desk, with and without scripts."""

from datetime import UTC, datetime

import httpx
import pytest
from playwright.sync_api import Browser, Request, expect
from shapely.geometry import box

from notify.core.db import transaction
from tests import factories
from tests.api.conftest import door, public_url, served
from tests.api.test_pages import launched
from tests.browser.axe import crowded, examined, too_wide, violations
from tests.browser.visits import DRAWN
from tests.waiting import until

__all__ = ["door", "public_url", "served"]

WAYS = [("en", 390, True), ("en", 1280, False), ("es", 390, False)]
MOST_BYTES = 100_000
SAID = {
    "en": ("Yes, the city sent it", "We cannot find this message"),
    "es": ("Sí, lo envió la ciudad", "No encontramos este mensaje"),
}


@pytest.fixture
def alert(door: httpx.Client) -> int:
    now = datetime.now(UTC)
    with transaction() as s:
        factories.zone(s, "Riverside", box(0, 0, 0.1, 0.1), now=now)
    launched(now, blanks={"hazard": "flood"})
    return launched(now, blanks={"hazard": "tornado"})


@pytest.mark.parametrize(("language", "width", "scripts"), WAYS)
def test_a_resident_reads_the_list_and_checks_a_message(
    browser: Browser, door: httpx.Client, alert: int, language: str, width: int, scripts: bool
) -> None:
    url, asked = str(door.base_url), list[Request]()
    context = browser.new_context(
        base_url=url, viewport={"width": width, "height": 844}, java_script_enabled=scripts, locale="en-US"
    )
    context.set_default_timeout(60_000)
    page = context.new_page()
    page.on("request", lambda one: asked.append(one))
    page.goto(f"/alerts?lang={language}")
    assert sum(one.sizes()["responseBodySize"] for one in asked) <= MOST_BYTES
    expect(page.locator(".notice")).to_have_count(2)
    if scripts:
        page.locator("#show-map").click()
        until(lambda: page.evaluate("Boolean(document.getElementById('alerts-map').tocsin)"), 60, "the map is there")
    else:
        expect(page.locator("#show-map")).to_be_hidden()
    page.locator(f"#alert-{alert} h2 a").click()
    expect(page.locator("h1")).to_contain_text("tornado", ignore_case=True)
    page.goto(f"/verify?lang={language}")
    page.locator("#code").fill(f"{url}/alerts/{alert}")
    page.locator("form.card button").click()
    expect(page.locator("h1")).to_have_text(SAID[language][0])
    page.locator("#code").fill("Pay 2 dollars at https://evil.example/alerts/1 or lose your package today.")
    page.locator("form.card button").click()
    expect(page.locator("h1")).to_have_text(SAID[language][1])
    assert all(one.url.startswith(url) for one in asked), "nothing from anybody else"
    context.close()


def test_axe_finds_nothing(browser: Browser, door: httpx.Client, alert: int) -> None:
    context = examined(browser, str(door.base_url))
    page, found = context.new_page(), []
    for path in ("/alerts", "/alerts/past", "/verify", f"/verify/{alert}", "/verify/99"):
        page.goto(path)
        found += [*violations(page), *crowded(page), *too_wide(page)]
    page.goto("/alerts?lang=es")
    page.locator("#show-map").click()
    until(lambda: page.evaluate(DRAWN.replace('"map"', '"alerts-map"')), 60, "the map is drawn")
    found += violations(page)
    context.close()
    assert "\n".join(found) == ""
