"""A resident at the city's pages, with a phone and an inbox at the simulator. What they do on our pages is counted."""

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from playwright.sync_api import Browser, Locator, Page

from tests.acceptance.city import City
from tests.browser.hands import Finger, Mouse
from tests.waiting import until

CODE = re.compile(r"\b[0-9]{6}\b")
PHONE_PX = 390


@dataclass(frozen=True)
class Way:
    """How a resident comes: a phone of 390 px has a touchscreen, a wider window has a mouse."""

    language: str
    width: int
    scripts: bool

    def __str__(self) -> str:
        return f"{self.language}-{self.width}-{'scripts' if self.scripts else 'plain'}"


class Resident:
    """`page`: of the city; `aside`: of the simulator, in another tab."""

    def __init__(self, city: City, way: Way, page: Page, phone: str, email: str) -> None:
        self.city, self.way, self.page = city, way, page
        self.phone, self.email = phone, email
        self.hands = Finger(page) if way.width == PHONE_PX else Mouse(page)
        self.aside = page.context.new_page()
        self._seen: set[str] = set()

    def open(self, path: str) -> None:
        self.page.goto(f"{path}{'&' if '?' in path else '?'}lang={self.way.language}")

    def press(self, what: str | Locator) -> None:
        self.hands.press(self.page.locator(what) if isinstance(what, str) else what)

    def fill(self, what: str, words: str) -> None:
        self.hands.fill(self.page.locator(what), words)

    def send(self, form: str) -> None:
        """Press the button of the form whose action begins so, and wait for the page that answers."""
        with self.page.expect_navigation():
            self.press(f'form[action^="{form}"] button:not([type])')

    def unfold(self, form: str) -> None:
        """Open what hides this form."""
        self.press(self.page.locator("details", has=self.page.locator(f'form[action^="{form}"]')).locator("summary"))

    def join(self, contact: str, address: str) -> float:
        """From the page of alerts to one's own; returns the seconds that it took."""
        began = time.monotonic()
        self.open("/")
        with self.page.expect_navigation():
            self.press(".doors .button")
        self.fill("#contact", contact)
        self.fill("#address", address)
        self.send("/join")
        self.enter_code()
        self.page.wait_for_url("**/me?**")
        return time.monotonic() - began

    def enter_code(self) -> None:
        self.fill("#code", self.code())
        with self.page.expect_navigation():
            self.press("form.join button")

    def code(self) -> str:
        """The newest code at the phone or in the inbox, whichever it comes to."""
        return until(self._new_code, 60, f"a code arrives for {self.way}")

    def read_mail(self, subject: str = "") -> None:
        """Open the newest email in the simulator's inbox, once it is there."""

        def is_there() -> bool:
            self.aside.goto(f"{self.city.simulator}/inboxes/{self.email}")
            shown = self.aside.locator("#mail h2")
            return shown.count() == 1 and subject.casefold() in shown.inner_text().casefold()

        until(is_there, 60, f"an email with {subject!r} arrives")

    def _new_code(self) -> str:
        new = [code for code in self._codes() if code not in self._seen]
        self._seen.update(new)
        return new[0] if new else ""

    def _codes(self) -> Iterator[str]:
        """On the page of the phone and that of the inbox, the newest ones first."""
        for path, words in ((f"/phones/{self.phone.replace('+', '%2B')}", "#talk .theirs .bubble"),
                            (f"/inboxes/{self.email}", "#mail h2")):  # fmt: skip
            self.aside.goto(self.city.simulator + path)
            for said in reversed(self.aside.locator(words).all_inner_texts()):
                yield from CODE.findall(said)


@contextmanager
def at_pages(browser: Browser, city: City, way: Way, phone: str, email: str) -> Iterator[Resident]:
    context = browser.new_context(
        base_url=city.url,
        viewport={"width": way.width, "height": 844},
        has_touch=way.width == PHONE_PX,
        java_script_enabled=way.scripts,
        locale=way.language,
    )
    context.set_default_timeout(60_000)
    yield Resident(city, way, context.new_page(), phone, email)
    context.close()
