"""axe finds nothing on any page that we serve. The application runs in this process."""

import re
from collections.abc import Iterator

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from api.app import create_app
from tests.api import role_table
from tests.api.conftest import at_desk, city, door, key, public_url, served
from tests.api.every_page import paths, signed_in, unsubscribe_link
from tests.browser.axe import crowded, examined, too_wide, violations
from tests.browser.visits import DRAWN
from tests.waiting import until

__all__ = ["at_desk", "city", "door", "key", "paths", "public_url", "served", "signed_in", "unsubscribe_link"]


# Of the console's, besides pages: streams, parts of pages, files.
PARTS = re.compile(
    r"/(events|parts|areas|in-force|alarms|presence/.*|alerts/\{alert_id\}/zones|report\.\{suffix\}|poster"
    r"|calls/strip|calls/live|reports|reports\.geojson)$"
)


@pytest.fixture
def page(browser: Browser, door: httpx.Client, locale: str) -> Iterator[Page]:
    """A page of somebody who is signed in where `door` is."""
    context = examined(browser, str(door.base_url), locale)
    for name, value in door.cookies.items():
        context.add_cookies([{"name": name, "value": value, "url": str(door.base_url)}])
    yield context.new_page()
    context.close()


@pytest.mark.long
@pytest.mark.parametrize("locale", ["en-US", "es-US"])
def test_every_page(paths: list[str], page: Page, locale: str) -> None:
    found = []
    for path in paths:
        page.goto(path)
        if path.startswith("/console/map"):
            until(lambda: page.evaluate(DRAWN), 60, "the map is drawn")
        found += [*violations(page), *crowded(page), *too_wide(page)]
        if path.startswith(("/console", "/desk")):
            assert page.locator("html").get_attribute("lang") == locale[:2], path
    assert "\n".join(found) == ""


def test_every_page_can_be_shown_in_spanish(paths: list[str], door: httpx.Client) -> None:
    """A number that is in words already has no plural, for one."""
    spanish = {"Accept-Language": "es"}
    assert [path for path in paths if door.get(path, headers=spanish).status_code >= 500] == []


def test_no_page_of_the_console_is_forgotten(paths: list[str], door: httpx.Client) -> None:
    """Each route that shows a page is among the paths above, with something to show."""
    shown = [path.partition("?")[0] for path in paths if door.get(path).status_code == 200]
    every = role_table.routes(create_app())
    routes = [route.removeprefix("GET ") for route in every if re.match("GET /(console|desk)", route)]
    assert len(routes) > 20
    for route in routes:
        as_path = re.sub(r"\{[^}]+\}", r"[^/]+", route)
        assert PARTS.search(route) or any(re.fullmatch(as_path, path) for path in shown), f"{route} is not examined"


def test_a_city_in_which_nothing_has_happened_yet(signed_in: None, page: Page) -> None:
    found = []
    for path in ("/", "/console", "/console/map"):
        page.goto(path)
        expect(page.locator(".calm")).to_be_visible()
        found += violations(page)
    assert "\n".join(found) == ""


def test_what_a_form_answers(unsubscribe_link: str, page: Page) -> None:
    page.goto("/console/sign-in")
    page.get_by_label("Email").fill("maria@example.gov")
    page.get_by_label("Password").fill("not the password")
    page.get_by_label("Code").fill("000000")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_contain_text("is wrong")
    found = violations(page)
    page.goto(unsubscribe_link)
    for button in ("Stop messages about storms", "Undo"):
        with page.expect_navigation():
            page.get_by_role("button", name=button).click()
        found += violations(page)
    assert "\n".join(found) == ""


def test_a_step_that_is_refused(paths: list[str], page: Page, door: httpx.Client) -> None:
    """The area is another than the one that was shown."""
    ready = next(path for path in paths if path.startswith("/console/alerts/") and "Launch" in door.get(path).text)
    page.goto(ready)
    page.locator("summary", has_text="Launch").click()
    found = violations(page)
    page.get_by_role("checkbox", name="Send").check()
    page.locator("[name=area_hash]").first.evaluate("(field) => { field.value = 'another' }")
    page.get_by_role("button", name="Schedule it").click()
    expect(page.locator(".told")).to_be_visible()
    assert "\n".join([*found, *violations(page)]) == ""
