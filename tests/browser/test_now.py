"""The console's first page in a real browser: it changes by itself, and leaves alone what one is at."""

from datetime import datetime

import httpx
from playwright.sync_api import Page, expect

from notify.core.db import transaction
from tests import factories
from tests.api.conftest import at_desk, city, door, key, public_url, served
from tests.api.every_page import signed_in
from tests.browser.test_accessibility import page

__all__ = ["at_desk", "city", "door", "key", "page", "public_url", "served", "signed_in"]


def test_a_new_draft_appears_and_the_focus_stays(
    city: datetime, signed_in: None, page: Page, door: httpx.Client
) -> None:
    first = factories.alert_resolved(now=city, channels=("sms",))
    with transaction() as s:
        earlier = factories.alert_draft(s, now=city).id
    page.goto("/console")
    expect(page.locator(f"#force-{first}")).to_be_visible()
    page.locator(f"#review-{earlier}").focus()
    with transaction() as s:
        draft = factories.alert_draft(s, now=city, event="snow").id
    expect(page.locator(f"#approve-{draft}")).to_be_visible()
    expect(page.locator(f"#review-{earlier}")).to_be_focused()
    expect(page.locator("#now-standing")).to_contain_text("2")


def test_without_scripts_the_page_says_the_same(
    city: datetime, signed_in: None, page: Page, door: httpx.Client
) -> None:
    factories.alert_resolved(now=city, channels=("sms",))
    assert page.context.browser is not None
    plain = page.context.browser.new_context(java_script_enabled=False, base_url=str(door.base_url))
    for name, value in door.cookies.items():
        plain.add_cookies([{"name": name, "value": value, "url": str(door.base_url)}])
    still = plain.new_page()
    still.set_viewport_size({"width": 320, "height": 640})
    still.goto("/console")
    expect(still.locator("#now-force")).to_contain_text("Severe thunderstorm alert")
    expect(still.locator("#now-map svg")).to_be_hidden()  # folded
    still.get_by_text("Map, channels and opt-outs").click()
    expect(still.locator("#now-map svg")).to_be_visible()
    plain.close()


def test_a_phone_folds_what_a_desk_shows(city: datetime, signed_in: None, page: Page) -> None:
    factories.alert_resolved(now=city, channels=("sms",))
    page.goto("/console")
    fold = page.get_by_text("Map, channels and opt-outs")
    expect(page.locator("#senders-title")).to_be_visible()
    expect(fold).to_be_hidden()
    page.set_viewport_size({"width": 390, "height": 844})
    expect(page.locator("#senders-title")).to_be_hidden()
    expect(page.locator("#now-force")).to_be_visible()
    fold.click()
    with transaction() as s:
        factories.alert_draft(s, now=city)
    expect(page.locator("#now-waiting")).to_contain_text("Review")
    expect(page.locator("#senders-title")).to_be_visible()
