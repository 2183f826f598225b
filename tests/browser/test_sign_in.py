"""The first administrator joins by link, adds a passkey, signs in with it and proves with it, in a real browser whose
authenticator is Chromium's virtual one."""

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pyotp
import pytest
from playwright.sync_api import Browser, CDPSession, Page, expect

from notify.accounts import links, operators
from notify.core.db import transaction
from notify.core.settings import settings
from tests.api.conftest import door, public_url, served
from tests.browser.axe import LOOKS, examined, violations
from tests.owner import as_owner

__all__ = ["door", "public_url", "served"]
EMAIL, PASSWORD = "chief@example.gov", "granite lantern seventeen"
DEVICE = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


@pytest.fixture
def page(browser: Browser, door: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> Iterator[Page]:
    """A passkey needs a host name: localhost will do."""
    url = str(door.base_url).rstrip("/").replace("127.0.0.1", "localhost")
    monkeypatch.setenv("TOCSIN_PUBLIC_URL", url)
    settings.cache_clear()
    context = examined(browser, url)
    opened, problems = context.new_page(), list[str]()
    opened.on("pageerror", lambda error: problems.append(str(error)))
    opened.on("console", lambda said: problems.append(said.text) if "Content Security" in said.text else None)
    yield opened
    context.close()
    assert problems == []


def authenticator(page: Page) -> tuple[CDPSession, str]:
    session = page.context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    return session, session.send("WebAuthn.addVirtualAuthenticator", {"options": DEVICE})["authenticatorId"]


def shown(page: Page, name: str) -> list[str]:
    """What axe finds; and with SCREENSHOTS, pictures of the page."""
    found = violations(page)
    if folder := os.environ.get("SCREENSHOTS"):
        for scheme, width in LOOKS:
            page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
            page.set_viewport_size({"width": width, "height": 844})
            page.screenshot(path=str(Path(folder) / f"{name}-{scheme}.png"), full_page=True)
    page.set_viewport_size({"width": 1280, "height": 844})
    return found


def seen_without_scripts(page: Page, part: str) -> bool:
    """Whether it is seen where no script runs: a button that does nothing is worse than none."""
    assert page.context.browser is not None
    plain = page.context.browser.new_context(java_script_enabled=False, storage_state=page.context.storage_state())
    still = plain.new_page()
    still.goto(page.url)
    found = still.locator(part)
    expect(found).to_have_count(1)
    seen = found.is_visible()
    plain.close()
    return seen


def test_from_the_first_link_to_a_passkey(page: Page) -> None:
    with transaction() as s:
        link = links.make(s, operators.add(s, EMAIL, "admin", datetime.now(UTC)), "join", datetime.now(UTC))
    device, device_id = authenticator(page)
    page.goto(link)
    found = shown(page, "join")
    secret = page.locator(".secret").inner_text().replace(" ", "")
    page.get_by_label("Password").fill("password")
    page.get_by_role("textbox", name="Code").fill(pyotp.TOTP(secret).now())
    page.get_by_role("button", name="Set up my account").click()
    expect(page.get_by_role("alert")).to_contain_text("easily guessed")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("textbox", name="Code").fill(pyotp.TOTP(secret).now())
    page.get_by_role("button", name="Set up my account").click()
    expect(page.locator(".codes li")).to_have_count(10)
    found += shown(page, "recovery-codes")
    page.get_by_role("link", name="I have kept them").click()
    page.get_by_role("link", name=EMAIL).click()
    page.get_by_role("link", name="Add a passkey").click()
    assert not seen_without_scripts(page, "[data-passkey-only]")
    page.get_by_label("Name").fill("Security key")
    page.get_by_role("button", name="Make a passkey").click()
    expect(page.get_by_role("listitem").filter(has_text="Security key")).to_be_visible()
    found += shown(page, "you")

    page.get_by_role("button", name="Sign out", exact=True).click()
    found += shown(page, "sign-in")
    device.send("WebAuthn.setUserVerified", {"authenticatorId": device_id, "isUserVerified": False})
    page.get_by_role("button", name="Sign in with a passkey").click()
    expect(page.locator("[data-passkey-said]")).to_contain_text("Nothing was done")
    device.send("WebAuthn.setUserVerified", {"authenticatorId": device_id, "isUserVerified": True})
    page.get_by_role("button", name="Sign in with a passkey").click()
    expect(page.get_by_role("heading", name="Now", exact=True)).to_be_visible()

    as_owner("UPDATE sessions SET proven_at = now() - interval '16 minutes'")
    page.goto("/console/operators")
    page.get_by_label("Email").fill("tom@example.gov")
    page.get_by_label("Role").select_option("approver")
    page.get_by_role("button", name="Add and invite").click()
    expect(page.get_by_role("heading", name="Confirm that it is you")).to_be_visible()
    found += shown(page, "proof")
    page.get_by_role("button", name="Confirm with a passkey").click()
    expect(page.locator(".secret")).to_contain_text("/console/join?link=")
    found += shown(page, "operator")
    page.goto("/console/operators")
    found += shown(page, "operators")
    assert "\n".join(found) == ""
