"""An agent answers a call in a real browser: by keys alone, and without JavaScript on a small screen."""

from collections.abc import Callable
from datetime import UTC, datetime

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, ViewportSize, expect

from notify.core.db import transaction
from notify.delivery import sender_pool
from tests import factories
from tests.api import asked
from tests.api.conftest import at_desk, door, public_url, served
from tests.api.joins import sent_code
from tests.browser.axe import crowded, examined, too_wide, violations
from tests.notify.city.geocoder import town
from tests.notify.service311 import days

__all__ = ["at_desk", "door", "public_url", "served"]
PHONE, OTHER, NEW = "+12155550142", "+12155550143", "+12155550188"
SMALL = ViewportSize(width=390, height=844)


@pytest.fixture
def city(door: httpx.Client, at_desk: Callable[[str], httpx.Client]) -> list[dict[str, str]]:
    """A city with collection days, a storm warning in force and two residents. Returns the cookies of an agent."""
    now = datetime.now(UTC)
    days.settle(now)
    with transaction() as s:
        factories.sender(s, "twilio", now=now)
        for phone in (PHONE, OTHER):
            factories.resident(s, phone=phone, at=(days.NORTH,), topics=("storm",), now=now)
    factories.alert_resolved(now=now, zones=["North"])
    at_desk("agent")
    return [{"name": name, "value": value, "url": str(door.base_url)} for name, value in door.cookies.items()]


def stopped() -> int:
    return asked.number("SELECT count(*) FROM suppressions WHERE reason = 'opt-out' AND topic IS NULL")


def sat_down(context: BrowserContext, cookies: list[dict[str, str]]) -> Page:
    context.set_default_timeout(60_000)
    context.add_cookies(cookies)  # type: ignore[arg-type]  # a dictionary as Playwright reads it
    page = context.new_page()
    page.goto("/desk")
    return page


def test_an_agent_answers_a_call_by_keys_and_without_javascript(
    browser: Browser, door: httpx.Client, city: list[dict[str, str]]
) -> None:
    context = examined(browser, str(door.base_url))
    page = sat_down(context, city)
    assert [*violations(page), *crowded(page), *too_wide(page)] == []
    page.locator("h2").first.click()  # somewhere else
    press(page, "/")
    expect(page.locator("#sought")).to_be_focused()
    page.keyboard.type("(215) 555-0142")
    page.keyboard.press("Enter")
    expect(page.locator(".day-lines")).to_contain_text("Trash:")
    expect(page.locator(".contacts")).to_contain_text("***42")
    assert [*violations(page), *crowded(page), *too_wide(page)] == []
    press(page, "x", "a")
    expect(page.locator("#asked")).to_be_focused()
    page.keyboard.type("zebra crossing")
    page.keyboard.press("Enter")
    expect(page.locator("#answers-here")).to_contain_text("No answer has these words")
    page.keyboard.press("Escape")
    press(page, "x", "s")
    expect(page.locator(".contacts details[open] button")).to_be_visible()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_role("status").filter(has_text="Stopped.")).to_be_visible()
    assert stopped() == 1
    context.close()

    context = browser.new_context(base_url=str(door.base_url), java_script_enabled=False, viewport=SMALL)
    page = sat_down(context, city)
    page.locator("#sought").fill(OTHER)
    page.locator("form[action='/desk'] button").click()
    expect(page.locator(".day-lines")).to_contain_text("Trash:")
    page.locator(".contacts summary").click()
    page.locator(".contacts details button").click()
    expect(page.get_by_text("Stopped.")).to_be_visible()
    assert stopped() == 2
    context.close()


def test_a_new_caller_is_signed_up_and_served_by_keys_alone(
    browser: Browser, door: httpx.Client, city: list[dict[str, str]]
) -> None:
    town.settle(houses=[town.house("120", "MAIN ST", *days.NORTH), town.house("120", "MAIN CT", 0.6, 0.5)])
    sender_pool.read_anew()
    context = examined(browser, str(door.base_url))
    page = sat_down(context, city)
    page.goto("/desk/rules")
    press(page, "/")
    expect(page.locator("#sought")).to_be_focused()
    press(page, *NEW, "Enter")
    expect(page.get_by_text("It is not known here")).to_be_visible()
    press(page, "x", "n")
    expect(page.locator("#address")).to_be_focused()
    assert [*violations(page), *crowded(page), *too_wide(page)] == []
    press(page, *"120 Main St", "Enter")
    expect(page.locator("[name=agreed]")).to_be_focused()
    press(page, "Space", "Enter")
    expect(page.locator("#code")).to_be_focused()
    assert [*violations(page), *crowded(page), *too_wide(page)] == []
    press(page, *sent_code(), "Enter")
    expect(page.get_by_role("status").filter(has_text="Signed up.")).to_be_visible()
    expect(page.locator(".day-lines")).to_contain_text("Trash:")
    assert asked.number("SELECT count(*) FROM contacts WHERE verified_at IS NOT NULL") == 3
    expect(page.locator("#call-strip [data-keys='w 1']")).to_be_attached()
    press(page, "w", "1")
    expect(page.locator("#call-strip [role=status]")).to_contain_text("Logged: Missed pickup, North")
    assert [*violations(page), *crowded(page), *too_wide(page)] == []
    context.close()


def test_a_caller_has_an_alert_sent_to_another_phone_by_keys_alone(
    browser: Browser, door: httpx.Client, city: list[dict[str, str]]
) -> None:
    asked.do("UPDATE contacts SET subscriber_id = (SELECT min(subscriber_id) FROM contacts WHERE subscriber_id > 0)")
    sender_pool.read_anew()
    context = examined(browser, str(door.base_url))
    page = sat_down(context, city)
    press(page, *PHONE, "Enter")
    expect(page.locator(".contacts")).to_contain_text("***42")
    press(page, "x", "c", "Tab", "Enter")
    expect(page.locator("#code")).to_be_focused()
    press(page, *sent_code(), "Enter")
    expect(page.get_by_role("status").filter(has_text="The code is right")).to_be_visible()
    press(page, "x", "r")
    expect(page.get_by_role("status").filter(has_text="It is sent again.")).to_be_visible()
    assert asked.number("SELECT count(*) FROM direct_messages WHERE kind = 'resend'") == 1
    context.close()


def press(page: Page, *keys: str) -> None:
    expect(page.locator(".keys-switch[data-ready]")).to_be_visible()  # the script that reads them runs
    for key in keys:
        page.keyboard.press(key)
