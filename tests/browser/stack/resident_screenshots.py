"""The pictures in docs/residents.md: `make screenshots` makes them anew, of a resident of the training city who joins.

It is not collected with the tests. The stack of the acceptance tests runs, with its phones at the simulator.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Browser
from shapely.geometry import Point

from notify import training
from notify.training.blocks import houses
from notify.training.city import TrainingCity
from tests.acceptance.city import City
from tests.browser.pictures import take
from tests.browser.resident import Resident, Way, at_pages
from tests.waiting import until

PHONE, MAIL, OTHER_PHONE = "+12155550142", "maria.lopez@example.org", "+12155550187"
RESIDENTS = 60


@pytest.fixture
def home(city: City) -> str:
    """An address in the zone that is warned."""
    training.settle(RESIDENTS, datetime.now(UTC))
    plan = TrainingCity()
    zone = next(one for one in plan.zones() if one.name == training.ZONE)
    return next(f"{one.number} {one.street}" for one in houses(plan) if zone.geometry.contains(Point(one.lon, one.lat)))


@pytest.fixture
def person(city: City, browser: Browser, home: str) -> Iterator[Resident]:
    with at_pages(browser, city, Way("en", 390, scripts=True), PHONE, MAIL) as resident:
        yield resident


def test_take_pictures(city: City, person: Resident, home: str) -> None:
    join(person, home)
    choose(person)
    text(city, person, home)
    read(city, person)


def join(person: Resident, home: str) -> None:
    page = person.page
    person.open("/join")
    page.locator("#contact").fill("215 555 0142")
    page.locator("#address").fill(home)
    shot(person, "join")
    person.send("/join")
    page.locator("#code").fill(person.code())
    shot(person, "code")
    with page.expect_navigation():
        page.locator("form.join button").click()
    shot(person, "me")


def choose(person: Resident) -> None:
    person.page.locator("#reminder-hour").select_option("19")
    person.send("/me/reminders?")
    person.page.locator('[name="quiet"][value="own"]').check()  # tests have no quiet hours of the city
    for name, heading in (("topics", "#what"), ("times", "#when"), ("reminders", "#days")):
        person.page.locator(heading).evaluate("(one) => scrollTo(0, one.getBoundingClientRect().top + scrollY - 24)")
        shot(person, name)


def read(city: City, person: Resident) -> None:
    """A tornado comes to the phone; a change of the trash day does not, because they left that topic."""
    person.page.locator('input[value="collection"]').uncheck()
    person.send("/me/choose")
    holiday = datetime.now(UTC).date() + timedelta(days=2)
    trash = {"day": f"{holiday}", "new_day": f"{holiday + timedelta(days=1)}"}
    for event, blanks in (("collection", trash), ("storm", {"hazard": "tornado"})):
        alert = city.launch(city.approved(training.ZONE, channels=("sms", "email"), event=event, blanks=blanks))
        city.until_delivered(alert)

    def are_shown() -> bool:
        person.open("/alerts")
        return person.page.locator(".notice").count() == 2

    until(are_shown, 60, "both are on the page of alerts, which is kept for a moment")
    for name, path in (("why", "/me/why"), ("alerts", "/alerts"), ("verify", f"/verify/{alert}")):
        person.open(path)
        shot(person, name)


def text(city: City, person: Resident, home: str) -> None:
    """Somebody joins by text, in Spanish."""
    aside = person.aside
    aside.goto(city.simulator)
    aside.locator(".new summary").click()
    for field, words in (("#new-number", OTHER_PHONE), ("#new-to", "+15555550100"), ("#new-text", "UNIRME")):
        aside.locator(field).fill(words)
    aside.locator(".new button").click()
    for words in (home, "ESTADO"):
        said = aside.locator("#talk .theirs").count()
        aside.locator("#text").fill(words)
        aside.locator(".write form button").first.click()
        until(lambda said=said: aside.locator("#talk .theirs").count() > said, 60, f"an answer to {words}")
    aside.set_viewport_size({"width": 390, "height": 1000})
    take(aside.locator(".phone"), "resident-texts")


def shot(person: Resident, name: str) -> None:
    take(person.page, f"resident-{name}")
