"""The whole way, from an empty database to the after-action report, by real processes and real people's means."""

import csv
import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, expect
from shapely import Geometry, box, contains_xy, unary_union
from shapely.geometry import mapping

from notify.local import ports
from notify.local.stack import Stack
from tests.acceptance.city import COLUMNS, CONSENT, request
from tests.acceptance.commands import run_command
from tests.acceptance.conftest import forget
from tests.browser.desk import Desk
from tests.browser.hands import Finger, Keyboard, Mouse
from tests.waiting import until

WEST, SOUTH, SIDE = -75.1, 39.95, 0.03
# Side by side from west to east. The names are those of the drill about a storm.
ZONES = {
    name: box(WEST + n * SIDE, SOUTH, WEST + (n + 1) * SIDE, SOUTH + SIDE)
    for n, name in enumerate(("Harbor Point", "Saltmarsh", "Millrace", "Riverside"))
}
SCENARIO = ("Harbor Point", "Saltmarsh", "Millrace")
# Across two zones, with no side that follows their borders.
CORNERS = [(-75.09, 39.957), (-75.052, 39.954), (-75.055, 39.976), (-75.082, 39.972)]
RESIDENTS = 200
SPEAKS = "the page speaks "
SAY_LANGUAGE = f'addEventListener("DOMContentLoaded", () => console.info("{SPEAKS}" + document.documentElement.lang))'


@dataclass(frozen=True)
class Way:
    hands: type[Mouse | Finger | Keyboard] = Mouse
    area: str = "polygon"
    locale: str = "en-US"
    phone: bool = False
    drill: bool = False
    offline: bool = False


WAYS = {
    "mouse": Way(),
    "keyboard": Way(hands=Keyboard, area="zones"),
    "phone": Way(hands=Finger, phone=True),
    "exercise": Way(area="zones", drill=True),
    "spanish": Way(locale="es-US"),
    "offline": Way(offline=True),
}


class Office:
    """A stack that has just been installed, and those who work at it."""

    def __init__(self, stack: Stack, browser: Browser, folder: Path, way: Way) -> None:
        self.stack, self.browser, self.folder, self.way = stack, browser, folder, way
        self.url = stack.settings["TOCSIN_PUBLIC_URL"]
        self.homes = np.random.default_rng(12).uniform((WEST, SOUTH), (WEST + 4 * SIDE, SOUTH + SIDE), (RESIDENTS, 2))
        self.contexts: list[BrowserContext] = []
        self.problems: list[str] = []

    def command(self, *arguments: str) -> str:
        done = run_command(*arguments, "--data", str(self.stack.data))
        assert done.returncode == 0, done.stderr
        return done.stdout

    def desk(self) -> Desk:
        """Somebody at a browser of their own. An error of a script, or a page in another language, fails the test."""
        size = {"width": 390, "height": 844} if self.way.phone else {"width": 1280, "height": 900}
        context = self.browser.new_context(
            base_url=self.url, viewport=size, has_touch=self.way.phone, is_mobile=self.way.phone, locale=self.way.locale
        )
        context.set_default_timeout(60_000)
        context.add_init_script(SAY_LANGUAGE)
        self.contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: self.problems.append(f"{page.url}: {error}"))
        page.on("response", lambda r: self.problems.append(f"{r.status} {r.url}") if r.status >= 500 else None)
        page.on("console", self._note)
        return Desk(page, self.way.hands)

    def _note(self, said: ConsoleMessage) -> None:
        wrong_language = said.text.startswith(SPEAKS) and said.text != SPEAKS + self.way.locale[:2]
        if wrong_language or "Content Security" in said.text:
            self.problems.append(said.text)

    def first_link(self) -> str:
        """What an empty stack prints for its first administrator."""
        said = self.command("operators", "add", "chief@example.gov", "--role", "admin")
        found = re.search(r"http\S+/console/join\S+", said)
        assert found is not None, said
        return found[0]

    def zone_file(self) -> Path:
        file = self.folder / "neighbourhoods.geojson"
        features = [
            {"type": "Feature", "properties": {"name": n}, "geometry": mapping(shape)} for n, shape in ZONES.items()
        ]
        file.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
        return file

    def settle(self) -> None:
        """Residents, each with a phone, every other one with an email, too; and the senders that write to them."""
        file = self.folder / "residents.csv"
        with file.open("w", newline="") as rows:
            writer = csv.writer(rows)
            writer.writerow(COLUMNS.split(","))
            for n, (lon, lat) in enumerate(self.homes.tolist()):
                mail = f"resident{n}@example.org" if n % 2 else ""
                words = "en" if n % 3 else "es"
                writer.writerow([f"+1201555{n:04}", mail, words, "storm", lon, lat, "", "home", *CONSENT.split(",")])
        self.command("subscribers", "import", str(file))
        self.command("senders", "add", "twilio", "+15555550100", "--rate", "100")
        self.command("senders", "add", "sendgrid", "alerts@example.gov", "--rate", "100")

    def inside(self, area: Geometry) -> tuple[int, int]:
        """How many residents shapely finds in an area, and how many contacts they have."""
        found = contains_xy(area, self.homes)
        return int(found.sum()), int(found.sum() + found[1::2].sum())

    def received(self) -> list[tuple[str, str]]:
        """To whom and from which alert the simulators have got a message."""
        assert self.stack.info.simulator_url is not None
        return [(m["to"], m["body"]) for m in request(f"{self.stack.info.simulator_url}/_sim/messages?after=0")]


@pytest.fixture
def way(request: pytest.FixtureRequest) -> Way:
    return WAYS[request.param]


@pytest.fixture
def office(
    _own_settings: None, browser: Browser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: Way
) -> Iterator[Office]:
    """An empty stack at a host name, which passkeys need."""
    for name in [name for name in os.environ if name.startswith("TOCSIN_")]:
        monkeypatch.delenv(name)
    port = ports.free()
    monkeypatch.setenv("TOCSIN_CITY_CENTER", "-75,40")
    monkeypatch.setenv("TOCSIN_QUIET_HOURS", "off")  # it runs at any hour, and its all-clear is routine
    monkeypatch.setenv("TOCSIN_PUBLIC_URL", f"http://localhost:{port}")
    forget()
    with Stack(tmp_path / "stack", port=port, workers=1, demo=True) as stack:
        office = Office(stack, browser, tmp_path, way)
        yield office
        for context in office.contexts:
            context.close()
        assert office.problems == []
    forget()


@contextmanager
def no_network(desk: Desk) -> Iterator[None]:
    desk.page.context.set_offline(True)
    yield
    expect(desk.page.locator("#trouble")).not_to_be_empty()
    desk.page.context.set_offline(False)
    expect(desk.page.locator("#trouble")).to_be_empty()


def words_of(pdf: bytes, folder: Path) -> str:
    (folder / "report.pdf").write_bytes(pdf)
    read = subprocess.run(["pdftotext", "-layout", folder / "report.pdf", "-"], capture_output=True, text=True)
    return " ".join(read.stdout.split())


@pytest.mark.long
@pytest.mark.timeout(600)
@pytest.mark.parametrize("way", WAYS, indirect=True)
def test_from_an_empty_database_to_the_report(office: Office, way: Way, tmp_path: Path) -> None:
    chief, author, approver = office.desk(), office.desk(), office.desk()
    chief.join(office.first_link())
    author.join(chief.invite("author@example.gov", "author"))
    author.sign_in_with_code()
    approver.join(chief.invite("approver@example.gov", "approver"))
    approver.sign_in_with_passkey()
    chief.import_zones(office.zone_file(), "neighbourhood")
    office.settle()

    if way.drill:
        approver.practise()
        author.take_part("storm")
    else:
        author.begin("storm issue")
    author.choose("hazard", "wind")
    if way.area == "polygon":
        author.draw(CORNERS, "Old Town")
        area = author.drawn()
        assert area is not None
    else:
        for zone in SCENARIO:
            author.tick_zone(zone)
        area = unary_union([ZONES[zone] for zone in SCENARIO])
    if way.offline:
        with no_network(author):
            author.say("shelter", "Central Library, 100 Main Street")
    residents, messages = office.inside(area)
    until(lambda: author.residents() == residents, 30, f"{residents} residents, as shapely counts them")
    alert = author.review()
    if way.offline:
        expect(author.page.locator("main")).to_contain_text("Central Library, 100 Main Street")

    word = "EXERCISE" if way.drill else ""
    approver.open_waiting(alert)
    approver.approve(messages)
    approver.launch(word)
    approver.watch()
    approver.delivered(messages)
    correction = author.correct(alert)
    approver.open_waiting(correction)
    approver.approve(messages)
    approver.launch(word)
    approver.watch()
    closing = author.all_clear(correction)
    approver.open_waiting(closing)
    approver.approve(messages)
    approver.launch(word)
    approver.watch()
    approver.delivered(messages)

    received = [to for to, _ in office.received()]
    assert len(received) == 3 * messages, "everybody got each of the three once"
    pdf = approver.report(alert)
    assert pdf.startswith(b"%PDF-")
    if shutil.which("pdftotext"):
        assert f" {messages} " in words_of(pdf, tmp_path)
    if way.drill:
        row = author.scores().first
        expect(row).to_contain_text("author@example.gov")
        expect(row.locator("td").last).to_contain_text(re.compile(r"^0(\.0)? ?%$"))
