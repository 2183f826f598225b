"""An approver who never answers: the roster asks the next, then one person breaks glass, and another reviews it.

The steps of the job are called directly, and the browser's clock is put on, so nothing waits for minutes.
"""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from notify.accounts import roster
from notify.alerts import lifecycle
from notify.alerts.approving import approval_asks
from notify.core.db import transaction
from notify.core.settings import settings
from tests import factories
from tests.api import asked
from tests.api.conftest import at_desk, city, door, key, public_url, served
from tests.api.test_approvals import credentials, draft
from tests.browser.axe import examined, violations

__all__ = ["at_desk", "city", "credentials", "door", "key", "public_url", "served"]
pytestmark = pytest.mark.usefixtures("credentials")
BEN, CAT, APPROVER = "ben@example.org", "cat@example.org", "approver@tocsin.example.org"


@pytest.fixture
def visit(
    browser: Browser, door: httpx.Client, at_desk: Callable[[str], httpx.Client]
) -> Iterator[Callable[..., Page]]:
    """`visit("admin")`: a page of somebody of this role, in a browser of its own whose clock the test puts on."""
    contexts: list[BrowserContext] = []

    def sit(role: str, *, javascript: bool = True) -> Page:
        at_desk(role)
        own = str(door.base_url)
        plain = {"base_url": own, "java_script_enabled": False}
        context = examined(browser, own) if javascript else browser.new_context(**plain)  # type: ignore[arg-type]
        contexts.append(context)
        for name, value in door.cookies.items():
            context.add_cookies([{"name": name, "value": value, "url": own}])
        page = context.new_page()
        if javascript:
            page.clock.install()
        return page

    yield sit
    for context in contexts:
        context.close()


@pytest.fixture
def emergency(city: datetime) -> int:
    """A storm that the approver has written. Ben is on duty and does not answer; Cat deputises."""
    with transaction() as s:
        factories.sender(s, now=city)
        for email in (BEN, CAT):
            by = factories.operator(s, "approver", email, now=city)
        factories.operator(s, "approver", now=city)
        roster.plan(s, BEN, CAT, city, city + timedelta(hours=6), by, city)
    return draft(author=APPROVER)


def minutes_pass(minutes: float) -> None:
    with transaction() as s:
        approval_asks.ask_again(s, datetime.now(UTC) + timedelta(minutes=minutes), settings())


def launches() -> int:
    return asked.number("SELECT count(*) FROM audit WHERE action = 'launch'")


def test_roster_then_break_glass_then_review(emergency: int, visit: Callable[..., Page]) -> None:
    page = visit("approver")
    page.goto(f"/console/alerts/{emergency}")
    standing = page.locator("#standing")
    expect(standing).to_contain_text(f"Waiting for {BEN} (on duty)")
    minutes_pass(6)
    page.reload()
    expect(standing).to_contain_text(f"{CAT} (deputy), asked")
    page.locator("summary", has_text="Launch it alone").click()
    assert violations(page) == []
    page.get_by_label("Why you cannot wait").fill("Ben and Cat do not answer; the river rises.")
    number = asked.number("SELECT count(*) FROM contacts c JOIN preferences p USING (subscriber_id) "
                          "WHERE channel = 'sms' AND topic = 'storm' AND verified_at IS NOT NULL")  # fmt: skip
    page.get_by_label("Type the number of messages").fill(str(number))
    launch = page.get_by_role("button", name="Launch alone")
    launch.click()
    expect(page.locator(".countdown")).to_contain_text("It launches in 5.")
    expect(page.locator("form[data-counting] button:visible")).to_have_text(["Stop"])
    expect(launch).to_be_hidden()
    assert violations(page) == []
    page.keyboard.press("Escape")
    expect(page.locator(".countdown")).to_contain_text("Stopped. Nothing was sent.")
    page.clock.run_for(20_000)
    assert launches() == 0
    launch.click()
    page.clock.run_for(6_000)
    expect(standing).to_contain_text(f"{APPROVER} launched this alert alone")
    assert launches() == 1
    page.go_back()
    expect(page.locator("summary", has_text="Launch it alone")).to_have_count(0)
    assert launches() == 1
    other = visit("admin")
    other.goto(f"/console/alerts/{emergency}")
    expect(other.locator(".alarms")).to_contain_text("has launched alert")
    assert violations(other) == []
    words = "It was right. Both phones were off: fixed."
    other.get_by_label("Your review").fill(words)
    with transaction() as s:
        lifecycle.pause(s, emergency, None, datetime.now(UTC))
    expect(other.locator("#standing .badge").first).to_contain_text("paused")
    expect(other.get_by_label("Your review")).to_have_value(words)  # what changes meanwhile takes nothing away
    other.get_by_role("button", name="Write the review").click()
    expect(other.locator("#standing")).to_contain_text("Reviewed by admin@tocsin.example.org")


def test_a_double_click_and_two_browsers_launch_once(
    city: datetime, emergency: int, visit: Callable[..., Page]
) -> None:
    with transaction() as s:
        lifecycle.approve(s, emergency, factories.operator(s, email=BEN), datetime.now(UTC), settings())
    both = [visit("approver"), visit("admin")]
    for page in both:
        page.goto(f"/console/alerts/{emergency}")
        page.locator("summary", has_text="Launch").click()
        page.get_by_role("checkbox", name="Send").check()
        page.get_by_role("button", name="Launch now").dblclick()
        expect(page.locator(".countdown")).to_have_count(1)
    for page in both:
        page.clock.run_for(6_000)
        expect(page.locator("#standing .badge").first).to_contain_text("sending")
    assert launches() == 1


def test_without_javascript_a_page_asks_once_more(city: datetime, emergency: int, visit: Callable[..., Page]) -> None:
    with transaction() as s:
        lifecycle.approve(s, emergency, factories.operator(s, email=BEN), datetime.now(UTC), settings())
    page = visit("admin", javascript=False)
    page.goto(f"/console/alerts/{emergency}")
    page.locator("summary", has_text="Launch").click()
    page.get_by_role("checkbox", name="Send").check()
    page.get_by_role("button", name="Launch now").click()
    expect(page.locator("h1")).to_have_text("Launch this emergency now?")
    assert launches() == 0
    page.get_by_role("button", name="Launch it now").click()
    expect(page.locator("#standing")).to_contain_text("sending")
    assert launches() == 1
