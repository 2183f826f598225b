"""An agent publishes the Thanksgiving notice of the training city; residents of other zones get nothing; a storm."""

from collections import Counter
from datetime import UTC, date, datetime, time, timedelta
from random import Random

import httpx
import pytest
from icalendar import Calendar
from playwright.sync_api import Page, expect
from shapely import Point, unary_union
from shapely.geometry.base import BaseGeometry

from notify import training
from notify.city import zones as city_zones
from notify.core.db import transaction
from notify.core.settings import settings
from notify.delivery import sender_pool
from notify.service311 import calendars, editions, rule_store
from notify.service311.outputs import households
from notify.service311.reminders import evening, readers
from notify.service311.reminders.aside import Aside
from tests import factories
from tests.api import asked
from tests.api.conftest import at_desk, door, public_url, served
from tests.browser.axe import AXE, crowded, too_wide, violations
from tests.browser.conftest import AtBrowser
from zones.geometry import from_wkb

__all__ = ["at_desk", "door", "public_url", "served"]

PEOPLE = 120
TELLS = ("Thursday collection", "Friday collection")  # the zones whose days Thanksgiving moves


@pytest.fixture
def thursday(door: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> date:
    """The training city, in which next Thursday is to be Thanksgiving Day: `thanksgiving` publishes it."""
    for name, value in (("TWILIO_ACCOUNT_SID", "AC" + "0" * 32), ("TWILIO_AUTH_TOKEN", "t"), ("SENDGRID_API_KEY", "k")):
        monkeypatch.setenv(f"TOCSIN_{name}", value)
    settings.cache_clear()
    training.settle(1, datetime.now(UTC))
    asked.do("DELETE FROM preferences")
    sender_pool.read_anew()
    today = calendars.today(datetime.now(UTC))
    return today + timedelta(days=2 + (3 - (today + timedelta(days=2)).weekday()) % 7)


def thanksgiving(thursday: date) -> None:
    now = datetime.now(UTC)
    with transaction() as s:
        for one in [one for one in rule_store.standing(s) if one.body.get("name") == "Thanksgiving Day"]:
            rule_store.remove(s, one.id, now)
        days = [thursday + timedelta(weeks=52 * n) for n in range(-1, 3)]
        rule_store.add_holiday(s, "Thanksgiving Day", days, "a test", now)
        editions.publish(s, "Thanksgiving is next Thursday", now)


def settle_people(shapes: dict[str, BaseGeometry]) -> dict[int, set[str]]:
    """Residents at seeded points, every third with two places, every fifth without the topic. Returns the zones of
    each who asked for collection days, by shapely alone."""
    dice, now = Random(26), datetime.now(UTC)
    west, south, east, north = unary_union(list(shapes.values())).bounds
    homes = [[(dice.uniform(west, east), dice.uniform(south, north)) for _ in range(2 if n % 3 == 0 else 1)]
             for n in range(PEOPLE)]  # fmt: skip
    with transaction() as s:
        people = factories.residents(
            s,
            [factories.Person(at=at, topics=["storm" if n % 5 == 0 else "collection"]) for n, at in enumerate(homes)],
            now=now,
        )
    return {
        person.id: {name for name, shape in shapes.items() for at in homes[n] if shape.intersects(Point(at))}
        for n, person in enumerate(people)
        if n % 5
    }


def shapes_of_zones() -> dict[str, BaseGeometry]:
    with transaction() as s:
        kept = city_zones.all_zones(s, "collection")
        return {one.zone.name: from_wkb(one.version.geometry) for one in kept if one.zone.name.endswith(" collection")}


def household(shape: BaseGeometry) -> str:
    """The secret calendar address of a house in a zone."""
    at = shape.representative_point()
    with transaction() as s:
        return f"/collections/feed/{households.begin(s, '1 Mill St', at.x, at.y, 'en', datetime.now(UTC))}.ics"


def trash(door: httpx.Client, address: str, near: date) -> dict[str, date]:
    """The days around a date on which a subscribed program shows trash, by the UIDs of the events."""
    events = Calendar.from_ical(door.get(address).content).walk("VEVENT")
    found = {str(one["UID"]): one["DTSTART"].dt for one in events if "rash" in str(one["SUMMARY"])}
    return {uid: day for uid, day in found.items() if abs((day - near).days) <= 2}


def reminded_of(new_day: date) -> Counter[int]:
    """Whom the evening before a day reminds, each as often as they are."""
    at = datetime.combine(new_day - timedelta(days=1), time(readers.HOUR), settings().tz)
    readers.begin(at)
    evening.remind(lambda: at, Aside())
    of_day = "SELECT subscriber_id FROM reminders WHERE day = :day AND message_id IS NOT NULL"
    return Counter(row.subscriber_id for row in asked.rows(of_day, day=new_day))


def test_an_agent_publishes_thanksgiving_and_a_storm(sit: AtBrowser, door: httpx.Client, thursday: date) -> None:
    shapes = shapes_of_zones()
    zones_of = settle_people(shapes)
    concerned = {person for person, zones in zones_of.items() if zones & set(TELLS)}
    assert 10 < len(concerned) < len(zones_of) - 10
    address = household(shapes["Thursday collection"])
    before = trash(door, address, thursday)
    thanksgiving(thursday)
    after = trash(door, address, thursday)
    friday = thursday + timedelta(days=1)
    assert (list(before.values()), list(after.values())) == ([thursday], [friday])
    assert before.keys() == after.keys(), "the event is the same, on another day"

    page = sit("agent").page
    page.add_init_script(path=AXE)
    page.goto("/desk/notices")
    found = violations(page)
    page.get_by_role("link", name="Thanksgiving Day").first.click()
    expect(page.locator("#residents")).to_have_text(str(len(concerned)))
    for zone in shapes:
        row = page.locator("#zones tbody tr", has=page.get_by_role("rowheader", name=zone)).first
        reached = sum(zone in zones for zones in zones_of.values())
        if zone in TELLS:
            expect(row.locator("td.n").first).to_have_text(str(reached))
        else:
            expect(row).to_contain_text("nothing is sent")
    found += [*violations(page), *crowded(page), *too_wide(page)]
    page.locator("input[name=when][value=now]").check()
    for channel in page.locator("input[name=channel]").all():
        channel.set_checked(channel.get_attribute("value") == "sms")
    page.locator("#publish").click()
    expect(page.locator("#state")).to_be_visible()
    found += violations(page)
    told = resolved()
    assert told == Counter(dict.fromkeys(concerned, 1)), "one text each, and nobody else"
    expect(page.locator("#reminds")).to_contain_text("Its readers are reminded at 6:00 PM")
    moved_to = {friday: "Thursday collection", friday + timedelta(days=1): "Friday collection"}
    asked.do("UPDATE deliveries SET state = 'accepted' WHERE state IN ('queued', 'held')")
    for new_day, zone in moved_to.items():
        assert reminded_of(new_day) == Counter({one: 1 for one, zones in zones_of.items() if zone in zones})

    page.goto("/desk/notices/storm")
    page.get_by_label("Monday collection").check()
    monday = thursday + timedelta(days=4)
    for field in ("first", "last"):
        page.locator(f"#{field}").fill(monday.isoformat())
    page.locator("#cause").select_option("snow")
    found += violations(page)
    page.locator("button[value=look]").click()
    _publish_by_text(page)
    expect(page.locator("main")).to_contain_text("We will tell you the new day.")
    in_monday = {person for person, zones in zones_of.items() if "Monday collection" in zones}
    assert resolved() == Counter(dict.fromkeys(in_monday, 1))
    incident = asked.number("SELECT max(id) FROM incidents")
    page.goto(f"/desk/notices/storm?incident={incident}")
    page.locator("#to").fill((monday + timedelta(days=1)).isoformat())
    page.locator("button[value=look]").click()
    _publish_by_text(page)
    expect(page.locator("main")).to_contain_text("Tuesday")
    assert resolved() == Counter(dict.fromkeys(in_monday, 1)), "those who were told before are told what follows"
    assert asked.number("SELECT count(*) FROM alerts WHERE incident_id = :i", i=incident) == 2
    assert found == []


def _publish_by_text(page: Page) -> None:
    for channel in page.locator("input[name=channel]").all():
        channel.set_checked(channel.get_attribute("value") == "sms")
    page.locator("#publish").click()
    expect(page.locator("#state")).to_be_visible()


def resolved() -> Counter[int]:
    """Who is written to by the newest alert, and how often."""
    alert = asked.number("SELECT max(id) FROM alerts")
    factories.resolve(alert, datetime.now(UTC))
    rows = asked.rows(
        """SELECT c.subscriber_id FROM deliveries d JOIN contacts c ON c.id = d.contact_id
            WHERE d.alert_id = :alert AND d.state IN ('queued', 'held')""",
        alert=alert,
    )
    return Counter(row.subscriber_id for row in rows)
