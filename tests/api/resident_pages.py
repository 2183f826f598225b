"""A city in which the pages of residents have something of everything to show, and one resident with all of it."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import httpx
from shapely.geometry import box
from sqlalchemy import text
from sqlalchemy.orm import Session

from api.resident import session
from notify.alerts import lifecycle
from notify.city import geocoder
from notify.core import crypto
from notify.core.db import transaction
from notify.core.settings import settings
from notify.delivery.requests import EVERYTHING, unsubscribe_url
from notify.models import Contact, Suppression, Topic
from notify.subscribers import (
    address_checks,
    addresses,
    choices,
    consent,
    conversations,
    entering,
    joining,
    own,
    place_checks,
)
from notify.subscribers.choices import Chosen
from notify.subscribers.entering import Entry
from notify.subscribers.wishes import Wish
from tests import factories
from tests.api import asked, joins
from tests.api.test_pages import launched
from zones.addresses.readings import HouseNumber
from zones.addresses.rows import AddressRow

PHONE, MAIL, BOUNCED = "+12155550198", "ana@example.org", "ana.old@example.org"
STRANGER = "joaquin.de.la.fuente.y.montenegro@a-rather-long-domain.example.org"
TWO_STREETS, ONE_STREET, BESIDE = "150 5th St", "102 Goldfinch St", "7 Brook Rd, 19401"
NEIGHBOURS = "Brook County=https://brook.example.org/alerts 19401 5,5,6,6"


@dataclass(frozen=True)
class Town:
    """Numbers of alerts, and paths of links that were sent to somebody."""

    tornado: int
    update: int
    cancelled: int
    exercise: int
    waiting: str
    join_link: str
    unsubscribe: str
    unsubscribe_all: str
    confirm: str
    still: str


def town(door: httpx.Client) -> Town:
    """`door` gets the cookie of the resident's page besides those that it has."""
    now = datetime.now(UTC)
    joins.city_that_sends()
    _streets(now)
    ana = _ana(now)
    cancelled, tornado, update, exercise = _alerts(now)
    joins.begin(door, "+12155550188", address=ONE_STREET)
    join_link = joins.sent_link()
    with transaction() as s:
        waiting = joining.begin(s, STRANGER, None, language="en", words="", network="x", now=now)
        mail = ana.mail or 0
        wish = Wish(0.5, 0.5, "Home", ONE_STREET, 0.0)
        entering.enter(s, Entry(STRANGER, wish, list(Topic), "en", "call"), now, factories.operator(s, now=now))
        bob = factories.resident(s, phone=None, email="bob@example.org", now=now - timedelta(days=500))
        sealed = {"a": crypto.seal(ONE_STREET, "address"), "who": bob.id}
        s.execute(text("UPDATE places SET address_sealed = :a WHERE subscriber_id = :who"), sealed)
        address_checks.ask_due(s, now, 10)
    with transaction() as s:
        confirm = str(conversations.read(s, "email", addresses.index("email", STRANGER), now).kept["place"])
        still = str(conversations.read(s, "email", addresses.index("email", bob.email), now).kept["place"])
    token = session.token(session.Resident(ana.id, ana.sms or 0), now)
    door.cookies.set(session.name(), token, domain="127.0.0.1")
    made = [unsubscribe_url(settings(), mail, topic) for topic in ("flood", EVERYTHING)]
    links = [join_link, *made, confirm, "/" + still.rpartition("\n")[2].split("/", 3)[-1]]
    paths = [link.removeprefix(settings().public_url) for link in links]
    return Town(tornado, update, cancelled, exercise, f"/join/{waiting}", *paths)


def _streets(now: datetime) -> None:
    with transaction() as s:
        factories.zone(s, "Riverside", box(0, 0, 1, 1), now=now)
        houses = [AddressRow(HouseNumber(100 + 2 * n), "Goldfinch St", "", "Tocsin", "19107", 0.5, 0.5)
                  for n in range(9)]  # fmt: skip
        both = [AddressRow(HouseNumber(150), street, "", "Tocsin", "", 0.5, 0.5) for street in ("N 5th St", "S 5th St")]
        geocoder.keep_addresses(s, [*houses, *both], "a test", now, confirmed=True)


def _ana(now: datetime) -> factories.Resident:
    """A phone that gets all, an email that left a topic, an email that bounces; a place of each kind; all choices."""
    with transaction() as s:
        ana = factories.resident(s, phone=PHONE, email=MAIL, topics=("storm", "snow", "flood"), now=now)
        _bounced_mail(s, ana.id, now)
        consent.opt_out(s, "email", ana.mail or 0, how="a test", now=now, topic=Topic.STORM)
        for lon, label, address, sought in (
            (0.6, "Work", ONE_STREET, False),
            (0.7, "My parents' flat", "9 Nowhere Lane", True),
            (0.8, "The school of the children", "Old Mill", True),
        ):
            own.place(s, ana.id, Wish(lon, 0.5, label, address, 500.0, "map", is_unknown=sought), now)
        chosen = Chosen(choices.hours("own", "22:00", "07:00"), "", 3, (now + timedelta(days=9)).date())
        choices.choose(s, ana.id, chosen, now)
        choices.set_lowest(s, ana.id, {ana.sms or 0: 3})
    with transaction() as s:
        last = asked.number("SELECT max(id) FROM places")
        place_checks.refuse(s, last, "There is no such street.", now, factories.operator(s, now=now))
    return ana


def _bounced_mail(s: Session, subscriber_id: int, now: datetime) -> None:
    index = addresses.index("email", BOUNCED)
    s.add(
        Contact(
            subscriber_id=subscriber_id, channel="email", address_index=index, created_at=now, verified_at=now,
            address_sealed=crypto.seal(BOUNCED, "email"),
        )
    )  # fmt: skip
    s.add(Suppression(channel="email", address_index=index, reason="hard-bounce", at=now))
    s.flush()


def _alerts(now: datetime) -> tuple[int, int, int, int]:
    """In force are a tornado and an update of a flood; another one was cancelled, one was an exercise, one is over.
    Some of their messages came, some did not, some wait."""
    with transaction() as s:
        cancelled = factories.alert_ready(s, channels=("sms", "email"), now=now, blanks={"hazard": "wind"}).id
        lifecycle.launch(s, cancelled, None, now)
        lifecycle.cancel(s, cancelled, factories.operator(s, now=now), now)
    long_ago = now - timedelta(days=2)
    factories.alert_resolved(event="snow", channels=("sms", "email"), now=long_ago, expires_at=now - timedelta(days=1))
    asked.do("UPDATE alerts SET state = 'expired', finished_at = now() WHERE expires_at < now()")
    flood = factories.alert_resolved(channels=("sms", "email"), now=now, blanks={"hazard": "flood"})
    thread = asked.number("SELECT incident_id FROM alerts WHERE id = :id", id=flood)
    update = launched(now, incident=thread, phase="update", blanks={"hazard": "flood"})
    tornado = factories.alert_resolved(channels=("sms", "email"), now=now, blanks={"hazard": "tornado"})
    factories.alert_resolved(event="snow", channels=("sms", "email"), now=now)
    exercise = factories.alert_resolved(channels=("sms", "email"), now=now, status="Exercise")
    asked.do(
        """UPDATE deliveries SET sent_at = now(), settled_at = now(), reason = CASE WHEN id % 2 = 0 THEN '30005' END,
                  state = CAST(CASE WHEN id % 2 = 0 THEN 'undelivered' ELSE 'delivered' END AS delivery_state)
            WHERE alert_id = ANY (:some) AND state = 'queued'""",
        some=[flood, exercise],
    )
    return cancelled, tornado, update, exercise
