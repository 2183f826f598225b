"""No page of ours does what its own Content-Security-Policy forbids, or reports another error in the browser; and what
has a label can be seen."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import httpx
import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, expect

from notify.core.db import transaction
from notify.service311.answers import store as answers
from tests import factories
from tests.api.conftest import at_desk, city, door, key, public_url, served
from tests.api.every_page import paths, unsubscribe_link
from tests.browser.axe import unseen_fields

__all__ = ["at_desk", "city", "door", "key", "paths", "public_url", "served", "unsubscribe_link"]
PHONE = "+12155550142"
LISTEN = """addEventListener("securitypolicyviolation", (event) => console.error("forbidden:", event.violatedDirective,
    event.blockedURI, event.sourceFile, event.lineNumber, event.sample))"""
MISSING = "Failed to load resource: the server responded with a status of 4"  # a page that is to answer 4xx


class Watched:
    """A page, and what went wrong on it."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.found: list[str] = []
        page.on("console", self._note)
        page.on("pageerror", lambda error: self.found.append(f"{page.url}: {error}"))

    def _note(self, said: ConsoleMessage) -> None:
        if said.type == "error" and not said.text.startswith(MISSING):
            self.found.append(f"{self.page.url}: {said.text}")


@pytest.fixture
def watched(browser: Browser, door: httpx.Client) -> Iterator[Callable[[], Watched]]:
    """`watched()`: a page of whoever is signed in where `door` is."""
    contexts = []

    def open_page() -> Watched:
        context = browser.new_context(base_url=str(door.base_url))
        contexts.append(context)
        context.set_default_timeout(60_000)
        context.add_init_script(LISTEN)
        for name, value in door.cookies.items():
            context.add_cookies([{"name": name, "value": value, "url": str(door.base_url)}])
        return Watched(context.new_page())

    yield open_page
    for context in contexts:
        context.close()


@pytest.mark.long
def test_every_page(paths: list[str], watched: Callable[[], Watched]) -> None:
    one = watched()
    for path in paths:
        one.page.goto(path)
        one.page.wait_for_load_state("load")
        one.found += unseen_fields(one.page)
    assert "\n".join(one.found) == ""


def test_every_field_of_a_request_is_seen(
    at_desk: Callable[[str], httpx.Client], watched: Callable[[], Watched]
) -> None:
    at_desk("agent")
    page = watched().page
    page.goto("/desk/requests")
    assert page.locator("label[for]").count() > 4
    assert unseen_fields(page) == []


def test_what_htmx_swaps_on_the_desk(
    door: httpx.Client, at_desk: Callable[[str], httpx.Client], watched: Callable[[], Watched]
) -> None:
    now = datetime.now(UTC)
    with transaction() as s:
        factories.resident(s, phone=PHONE, now=now)
        factories.zone(s, "Zone 4", kind="collection", now=now)
        said = answers.Text("Is the water safe?", "Yes.")
        answers.save(s, answers.Written({"en": said, "es": said}), now, factories.operator(s))
    at_desk("agent")
    one = watched()
    page = one.page
    page.goto("/desk/calls")
    expect(page.locator(".keys-switch[data-ready]")).to_be_visible()
    page.locator("h1").click()  # no field has the focus
    # A script of the browser's, or of what is installed in it, has looked at a field and left an empty style there.
    page.locator("#strip-zone").evaluate("(one) => { one.style.color = 'red'; one.style.color = '' }")
    page.keyboard.press("w")
    page.keyboard.press("1")
    expect(page.locator("#call-strip [role=status]")).to_contain_text("Missed pickup")
    expect(page.locator("#calls-live tbody th")).to_have_text("Missed pickup")  # which swaps itself
    page.locator("#call-strip form[action$=undo] button").click()
    expect(page.locator("#calls-live h2")).to_contain_text("0")
    page.goto("/desk")
    page.locator("#sought").fill(PHONE)
    page.locator("#sought").press("Enter")
    expect(page.locator(".contacts")).to_contain_text("***42")
    expect(page.locator(".keys-switch[data-ready]")).to_be_visible()  # before its scripts run, a form leaves the page
    page.locator("#asked").fill("water")
    page.locator("#asked").press("Enter")
    expect(page.locator("#answers-here")).to_contain_text("Is the water safe?")
    assert "\n".join(one.found) == ""
