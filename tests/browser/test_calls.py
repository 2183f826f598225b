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
