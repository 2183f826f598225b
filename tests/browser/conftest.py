"""A real Chromium, and the same stack of real processes as the acceptance tests."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from tests.acceptance.conftest import _calm, city

__all__ = ["_calm", "city"]
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
