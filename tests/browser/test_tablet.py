"""A tablet at an event: one person after the other, and nothing of the last one is left."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from notify.city import geocoder
from notify.core.db import transaction
from tests.api import asked, joins
from tests.api.conftest import at_desk, door, public_url, served
from tests.browser.axe import examined, too_wide, violations
from zones.addresses.readings import HouseNumber
from zones.addresses.rows import AddressRow

__all__ = ["at_desk", "door", "public_url", "served"]


@pytest.fixture
def page(browser: Browser, door: httpx.Client, at_desk: Callable[[str], httpx.Client]) -> Iterator[Page]:
    joins.city_that_sends()
    with transaction() as s:
        row = AddressRow(HouseNumber(120), "Main St", "", "Riverside", "", 0.5, 0.5)
        geocoder.keep_addresses(s, [row], "a test", datetime.now(UTC), confirmed=True)
    at_desk("agent")
    context = examined(browser, str(door.base_url))
    for name, value in door.cookies.items():
        context.add_cookies([{"name": name, "value": value, "url": str(door.base_url)}])
    yield context.new_page()
    context.close()


def test_staff_sign_somebody_up_then_make_the_device_a_tablet_that_forgets_each_person(page: Page) -> None:
    page.goto("/console/sign-up")
    page.get_by_label("Phone or email").fill("(215) 555-0142")
    page.get_by_label("Address", exact=True).fill("120 Main St")
    page.get_by_label("The resident has heard").check()
    assert [*violations(page), *too_wide(page)] == []
    page.get_by_role("button", name="Ask the resident to confirm").click()
    expect(page.get_by_role("status")).to_contain_text("***42 is asked")
    page.get_by_role("button", name="Turn this device into a tablet").click()
    expect(page.locator("h1")).to_have_text("Get the alerts of City of Tocsin")
    assert [*violations(page), *too_wide(page)] == []
    expect(page.get_by_role("link", name="Console")).to_have_count(0)

    page.get_by_label("Your phone number or email").fill("maria.lopez@example.org")
    page.get_by_label("Your address").fill("120 Main St")
    page.locator("[name=agreed]").check()
    page.get_by_role("button", name="Sign me up").click()
    expect(page.locator("h1")).to_have_text("One more step, on your own phone")
    assert [*violations(page), *too_wide(page)] == []
    assert asked.number("SELECT count(*) FROM contacts") == 2
    page.go_back()  # as the next person may
    expect(page.locator("h1")).to_have_text("Get the alerts of City of Tocsin")
    expect(page.locator("[name=contact]")).to_have_value("")
    expect(page.locator("[name=address]")).to_have_value("")
    expect(page.locator("[name=agreed]")).not_to_be_checked()

    page.goto("/console")
    expect(page.locator("h1")).to_have_text("Sign in")

    page.clock.install()
    page.goto("/tablet?lang=en")
    page.get_by_label("Your phone number or email").fill("maria.lopez@example.org")
    page.clock.run_for(80_000)
    expect(page.get_by_label("Your phone number or email")).to_have_value("maria.lopez@example.org")
    page.clock.run_for(11_000)
    expect(page.get_by_label("Your phone number or email")).to_have_value("")
