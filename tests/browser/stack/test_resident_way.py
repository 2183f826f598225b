"""The whole way of a resident: join, choose, mute, read why, leave by an email, come back, take a copy, erase.

On a phone and at a desk, with scripts and without, in both languages; the codes are read where they arrive.
"""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect
from shapely.geometry import box

from notify.city import geocoder
from notify.core.db import transaction
from tests.acceptance.city import City
from tests.browser.axe import too_wide
from tests.browser.resident import Resident, Way, at_pages
from tests.waiting import until
from zones.addresses.readings import HouseNumber
from zones.addresses.rows import AddressRow

MOST = 8  # interactions to join: each press, and each field filled in, counts
A_MINUTE_S = 60
HOME, PARENTS, STREET = "1002 Goldfinch Street", "1044 Goldfinch Street", "Goldfinch Grove"
WAYS = [
    Way("en", 390, scripts=True),
    Way("es", 1280, scripts=False),
    pytest.param(Way("es", 390, scripts=False), marks=pytest.mark.long),
    pytest.param(Way("en", 1280, scripts=True), marks=pytest.mark.long),
]
WORDS = {
    "joined": {"en": "You have joined", "es": "Ya está inscrito"},
    "stopped": {"en": "stopped", "es": "detenido"},
    "why": {"en": "Why did I get this?", "es": "¿Por qué recibí esto?"},
    "storm": {"en": "storm", "es": "tormenta"},
    "muted": {"en": "You had muted this topic", "es": "silenciado"},
    "erased": {"en": "Your data is erased", "es": "Sus datos están borrados"},
}
_people = count(100)


@pytest.fixture
def street(city: City) -> str:
    """Beside the blocks of `city`: its houses are in the file of addresses, and it is a zone. Its name."""
    with transaction() as s:
        rows = [
            AddressRow(HouseNumber(number), "Goldfinch St", "", "Bellhaven", "", 9.5, 45 + number / 100_000)
            for number in (1002, 1044)
        ]
        geocoder.keep_addresses(s, rows, "a test of joining", datetime.now(UTC), confirmed=True)
    city.keep_zone(STREET, box(9.48, 45.0, 9.52, 45.05))
    return STREET


@pytest.fixture
def person(city: City, browser: Browser, street: str, request: pytest.FixtureRequest) -> Iterator[Resident]:
    number = next(_people)
    with at_pages(browser, city, request.param, f"+12155559{number:03}", f"maria.{number}@example.org") as resident:
        yield resident


@pytest.mark.parametrize("person", WAYS, indirect=True, ids=str)
def test_the_whole_way_of_a_resident(person: Resident, city: City, street: str) -> None:
    took_s = person.join(person.phone, HOME)
    assert person.hands.did <= MOST
    assert took_s < A_MINUTE_S
    expect(person.page.locator("h1")).to_have_text(said(person, "joined"))
    expect(person.page.locator("main")).to_contain_text("***" + person.phone[-2:])
    expect(person.page.locator("main")).to_contain_text("GOLDFINCH", ignore_case=True)
    until(lambda: len(city.texts([person.phone])) >= 2, 60, "a welcome follows the code")
    fits(person)

    add_email(person)
    add_place(person)
    change_topics(person)
    mute(person)
    read_why(person, city, street)
    leave_by_an_email(person)
    rejoin(person)
    take_a_copy(person)
    erase(person)


def add_email(person: Resident) -> None:
    person.unfold("/me/contacts?")
    person.fill("#contact", person.email)
    person.send("/me/contacts?")
    person.enter_code()
    expect(person.page.locator('section[aria-labelledby="how"] .rows > li')).to_have_count(2)


def add_place(person: Resident) -> None:
    person.unfold("/me/places?")
    person.fill("#label", "Papá y mamá")
    person.fill("#address", PARENTS)
    person.hands.choose(person.page.locator("#radius"), "500")
    person.send("/me/places?")
    places = person.page.locator('section[aria-labelledby="where"] .rows > li')
    expect(places).to_have_count(2)
    expect(places.last).to_contain_text("Papá y mamá")


def change_topics(person: Resident) -> None:
    heat = person.page.locator('input[name="topic"][value="heat"]')
    expect(heat).to_be_checked()
    person.press(heat)
    person.send("/me/choose")
    expect(person.page.get_by_role("status").first).to_be_visible()
    expect(heat).not_to_be_checked()


def mute(person: Resident) -> None:
    day = f"{datetime.now(UTC) + timedelta(days=9):%Y-%m-%d}"
    person.fill("#muted_until", day)
    person.send("/me/choices")
    expect(person.page.locator("#muted_until")).to_have_value(day)


def read_why(person: Resident, city: City, street: str) -> None:
    """Of an alert that was left out, because it can wait, and of an emergency, which passes the pause."""
    snow = {"rule": "routes", "starts": (datetime.now(UTC) + timedelta(hours=1)).isoformat(timespec="minutes")}
    alerts = [
        city.launch(city.approved(street, channels=("sms", "email"), event=event, blanks=blanks))
        for event, blanks in (("snow", snow), ("storm", {"hazard": "thunderstorm"}))
    ]
    for alert in alerts:
        city.until_delivered(alert)
    person.open("/me")
    with person.page.expect_navigation():
        person.press('a[href^="/me/why"]')
    expect(person.page.locator("h1")).to_contain_text(said(person, "why"))
    got = person.page.locator('section[aria-labelledby="got"]')
    expect(got).to_contain_text(said(person, "muted"))
    exact = got.locator("details").first
    person.press(exact.locator("summary"))
    expect(exact.locator(".as-sent")).to_contain_text(said(person, "storm"), ignore_case=True)
    fits(person)


def leave_by_an_email(person: Resident) -> None:
    """The mail program's own button ends the topic; the link at the end of the email ends everything."""
    mail = person.page.locator('section[aria-labelledby="how"] .rows > li').last
    person.read_mail(said(person, "storm"))
    person.aside.locator('form[action$="/unsubscribe"] button').click()
    expect(person.aside.locator("#mail-status")).to_contain_text("unsubscribed")
    person.open("/me")
    expect(mail.locator(".badge")).to_contain_text(said(person, "storm"), ignore_case=True)

    with person.aside.expect_popup() as opened:
        person.aside.frame_locator("iframe").locator('a[href*="/u/"]').click()
    opened.value.locator('button[value="everything"]').click()
    expect(opened.value.locator('button[name="undo"]')).to_be_visible()
    opened.value.close()
    person.open("/me")
    expect(mail.locator(".badge")).to_have_text(said(person, "stopped"))


def rejoin(person: Resident) -> None:
    """The places are there as before, and so is the topic that was left, until they start it again."""
    person.join(person.email, HOME)
    how = person.page.locator('section[aria-labelledby="how"]')
    expect(person.page.locator('section[aria-labelledby="where"] .rows > li')).to_have_count(2)
    expect(how.locator(".badge")).to_contain_text(said(person, "storm"), ignore_case=True)
    person.send("/me/start")
    expect(how.locator(".rows > li")).to_have_count(2)
    expect(how.locator(".badge")).to_have_count(0)


def take_a_copy(person: Resident) -> None:
    with person.page.expect_navigation():
        person.press('a[href^="/me/data"]')
    with person.page.expect_download() as copy:
        person.press('a[href="/me/data.json"]')
    held = json.loads(Path(copy.value.path()).read_text())
    assert {one["address"] for one in held["contacts"]} == {person.phone, person.email}
    fits(person)


def erase(person: Resident) -> None:
    with person.page.expect_navigation():
        person.press('a[href^="/me/erase"]')
    person.send("/me/erase?")
    person.enter_code()
    expect(person.page.locator("h1")).to_have_text(said(person, "erased"))
    person.open("/me")
    person.page.wait_for_url("**/me/sign-in**")


def said(person: Resident, what: str) -> str:
    return WORDS[what][person.way.language]


def fits(person: Resident) -> None:
    """Nothing makes the page scroll sideways when it is enlarged. (Without scripts nothing can be measured.)"""
    if person.way.scripts:
        assert too_wide(person.page) == []
        person.page.set_viewport_size({"width": person.way.width, "height": 844})
