"""The pages of the city's own words in the browser: previews follow what is typed, a blank goes where the cursor is."""

from collections.abc import Callable, Iterator

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.api import asked
from tests.api.conftest import at_desk, door, public_url, served
from tests.browser.axe import examined, violations

__all__ = ["at_desk", "door", "public_url", "served"]
PATH = "/console/words/storm/all-clear"
WIDE = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"


@pytest.fixture
def page(browser: Browser, door: httpx.Client, at_desk: Callable[[str], httpx.Client]) -> Iterator[Page]:
    at_desk("approver")
    context = examined(browser, str(door.base_url))
    for name, value in door.cookies.items():
        context.add_cookies([{"name": name, "value": value, "url": str(door.base_url)}])
    yield context.new_page()
    context.close()


def test_words_are_written_with_the_keyboard_and_previewed_while_typing(page: Page) -> None:
    page.goto(PATH)
    text = page.get_by_label("Text Texts, English")
    text.focus()
    page.keyboard.press("Control+End")
    page.keyboard.type(" Check on your neighbors.")
    preview = page.locator("#proof-sms-en .preview").first
    expect(preview).to_contain_text("Check on your neighbors. Reply STOP to end texts.")
    expect(page.locator("#proof-sms-en")).to_contain_text("Not saved yet")
    assert text.input_value().endswith("Check on your neighbors.")  # what is typed stays in its field
    page.get_by_label("Why").focus()
    page.keyboard.type("The mayor asked")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator("#history")).to_contain_text("The mayor asked")
    (row,) = asked.rows("SELECT language, version FROM word_versions")
    assert tuple(row) == ("en", 1)
    assert violations(page) == []


def test_a_blank_is_put_where_the_cursor_is_and_a_mistake_is_told_at_once(page: Page) -> None:
    page.goto(PATH)
    text = page.get_by_label("Text Texts, Español")
    text.fill("{{ city }}: . {{ hazard.danger }} {{ hazard.after }}")
    expect(page.locator("#proof-sms-es .problems")).to_contain_text("The message must always say {{ area }}.")
    text.focus()
    page.keyboard.press("Home")
    for _ in range(len("{{ city }}: ")):
        page.keyboard.press("ArrowRight")
    page.locator("section", has=page.locator("#channel-sms")).get_by_role("button", name="{{ area }}").click()
    expect(text).to_have_value("{{ city }}: {{ area }}. {{ hazard.danger }} {{ hazard.after }}")
    expect(page.locator("#proof-sms-es .problems")).to_have_count(0)
    assert violations(page) == []


@pytest.mark.parametrize("path", ["/console/words", PATH, f"{PATH}/compare?form=sms.en"])
def test_nothing_is_wider_than_a_small_phone(page: Page, path: str) -> None:
    page.set_viewport_size({"width": 320, "height": 640})
    page.goto(path)
    assert page.evaluate(WIDE) == 0
    assert violations(page) == []
