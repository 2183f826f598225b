"""The pages that residents see, each in its main states, one after the other: for tests of how they are built."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from playwright.sync_api import Locator, Page

from tests.api.joins import sent_code
from tests.api.resident_pages import BESIDE, ONE_STREET, TWO_STREETS, Town

Scene = Callable[[], object]


@dataclass(frozen=True)
class Scenes:
    """`names()` brings the page to one scene after the other. Those that change something come last."""

    page: Page
    town: Town
    language: str

    def names(self) -> Iterator[str]:
        town = self.town
        alerts = [f"/alerts/{one}" for one in (town.tornado, town.update, town.cancelled, town.exercise, 99)]
        for path in (
            *("/", "/alerts", "/alerts/past", *alerts, "/verify", f"/verify/{town.tornado}", "/verify/99", "/privacy"),
            *("/join", town.waiting, "/join/forged", town.join_link, "/me/sign-in", "/me", "/me?new=yes&saved=yes"),
            *("/me/why", "/me/data", "/me/erase", "/me/erased", "/me/test", "/me/calendar"),
            *(town.unsubscribe, town.unsubscribe_all),
            *("/u/forged", town.confirm, town.still, "/nowhere"),
        ):
            self.open(path)
            yield path
        forms: dict[str, Scene] = {
            "join: neither a phone nor an email": lambda: self.join("12", ONE_STREET),
            "join: which address": lambda: self.join("(215) 555-0142", TWO_STREETS),
            "join: an unknown address": lambda: self.join("(215) 555-0142", "12 Nowhere Boulevard"),
            "join: beside the city": lambda: self.join("(215) 555-0142", BESIDE),
            "join: a wrong code": lambda: self.enter(self.town.waiting, "#code", "1"),
            "sign in: neither a phone nor an email": lambda: self.enter("/me/sign-in", "#contact", "x"),
            "verify: a fraud": lambda: self.enter("/verify", "#code", "Pay at https://evil.example/alerts/1 now."),
            "verify: other words": lambda: self.enter("/verify", "#code", f"Pay! {self.site}/alerts/{town.tornado}"),
            "me: which address": lambda: self.add_place(TWO_STREETS),
            "me: an unknown address": lambda: self.add_place("12 Nowhere Boulevard"),
            "me: not a phone": self.add_contact,
            "me: no quiet hours": self.no_quiet_hours,
            "me: a test was sent": self.send_test,
            "unsubscribe: a topic": lambda: self.press(town.unsubscribe, '[value="topic"]'),
            "unsubscribe: undone": lambda: self.sent(self.page.locator('[name="undo"]')),
            "unsubscribe: everything": lambda: self.press(town.unsubscribe_all, '[value="everything"]'),
            "confirmed": lambda: self.press(town.confirm, "main form button"),
            "still there": lambda: self.press(town.still, "main form button"),
            "erase: the code": lambda: self.press("/me/erase", "main form button"),
            "erase: a wrong code": lambda: self.fill_in("#code", "1"),
            "erased": lambda: self.fill_in("#code", sent_code()),
        }
        for name, scene in forms.items():
            scene()
            yield name

    @property
    def site(self) -> str:
        return self.page.url.split("/", 3)[2]

    def open(self, path: str) -> None:
        self.page.goto(f"{path}{'&' if '?' in path else '?'}lang={self.language}")

    def sent(self, button: Locator) -> None:
        with self.page.expect_navigation():
            button.click()

    def press(self, path: str, button: str) -> None:
        self.open(path)
        self.sent(self.page.locator(button).first)

    def fill_in(self, field: str, words: str) -> None:
        self.page.locator(field).fill(words)
        form = self.page.locator("form", has=self.page.locator(field))
        self.sent(form.locator("button:not([type])"))

    def enter(self, path: str, field: str, words: str) -> None:
        self.open(path)
        self.fill_in(field, words)

    def join(self, contact: str, address: str) -> None:
        self.open("/join")
        self.page.locator("#contact").fill(contact)
        self.fill_in("#address", address)

    def unfolded(self, form: str) -> Locator:
        found = self.page.locator(f'form[action^="{form}"]')
        self.page.locator("details", has=found).locator("summary").click()
        return found

    def add_place(self, address: str) -> None:
        self.open("/me")
        self.unfolded("/me/places?").locator("#label").fill("My sister")
        self.fill_in("#address", address)

    def add_contact(self) -> None:
        self.open("/me")
        self.unfolded("/me/contacts?")
        self.fill_in("#contact", "x")

    def no_quiet_hours(self) -> None:
        self.open("/me")
        self.page.locator('[name="quiet"][value="own"]').check()
        self.page.locator("#quiet_from").fill("09:00")
        self.fill_in("#quiet_to", "09:00")

    def send_test(self) -> None:
        self.press("/me/test", "main .rows button")
