"""An operator at the console in a browser of their own: what they do there, whatever their hands and language.

Things on a page are found by what the server reads (names, values, addresses), not by words, which each language has
its own of.
"""

import json
import re
import time
from collections.abc import Sequence
from pathlib import Path

import pyotp
from playwright.sync_api import Download, Locator, Page, expect
from shapely import Geometry, from_geojson, unary_union

from tests.browser.hands import Finger, Keyboard, Mouse
from tests.browser.test_sign_in import authenticator
from tests.waiting import until

PASSWORD = "granite lantern seventeen"
STEP_S = 30  # of codes of an app
Corners = Sequence[tuple[float, float]]


class Desk:
    def __init__(self, page: Page, hands: type[Mouse | Finger | Keyboard] = Mouse) -> None:
        self.page = page
        self.hands = hands(page)
        self.email = ""
        self._secret = ""

    # Who they are

    def join(self, link: str) -> None:
        """Set up the account: a password, an authenticator app."""
        self.page.goto(link)
        self.email = self.page.locator("main [name=username]").input_value()
        self._secret = self.page.locator("code.secret").inner_text().replace(" ", "")
        self.hands.fill(self.page.locator("main [name=password]"), PASSWORD)
        self.hands.fill(self.page.locator("main [name=code]"), pyotp.TOTP(self._secret).now())
        self.hands.press(self.page.locator("main form button"))
        expect(self.page.locator(".codes li")).to_have_count(10)
        self.hands.press(self.page.locator("main a.button"))
        self.page.wait_for_url("**/console")

    def sign_in_with_code(self) -> None:
        """With the app's next code: the last one was used."""
        self.sign_out()
        self.hands.fill(self.page.locator("main [name=email]"), self.email)
        self.hands.fill(self.page.locator("main [name=password]"), PASSWORD)
        self.hands.fill(self.page.locator("main [name=code]"), pyotp.TOTP(self._secret).at(int(time.time()) + STEP_S))
        self.hands.press(self.page.locator('form[action="/console/sign-in"] button'))
        self.page.wait_for_url("**/console")

    def sign_in_with_passkey(self) -> None:
        """Make a passkey, sign out, and come back with it alone."""
        authenticator(self.page)
        self.hands.press(self.page.locator('.who a[href="/console/you"]'))
        self.hands.press(self.page.locator('a[href="/console/you/passkeys"]'))
        self.hands.fill(self.page.locator("main [name=name]"), "Key")
        self.hands.press(self.page.locator("button[data-passkey]"))
        self.page.wait_for_url("**/console/you")
        self.sign_out()
        self.hands.press(self.page.locator("button[data-passkey]"))
        self.page.wait_for_url("**/console")

    def sign_out(self) -> None:
        self.hands.press(self.page.locator('form[action="/console/sign-out"] button'))
        self.page.wait_for_url("**/console/sign-in*")

    def invite(self, email: str, role: str) -> str:
        """Return the link that a new operator joins by."""
        self.go("/console/operators")
        self.hands.fill(self.page.locator("main [name=email]"), email)
        self.hands.choose(self.page.locator("main [name=role]"), role)
        self.hands.press(self.page.locator('form[action="/console/operators"] button'))
        return self.page.locator("code.secret").inner_text()

    # The city

    def import_zones(self, file: Path, kind: str) -> None:
        self.go("/console/zones")
        self.hands.press(self.page.locator('a[href="/console/zones/import"]'))
        with self.page.expect_file_chooser() as chooser:
            self.hands.press(self.page.locator("#file"))
        chooser.value.set_files(file)
        self.hands.choose(self.page.locator("#kind"), kind)
        self.hands.press(self.page.locator('button[name=act][value="import"]'))
        expect(self.page.locator("dl.totals")).to_be_visible()

    # Writing

    def begin(self, template: str) -> None:
        """`begin("storm issue")`"""
        self.hands.press(self.page.locator('.places a[href="/console/compose"]'))
        self.hands.press(self.page.locator(f'.templates button[value="{template}"]'))
        expect(self.page.locator("#draft")).to_be_visible()

    def take_part(self, scenario: str) -> None:
        """Start a drill, and open its form in exercise mode."""
        self.more("/console/drills")
        start = self.page.locator(f'button[name=scenario][value="{scenario}"]')
        self.hands.press(self.page.locator(".scenarios details", has=start).locator("summary"))
        self.hands.press(start)
        self.hands.press(self.page.locator('form[action$="/join"] button'))
        expect(self.page.locator("#draft")).to_be_visible()

    def practise(self) -> None:
        """Enter exercise mode."""
        self.more("/console/drills")
        self.hands.press(self.page.locator('main button[name=mode][value="on"]'))
        expect(self.page.locator(".practice")).to_be_visible()

    def draw(self, corners: Corners, name: str) -> None:
        """Draw a polygon on the map, and name it in both languages."""
        expect(self.page.locator("#draw[data-ready]")).to_be_visible()
        self.hands.press(self.page.locator("[data-draw=polygon]"))
        self.hands.draw(corners)
        self.hands.fill(self.page.locator("[name=area_name]"), name)
        self.hands.fill(self.page.locator('[name="area_name.es"]'), name)
        until(lambda: self.drawn() is not None, 20, "the drawing is in its field")

    def drawn(self) -> Geometry | None:
        """What the field of the drawn area holds."""
        words = self.page.locator("[name=area]").input_value()
        parts = [from_geojson(json.dumps(one["geometry"])) for one in json.loads(words)["features"]] if words else []
        return unary_union(parts) if parts else None

    def tick_zone(self, name: str) -> None:
        self.hands.press(self.page.locator(".zone-list label", has_text=name).locator('[name^="zone."]'))

    def choose(self, blank: str, value: str) -> None:
        self.hands.choose(self.page.locator(f'[name="blank.{blank}"]'), value)

    def say(self, blank: str, words: str) -> None:
        """Fill in a blank. Optional ones are shown when one asks for them."""
        field = self.page.locator(f'[name="blank.{blank}"]')
        if not field.is_visible():
            self.hands.press(self.page.locator("#what details", has=field).locator("summary"))
        self.hands.fill(field, words)

    def residents(self) -> int:
        """How many residents Compose says are in the area, once it is done counting."""
        return _number(self.page.locator("#who-said .reach strong"))

    def review(self) -> int:
        """Make the alert, and return its number."""
        self.hands.press(self.page.locator("#review"))
        self.page.wait_for_url(re.compile(r"/console/alerts/\d+$"))
        return int(self.page.url.rpartition("/")[2])

    def correct(self, alert: int) -> int:
        """Open the next message of the alert's incident, filled in, and make it an alert as it is."""
        return self._follow(alert, "[name=correct]")

    def all_clear(self, alert: int) -> int:
        return self._follow(alert, '[value$=" all-clear"]')

    def _follow(self, alert: int, which: str) -> int:
        self.go(f"/console/alerts/{alert}")
        form = self.page.locator('#standing form[action="/console/compose"]', has=self.page.locator(which))
        self.hands.press(form.locator("button"))
        expect(self.page.locator("#draft")).to_be_visible()
        return self.review()

    # Deciding

    def open_waiting(self, alert: int) -> None:
        """From the page Now, where it waits for them."""
        self.go("/console")
        self.hands.press(self.page.locator(f"#review-{alert}"))
        expect(self.page.locator("#standing")).to_be_visible()

    def approve(self, messages: int | None = None) -> None:
        """`messages`: the number that must be typed for an emergency."""
        form = self.page.locator('form[action$="/approve"]')
        if messages is not None:
            self.hands.fill(form.locator("[name=messages]"), str(messages))
        self.hands.press(form.locator("button"))
        expect(self.page.locator("#standing .state-approved")).to_be_visible()

    def messages(self) -> int:
        """How many the page says that it would send."""
        return _number(self.page.locator("#standing .reach strong"))

    def launch(self, word: str = "") -> None:
        """`word`: what confirms an exercise."""
        self.page.wait_for_load_state("load")  # before its scripts run, the server asks once more instead of counting
        self.hands.press(self.page.locator("details.go summary"))
        form = self.page.locator('form[action$="/launch"]')
        if word:
            self.hands.fill(form.locator("[name=word]"), word)
        else:
            self.hands.press(form.locator("[name=sure]"))
        self.hands.press(form.locator("button").first)

    def watch(self) -> None:
        """Until every message has been handed over, on a page that is not loaded again."""
        expect(self.page.locator("#standing .state-sent")).to_be_visible(timeout=90_000)

    def delivered(self, messages: int) -> None:
        expect(self.page.locator("#count-delivered")).to_have_attribute("value", str(messages), timeout=90_000)

    def report(self, alert: int) -> bytes:
        """Read the after-action report, and return its PDF."""
        self.go(f"/console/alerts/{alert}")
        self.hands.press(self.page.locator(f'a[href="/console/alerts/{alert}/report"]'))
        expect(self.page.locator("svg.curve")).to_be_visible()
        with self.page.expect_download() as pdf:
            self.hands.press(self.page.locator('a[href$="report.pdf"]'))
        return _read(pdf.value)

    def scores(self) -> Locator:
        self.more("/console/drills")
        return self.page.locator(".results tbody tr")

    # Getting about

    def go(self, path: str) -> None:
        self.page.goto(path)

    def more(self, path: str) -> None:
        """Under More."""
        if not self.page.locator(".others").evaluate("one => one.open"):
            self.hands.press(self.page.locator(".others summary"))
        self.hands.press(self.page.locator(f'.others a[href="{path}"]'))


def _number(where: Locator) -> int:
    return int(re.sub(r"[^0-9]", "", where.inner_text()))


def _read(download: Download) -> bytes:
    return Path(download.path()).read_bytes()
