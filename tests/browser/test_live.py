"""The live page of an alert that is going out, in a real browser. The application runs in this process."""

from datetime import datetime

import httpx
from playwright.sync_api import Page, expect

from tests.api import asked
from tests.api.conftest import at_desk, city, door, key, public_url, served
from tests.api.every_page import signed_in
from tests.browser.test_accessibility import page
from tests.factories import alert_resolved

__all__ = ["at_desk", "city", "door", "key", "page", "public_url", "served", "signed_in"]


def test_what_is_being_filled_in_stays_while_messages_go_out(
    city: datetime, signed_in: None, page: Page, door: httpx.Client
) -> None:
    """Nobody opens the form, checks the box and presses the button within the second between two looks."""
    alert = alert_resolved(now=city, channels=("sms",))
    page.goto(f"/console/alerts/{alert}")
    one_goes_out(page)  # the stream has begun, and has sent each part once
    page.locator("summary", has_text="Cancel").click()
    page.get_by_role("checkbox", name="Stop it for good").check()
    for _ in range(2):
        one_goes_out(page)
    page.get_by_role("button", name="Cancel this alert").click()
    expect(page.locator("#standing")).to_contain_text("It was stopped.")
    assert asked.rows("SELECT state FROM alerts")[0].state == "cancelled"


def one_goes_out(page: Page) -> None:
    """The page shows it."""
    asked.do("UPDATE deliveries SET state = 'accepted', sent_at = now() WHERE id = "
             "(SELECT min(id) FROM deliveries WHERE state = 'queued')")  # fmt: skip
    waiting = asked.number("SELECT count(*) FROM deliveries WHERE state = 'queued'")
    expect(page.locator("#count-queued")).to_have_attribute("value", str(waiting))
