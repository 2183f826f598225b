"""A resident joins with a phone, and finds and changes what they get: with and without scripts, in both languages."""

import re
from datetime import UTC, datetime
from itertools import count

import pytest
from playwright.sync_api import Browser, Page, expect

from notify.city import geocoder
from notify.core.db import transaction
from tests.acceptance.city import City
from tests.browser.axe import too_wide
from tests.waiting import until
from zones.addresses.readings import HouseNumber
from zones.addresses.rows import AddressRow

MOST = 8  # interactions to join: each press, and each field filled in, counts
_phones = count(100)
WAYS = [("en", 390, True), ("en", 1280, False), ("es", 390, False)]


@pytest.fixture
def address(city: City) -> str:
    """One that the city knows."""
    with transaction() as s:
        row = AddressRow(
            HouseNumber(1002), "Goldfinch St", "", "Bellhaven", "", 9.5, 45.02
        )  # beside the blocks of `city`
        geocoder.keep_addresses(s, [row], "a test of joining", datetime.now(UTC), confirmed=True)
    return "1002 Goldfinch Street"


def code_at(city: City, phone: str) -> str:
    """The code in the newest text to this phone, as the simulator shows it."""

    def newest() -> str | None:
        texts = [one["body"] for one in city.received("twilio") if one["to"] == phone]
        found = re.search(r"\b[0-9]{6}\b", texts[-1]) if texts else None
        return found and found[0]

    return until(newest, 60, f"a code arrives at {phone}") or ""


class Hands:
    """Presses and fills in, and counts it."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.done = 0

    def press(self, where: str) -> None:
        self.done += 1
        self.page.locator(where).click()

    def fill(self, where: str, words: str) -> None:
        self.done += 1
        self.page.locator(where).fill(words)


@pytest.mark.parametrize(("language", "width", "scripts"), WAYS)
def test_a_resident_joins_chooses_and_stops(
    city: City, browser: Browser, address: str, language: str, width: int, scripts: bool
) -> None:
    phone = f"+12155559{next(_phones):03}"
    context = browser.new_context(
        viewport={"width": width, "height": 844}, java_script_enabled=scripts, base_url=city.url
    )
    context.set_default_timeout(60_000)
    page = context.new_page()
    hands = Hands(page)
    page.goto(f"/?lang={language}")
    hands.press(".doors .button")
    hands.fill("#contact", phone)
    hands.fill("#address", address)
    hands.press("form.join button:not([type])")
    hands.fill("#code", code_at(city, phone))
    hands.press("form.join button:not([type])")
    expect(page.locator("h1")).to_have_text({"en": "You have joined", "es": "Ya está inscrito"}[language])
    assert hands.done <= MOST
    until(lambda: len(city.texts([phone])) == 2, 60, "a welcome follows the code")
    if scripts:
        assert too_wide(page) == []
    expect(page.get_by_role("strong").filter(has_text="***" + phone[-2:]).first).to_be_visible()
    expect(page.locator("main")).to_contain_text("GOLDFINCH", ignore_case=True)

    snow = page.locator('input[name="topic"][value="snow"]')
    expect(snow).to_be_checked()
    snow.uncheck()
    page.locator('form[action^="/me/choose"] button').click()
    expect(page.get_by_role("status")).to_be_visible()
    expect(page.locator('input[name="topic"][value="snow"]')).not_to_be_checked()

    page.locator('form[action^="/me/contacts/"]').locator("xpath=..").locator("summary").click()
    page.locator('form[action^="/me/contacts/"] button').click()
    expect(page.locator("main")).to_contain_text({"en": "stopped", "es": "detenido"}[language])
    page.locator('form[action^="/me/start"] button').click()
    expect(page.locator('form[action^="/me/start"]')).to_have_count(0)
    context.close()
