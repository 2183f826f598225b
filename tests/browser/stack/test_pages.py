"""What people see, in a real browser: the console's live numbers, a phone that says STOP, a page without scripts."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.acceptance.city import APPROVER, City
from tests.browser.axe import examined, violations
from tests.waiting import until


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page on which any error of a script, or anything that the security policy refuses, fails the test."""
    context = browser.new_context(viewport={"width": 390, "height": 844})
    context.set_default_timeout(60_000)
    opened = context.new_page()
    problems: list[str] = []
    opened.on("pageerror", lambda error: problems.append(str(error)))
    opened.on("console", lambda said: problems.append(said.text) if said.type == "error" else None)
    yield opened
    context.close()
    assert problems == []


def sign_in(page: Page, city: City) -> None:
    page.context.add_cookies([{"name": "tocsin", "value": city.session(APPROVER), "url": city.url}])


def test_the_console_shows_an_alert_go_out_without_a_reload(city: City, page: Page) -> None:
    block = city.block(phones=30)
    city.rate("sms", 15)
    alert = city.approved(block.zone)
    sign_in(page, city)
    page.goto(f"{city.url}/console/alerts/{alert}")
    page.evaluate("window.stayed = true")
    city.launch(alert)
    expect(page.locator("#numbers")).to_contain_text("30 of 30", timeout=60_000)
    expect(page.locator("#standing")).to_contain_text("sent", timeout=60_000)
    assert page.evaluate("window.stayed") is True
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "no scrolling sideways on a phone"


def test_pause_in_the_console_stops_what_is_going_out(city: City, page: Page) -> None:
    block = city.block(phones=200)
    city.rate("sms", 4)
    sign_in(page, city)
    alert = city.launch(city.approved(block.zone))
    page.goto(f"{city.url}/console/alerts/{alert}")
    until(lambda: city.progress(alert).deliveries["queued"] > 0, 60, "its audience is known")
    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_role("button", name="Resume")).to_be_visible()
    assert city.progress(alert).state == "paused"
    until(lambda: city.progress(alert).deliveries["sending"] == 0, 60, "what was in flight is out")
    assert city.progress(alert).deliveries["queued"] > 0
    city.cancel(alert)


def test_stop_pressed_on_a_phone_is_remembered(city: City, page: Page) -> None:
    block = city.block(phones=1)
    city.until_over(city.launch(city.approved(block.zone)))
    page.goto(f"{city.simulator}/phones/{block.phones[0].replace('+', '%2B')}")
    with page.expect_navigation():  # our answer has come
        page.get_by_role("button", name="STOP").click()
    expect(page.locator("#line")).to_contain_text("stopped")
    progress = city.until_over(city.launch(city.approved(block.zone)))
    assert progress.reasons["skipped"] == {"opt-out": 1}


def test_a_resident_reads_an_alert_without_scripts(city: City, browser: Browser) -> None:
    block = city.block(phones=1)
    alert = city.launch(city.approved(block.zone))
    context = browser.new_context(java_script_enabled=False, locale="es-US", viewport={"width": 320, "height": 640})
    page = context.new_page()
    page.goto(f"{city.url}/alerts/{alert}")
    expect(page.locator("main")).to_contain_text("tormenta")
    expect(page.locator("main")).to_contain_text(block.zone)
    context.close()


def test_axe_finds_nothing_on_the_pages_of_the_simulator(city: City, browser: Browser) -> None:
    block = city.block(phones=1, emails=1)
    city.until_delivered(city.launch(city.approved(block.zone, channels=("sms", "email", "social"))))
    context = examined(browser, city.simulator)
    page, found = context.new_page(), []
    phone = block.phones[0].replace("+", "%2B")
    for path in ("/", f"/phones/{phone}", "/inboxes", f"/inboxes/{block.emails[0]}", "/timeline", "/phones/none"):
        page.goto(path)
        found += violations(page)
    context.close()
    assert "\n".join(found) == ""
