"""A resident finds the collection days of an address, subscribes, and says that a day is wrong: without scripts."""

from datetime import UTC, datetime

import httpx
import pytest
from playwright.sync_api import Browser, Request, expect

from tests.api.conftest import door, public_url, served
from tests.browser.axe import crowded, examined, too_wide, violations
from tests.notify.city.geocoder import town
from tests.notify.service311 import days

__all__ = ["door", "public_url", "served"]

MOST_BYTES = 100_000


@pytest.fixture
def zone(door: httpx.Client) -> int:
    town.settle(houses=[town.house("120", "MAIN ST", 0.5, 0.5), town.house("120", "MAIN CT", 0.6, 0.5)])
    return days.settle(datetime.now(UTC))["North"]


@pytest.mark.parametrize(("language", "width"), [("en", 390), ("es", 1280)])
def test_a_resident_finds_the_days_of_an_address(
    browser: Browser, door: httpx.Client, zone: int, language: str, width: int
) -> None:
    url, asked = str(door.base_url), list[Request]()
    context = browser.new_context(
        base_url=url, viewport={"width": width, "height": 844}, java_script_enabled=False, locale="en-US"
    )
    context.set_default_timeout(60_000)
    page = context.new_page()
    page.on("request", lambda one: asked.append(one))
    page.goto(f"/collections?lang={language}")
    page.locator("#address").fill("120 Main")
    page.locator("form.card button").click()
    page.get_by_label("120 Main St").check()
    page.locator("form.card button").click()
    expect(page.locator("h1")).to_contain_text("120 Main St")
    expect(page.locator(".days").first.locator("li").first).to_be_visible()
    assert page.locator("section.stack").first.locator("li").count() == 4
    assert sum(one.sizes()["responseBodySize"] for one in asked) <= MOST_BYTES
    page.locator("form.card button").click()
    expect(page.locator("code")).to_contain_text("/collections/feed/")
    page.locator("form[action*='/end?'] button").click()
    expect(page.locator("form[action*='/end?']")).to_have_count(0)
    expect(page.locator("main")).to_contain_text({"en": "has ended", "es": "ha terminado"}[language])
    page.goto(f"/collections/zones/{zone}?lang={language}")
    page.locator(".days a").first.click()
    page.locator("form.card button").click()
    expect(page.locator("h1")).to_have_text({"en": "Thank you", "es": "Gracias"}[language])
    context.close()


def test_axe_finds_nothing(browser: Browser, door: httpx.Client, zone: int) -> None:
    context = examined(browser, str(door.base_url), "en-US")
    page = context.new_page()
    found = []
    wrong = f"/collections/wrong?zone={zone}&stream=trash&date=2026-11-26&edition=1"
    for path in ("/collections", f"/collections/zones/{zone}", wrong):
        page.goto(path)
        found += [*violations(page), *crowded(page), *too_wide(page)]
    page.goto("/collections")
    page.locator("#address").fill("120 Main St")
    page.locator("form.card button").click()
    found += [*violations(page), *crowded(page), *too_wide(page)]
    page.locator("form.card button").click()
    found += [*violations(page), *crowded(page), *too_wide(page)]
    assert "\n".join(found) == ""
    context.close()
