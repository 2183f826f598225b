"""The pictures in docs/311.md: `make screenshots` makes them anew, from a training city on a busy day.

It is not collected with the tests. The application runs in this process, and a page that does not load fails the run.
"""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, Page
from shapely.geometry import Point
from sqlalchemy import text
from sqlalchemy.orm import Session

from notify import training
from notify.alerts import lifecycle
from notify.city import zones as city_zones
from notify.core.db import transaction
from notify.core.settings import settings
from notify.models import Alert, Operator
from notify.service311 import calendars, editions, rule_store
from notify.service311.calls import proposals
from notify.service311.outages import acting
from notify.service311.reminders import wishes
from notify.service311.rules import DayException
from notify.service311.snow import declaring
from notify.service311.snow.rules import OTHERS, ROUTES, Ban, Phase
from notify.subscribers import consent, enrolling
from notify.subscribers.enrolling import Applicant
from notify.subscribers.wishes import Wish
from notify.training.blocks import houses
from notify.training.city import TrainingCity
from tests import factories
from tests.api import asked
from tests.api.conftest import at_desk, door, public_url, served
from tests.browser.pictures import take
from zones.addresses.rows import AddressRow

__all__ = ["at_desk", "door", "public_url", "served"]

RESIDENTS = 2_000
PHONE, MAIL = "+12155550142", "maria.lopez@example.org"
HOUR = timedelta(hours=1)
# Calls of today by reason; two thirds of them are of one zone.
CALLS = {"missed-pickup": 61, "collection-day": 38, "no-power": 24, "snow-parking": 17, "pothole": 9, "bins": 6,
         "illegal-parking": 5, "noise": 3}  # fmt: skip
LOGGED = """INSERT INTO calls (form, reason, zone_id, at)
            SELECT gen_random_uuid(), :reason, CASE WHEN n % 3 > 0 THEN CAST(:zone AS bigint) END,
                   CAST(:now AS timestamptz) - n % 4 * interval '50 minutes'
              FROM generate_series(1, :calls) n"""
USUAL = """INSERT INTO calls (form, reason, zone_id, at)
           SELECT gen_random_uuid(), 'missed-pickup', :zone,
                  CAST(:now AS timestamptz) - make_interval(days => day, mins => n % 50)
             FROM generate_series(1, 90) day, generate_series(1, 3) n"""


SETTLED = """UPDATE deliveries SET claimed_at = :at, sent_at = :at, settled_at = :at, attempts = 1, state = 'delivered'
              WHERE alert_id = :alert AND state = 'queued'"""


@pytest.fixture
def zone(door: httpx.Client) -> str:
    """The zone whose trash is late today. The city has a busy day."""
    now = datetime.now(UTC)
    training.settle(RESIDENTS, now)
    today = calendars.today(now)
    day = today if today.weekday() < 5 else today + timedelta(days=7 - today.weekday())
    zone = f"{day:%A} collection"
    with transaction() as s:
        agent, author, approver = (factories.operator(s, role, now=now) for role in ("agent", "author", "approver"))
        number = city_zones.find(s, f"collection:{zone}").zone.id
        late = DayException(day, "Streets", "A truck broke down", str(number), "trash", day + timedelta(days=2))
        rule_store.add_exception(s, late, now, agent)
        editions.publish(s, "A truck broke down", now)
        week = timedelta(days=7)
        works = DayException(
            day + week, "Streets", "Work on Mill Street", str(number), "trash", day + week + timedelta(days=1)
        )
        rule_store.add_exception(s, works, now, agent)
        snow(s, author, approver, now)
        outages(s, author, approver, home(zone)[1], now)
        calls(s, number, now)
    return zone


def home(zone: str) -> tuple[AddressRow, str]:
    """A house in a collection zone, and its neighborhood."""
    plan = TrainingCity()
    shapes = {(one.kind, one.name): one.geometry for one in plan.zones()}
    house = next(one for one in houses(plan) if shapes["collection", zone].contains(Point(one.lon, one.lat)))
    there = [
        name for (kind, name), shape in shapes.items()
        if kind == "neighbourhood" and shape.contains(Point(house.lon, house.lat))
    ]  # fmt: skip
    return house, there[0]


def snow(s: Session, author: Operator, approver: Operator, now: datetime) -> None:
    evening = now.replace(minute=0, second=0, microsecond=0) + 4 * HOUR
    phases = (Phase(evening, evening + 12 * HOUR, (Ban(ROUTES),)),
              Phase(evening + 12 * HOUR, evening + 22 * HOUR, (Ban(OTHERS, "even"),)))  # fmt: skip
    instead = {"en": "City garages are free until noon.", "es": "Los garajes de la ciudad son gratis hasta mediodía."}
    send(s, declaring.declare(s, phases, "+12155550124", instead, author, now, settings()), approver, now)


def outages(s: Session, author: Operator, approver: Operator, out: str, now: datetime) -> None:
    for utility, where, begins, back in (("power", training.ZONE, None, 3), ("water", "Kingfisher", 40, 44)):
        report = acting.Report(
            utility,
            acting.Where([f"neighbourhood:{where}"]),
            now + begins * HOUR if begins else None,
            now + back * HOUR,
        )
        done = acting.report(s, report, author, now - timedelta(minutes=40), settings())
        assert done.alert is not None
        send(s, done.alert, approver, now)


def send(s: Session, alert: Alert, approver: Operator, now: datetime) -> None:
    allowed = settings().model_copy(update=factories.CREDENTIALS)
    lifecycle.approve(s, alert.id, approver, now, allowed)
    lifecycle.launch(s, alert.id, None, now)


def calls(s: Session, zone: int, now: datetime) -> None:
    s.execute(text(USUAL), {"zone": zone, "now": now})
    for reason, number in CALLS.items():
        s.execute(text(LOGGED), {"reason": reason, "zone": zone, "calls": number, "now": now})
    proposals.scan(s, now)


@pytest.fixture
def caller(zone: str) -> int:
    """A resident of the zone, who was told of the outage."""
    now = datetime.now(UTC)
    house, _ = home(zone)
    address = f"{house.number} {house.street}"
    with transaction() as s:
        wish = Wish(house.lon, house.lat, "Home", address)
        who = Applicant("sms", PHONE, "en", "", consent.BY_WEB)
        joined = enrolling.enrol(s, who, wish, now)
        enrolling.add_contact(s, Applicant("email", MAIL, "en", "", consent.BY_WEB), joined.subscriber_id, now)
        wishes.wish(s, joined.subscriber_id, 19, "sms", now, how=consent.BY_WEB)
    for row in asked.rows("SELECT id FROM alerts WHERE state = 'sending' ORDER BY id"):
        factories.resolve(row.id, now)
        asked.do(SETTLED, alert=row.id, at=now)
    return joined.subscriber_id


At = Callable[[str], Page]


@pytest.fixture
def at(browser: Browser, door: httpx.Client, at_desk: Callable[[str], httpx.Client]) -> Iterator[At]:
    """`at("agent")`: a page of somebody of this role."""
    contexts: list[BrowserContext] = []

    def sit(role: str) -> Page:
        at_desk(role)
        context = browser.new_context(base_url=str(door.base_url), viewport={"width": 1280, "height": 860})
        context.set_default_timeout(60_000)
        for name, value in door.cookies.items():
            context.add_cookies([{"name": name, "value": value, "url": str(door.base_url)}])
        contexts.append(context)
        return context.new_page()

    yield sit
    for context in contexts:
        context.close()


def test_take_pictures(at: At, zone: str, caller: int) -> None:
    agent = at("agent")
    number = asked.number("SELECT id FROM zones WHERE kind = 'collection' AND name = :name", name=zone)
    for name, path in (
        ("desk", f"/desk/residents/{caller}"),
        ("strip", "/desk/calls"),
        ("rules", "/desk/rules"),
        ("collections", f"/collections/zones/{number}"),
    ):
        shot(agent, name, path)
    agent.goto("/desk/calls")
    agent.locator("main h1").evaluate("(one) => scrollTo(0, one.getBoundingClientRect().top - 24)")
    shot(agent, "calls")
    agent.goto("/desk/notices")
    agent.get_by_role("link", name="Christmas Day").first.click()
    shot(agent, "notice")
    agent.goto("/desk/notices/storm")
    for one in ("Wednesday collection", "Thursday collection"):
        agent.get_by_label(one).check()
    agent.locator("#last").fill(f"{calendars.today(datetime.now(UTC)) + timedelta(days=6)}")
    agent.locator("#cause").select_option("snow")
    agent.locator("button[value=look]").click()
    shot(agent, "storm")
    author = at("author")
    shot(author, "snow", "/desk/snow")
    shot(author, "outages", "/desk/outages")


def shot(page: Page, name: str, path: str = "") -> None:
    if path:
        answer = page.goto(path)
        assert answer is not None
        assert answer.ok, f"{path}: {answer.status}"
    page.wait_for_load_state("networkidle")
    take(page, name)
