"""A resident reads why, takes a copy, leaves by an email, joins again and erases: with and without scripts."""

import json
import re
from itertools import count
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.acceptance.city import City
from tests.browser.axe import too_wide
from tests.browser.test_join import address
from tests.waiting import until

__all__ = ["address"]
WAYS = [("en", 390, True), ("es", 1280, False)]
_people = count(700)


def code_at(city: City, email: str, before: int) -> str:
    """The code in the newest of more than `before` emails, as the simulator shows it."""

    def newest() -> str | None:
        mails = [one for one in city.received("sendgrid") if one["to"] == email]
        found = re.search(r"\b[0-9]{6}\b", mails[-1]["subject"]) if len(mails) > before else None
        return found and found[0]

    return until(newest, 60, "a code arrives by email") or ""


def mails(city: City, email: str) -> int:
    return len([one for one in city.received("sendgrid") if one["to"] == email])


def join(page: Page, city: City, email: str, address: str, language: str) -> None:
    page.goto(f"/join?lang={language}")
    page.locator("#contact").fill(email)
    page.locator("#address").fill(address)
    before = mails(city, email)
    page.locator("form.join button:not([type])").click()
    page.locator("#code").fill(code_at(city, email, before))
    page.locator("form.join button:not([type])").click()
    page.wait_for_url("**/me?**")
    until(lambda: mails(city, email) >= before + 2, 60, "a welcome follows the code")


@pytest.mark.parametrize(("language", "width", "scripts"), WAYS)
def test_a_resident_reads_why_exports_leaves_rejoins_and_erases(
    city: City, browser: Browser, address: str, language: str, width: int, scripts: bool
) -> None:
    email = f"maria.{next(_people)}@example.org"
    context = browser.new_context(
        viewport={"width": width, "height": 844}, java_script_enabled=scripts, base_url=city.url, locale=language
    )
    context.set_default_timeout(60_000)
    page = context.new_page()
    join(page, city, email, address, language)

    page.locator('a[href^="/me/why"]').click()
    expect(page.locator("h1")).to_contain_text({"en": "Why did I get this?", "es": "¿Por qué recibí esto?"}[language])
    page.goto(f"/me/data?lang={language}")
    with page.expect_download() as copy:
        page.locator('a[href="/me/data.json"]').click()
    assert [one["address"] for one in json.loads(Path(copy.value.path()).read_text())["contacts"]] == [email]
    if scripts:
        assert too_wide(page) == []

    welcome = [one for one in city.received("sendgrid") if one["to"] == email][-1]
    page.goto(welcome["headers"]["List-Unsubscribe"].strip("<>") + f"?lang={language}")
    page.locator('button[name="stop"][value="everything"]').click()
    expect(page.locator('button[name="undo"]')).to_be_visible()
    page.goto(f"/me?lang={language}")
    expect(page.locator("main")).to_contain_text({"en": "stopped", "es": "detenido"}[language])
    join(page, city, email, address, language)
    expect(page.locator('form[action^="/me/start"]')).to_have_count(0)

    page.goto(f"/me/data?lang={language}")
    page.locator('a[href^="/me/erase"]').click()
    before = mails(city, email)
    page.locator('form[action^="/me/erase"] button').click()
    page.locator("#code").fill(code_at(city, email, before))
    page.locator('form[action^="/me/erase/"] button').click()
    page.wait_for_url("**/me/erased**")
    page.goto(f"/me?lang={language}")
    page.wait_for_url("**/me/sign-in**")
    context.close()
