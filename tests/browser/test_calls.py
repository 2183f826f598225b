"""An agent logs why somebody called with two keystrokes, and the counts follow without a reload."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from playwright.sync_api import expect

from notify.core.db import transaction
from tests import factories
from tests.api.conftest import at_desk, door, public_url, served
from tests.browser.desk import Desk

__all__ = ["at_desk", "door", "public_url", "served"]


@pytest.mark.usefixtures("database")
def test_an_agent_logs_the_reason_in_two_keystrokes(sit: Callable[..., Desk]) -> None:
    with transaction() as s:
        factories.zone(s, "Zone 4", kind="collection", now=datetime.now(UTC))
    page = sit("agent").page
    page.goto("/desk/calls")
    expect(page.locator("#calls-live h2")).to_contain_text("0")
    page.locator("h1").click()  # no field has the focus
    expect(page.locator(".keys-switch[data-ready]")).to_be_visible()
    page.keyboard.press("w")
    page.keyboard.press("1")
    expect(page.locator("#call-strip [role=status]")).to_contain_text("Missed pickup")
    expect(page.locator("#calls-live h2")).to_contain_text("1")
    expect(page.locator("#calls-live tbody th")).to_have_text("Missed pickup")
    page.locator("#call-strip form[action$=undo] button").click()
    expect(page.locator("#calls-live h2")).to_contain_text("0")


@pytest.mark.usefixtures("database")
def test_the_letter_of_a_group_opens_the_strip_and_shows_what_may_follow(sit: Callable[..., Desk]) -> None:
    page = sit("agent").page
    page.goto("/desk/rules")
    strip = page.locator("#call-strip details")
    expect(strip.locator("[data-keys='w 1']")).to_be_attached()
    expect(page.locator(".keys-switch[data-ready]")).to_be_visible()
    page.locator(".keys-switch").scroll_into_view_if_needed()
    for _ in range(2):  # a wrong number first: W again begins anew
        page.keyboard.press("w")
        expect(strip).to_have_attribute("open", "")
        expect(strip.locator("fieldset[data-begun] [data-keys='w 1']")).to_be_in_viewport()
        expect(strip.locator("fieldset[data-begun]")).to_have_count(1)
        page.keyboard.press("q")
        expect(strip.locator("fieldset[data-begun]")).to_have_count(0)
    page.keyboard.press("w")
    page.keyboard.press("Escape")
    expect(strip).not_to_have_attribute("open", "")
    page.keyboard.press("1")
    expect(page.locator("#call-strip [role=status]")).to_be_empty()
    page.keyboard.press("w")
    page.keyboard.press("1")
    expect(page.locator("#call-strip [role=status]")).to_contain_text("Missed pickup")
    page.keyboard.press("w")  # of the next call
    expect(strip).to_have_attribute("open", "")
