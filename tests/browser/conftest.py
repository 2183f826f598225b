"""A real Chromium."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, expect, sync_playwright

from tests.browser.desk import Desk

expect.set_options(timeout=60_000)  # by default 5 s, and no longer than anything else that a busy machine may take
FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-sync"]


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        names = ("chromium", "chromium-browser", "google-chrome")
        found = next(filter(None, map(shutil.which, names)), playwright.chromium.executable_path)
        if not Path(found).exists():
            told = pytest.fail if os.environ.get("CI") else pytest.skip
            told("there is no Chromium on this machine")
        chromium = playwright.chromium.launch(executable_path=found, args=FLAGS)
        yield chromium
        chromium.close()


AtBrowser = Callable[..., Desk]


@pytest.fixture
def sit(browser: Browser, door: httpx.Client, at_desk: Callable[[str], httpx.Client]) -> Iterator[AtBrowser]:
    """`sit("author")`: somebody of this role who has signed in, in a browser of their own."""
    contexts: list[BrowserContext] = []
    url = str(door.base_url)

    def sit_down(role: str, *, javascript: bool = True) -> Desk:
        at_desk(role)
        context = browser.new_context(base_url=url, java_script_enabled=javascript)
        context.set_default_timeout(60_000)
        contexts.append(context)
        context.add_cookies([{"name": n, "value": value, "url": url} for n, value in door.cookies.items()])
        return Desk(context.new_page())

    yield sit_down
    for context in contexts:
        context.close()


@pytest.fixture
def locale() -> str:
    """What the browser asks for, where a test does not say."""
    return "en-US"
