"""A resident says where, with scripts: completed as it is typed, by the device, on the map. Pages stay light."""

import os
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from notify.city import geocoder
from notify.core.db import transaction
from tests.api import asked
from tests.api.conftest import city, door, public_url, served
from tests.api.joins import PHONE, city_that_sends, sent_code
from tests.browser.axe import AXE, too_wide, violations
from zones.addresses.readings import HouseNumber
from zones.addresses.rows import AddressRow

__all__ = ["city", "door", "public_url", "served"]
MOST_BYTES = 100_000  # of a page without the map
SHOTS = os.environ.get("JOIN_SHOTS")


@pytest.fixture(params=[("en", 390), ("es", 1280)], ids=["en-390", "es-1280"])
def page(request: pytest.FixtureRequest, browser: Browser, door: httpx.Client, city: datetime) -> Iterator[Page]:
    city_that_sends()
    with transaction() as s:
        houses = [
            AddressRow(HouseNumber(100 + 2 * n), street, "", "Tocsin", "19107", 0.5 + n / 1000, 0.5)
            for n in range(10)
            for street in ("Goldfinch St", "Golden Gate Ave")
        ]
        geocoder.keep_addresses(s, houses, "a test", datetime.now(UTC), confirmed=True)
    language, width = request.param
    context = browser.new_context(
        base_url=str(door.base_url), viewport={"width": width, "height": 844}, locale=language,
        geolocation={"longitude": 0.6112, "latitude": 0.6223}, permissions=["geolocation"],
    )  # fmt: skip
    context.set_default_timeout(60_000)
    context.add_init_script(path=AXE)
    page = context.new_page()
    page.goto("/join")
    yield page
    context.close()


def barriers(page: Page) -> list[str]:
    seen = page.viewport_size
    found = [*violations(page), *too_wide(page)]
    page.emulate_media(color_scheme="light")
    if seen:
        page.set_viewport_size(seen)
    return found


def shot(page: Page, name: str) -> None:
    if SHOTS and page.viewport_size:
        page.screenshot(path=Path(SHOTS) / f"{name}-{page.viewport_size['width']}.png", full_page=True)


def test_a_place_is_completed_located_and_shown_on_the_map(page: Page) -> None:
    weight = page.evaluate("performance.getEntries().reduce((sum, one) => sum + (one.decodedBodySize ?? 0), 0)")
    assert 0 < weight <= MOST_BYTES
    assert barriers(page) == []
    shot(page, "join")

    page.locator("#address").press_sequentially("104 gold")
    expect(page.locator("#suggestions li").first).to_be_visible()
    assert barriers(page) == []
    shot(page, "suggested")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.locator("#suggestions")).to_be_hidden()
    expect(page.locator('input[type="hidden"][name="place"]')).to_be_enabled()
    expect(page.locator("#address")).to_have_value(re.compile("^104 Golden Gate Ave"))

    page.locator("[data-device]").click()
    expect(page.locator('[name="point"]')).to_have_value("0.611200 0.622300")
    expect(page.locator("[data-found-line]")).to_be_visible()
    page.locator("[data-draw]").click()
    page.locator("[data-map][data-ready]").wait_for()
    page.locator("[data-map] canvas").focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator('[name="point"]')).not_to_have_value("0.611200 0.622300")
    assert barriers(page) == []
    shot(page, "map")

    page.locator("#address").fill("")
    page.locator("#contact").fill(PHONE)
    page.locator("form.join .send button").click()
    page.locator("#code").wait_for()
    shot(page, "code")
    page.locator("#code").fill(sent_code())
    page.locator("form.join button:not([type])").click()
    expect(page).to_have_url(re.compile("/me"))
    assert (
        asked.number("SELECT count(*) FROM places WHERE address_sealed IS NULL AND created_at > now() - interval '1 h'")
        >= 1
    )
    assert barriers(page) == []
    shot(page, "me")
