"""Every page that we serve, with what it can show: for tests of how pages are built."""

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from uuid import uuid4

import httpx
import pytest
from shapely.geometry import box
from sqlalchemy import select

from api.resident import session
from notify.accounts import links, operators
from notify.alerts import claims, incidents, lifecycle, warn_requests
from notify.alerts.practice import drills
from notify.alerts.words import word_versions
from notify.alerts.words.word_versions import Written
from notify.alerts.writing import working_drafts, working_start
from notify.alerts.writing.working_drafts import Change
from notify.core import alarms
from notify.core.db import transaction
from notify.core.settings import settings
from notify.delivery import sender_pool
from notify.delivery.requests import unsubscribe_url
from notify.models import OutsideFeed
from notify.outside.messages import Words
from notify.service311.answers import store as answers
from notify.service311.outages import acting, reports
from notify.service311.outages.acting import Report, Where
from notify.subscribers import consent, joining
from tests import factories
from tests.api import asked
from tests.api.people import joined
from tests.notify.service311 import days

OWN_WORDS = "{{ city }}: {{ utility.back }} in {{ area }}. {{ utility.again }} Questions: {{ help_contact }}."


@pytest.fixture
def signed_in(at_desk: Callable[[str], httpx.Client]) -> None:
    at_desk("admin")


@pytest.fixture
def unsubscribe_link(door: httpx.Client, city: datetime) -> str:
    with transaction() as s:
        person = factories.resident(s, email="maria.lopez@example.org", now=city)
    assert person.mail is not None
    return unsubscribe_url(settings(), person.mail, "storm").removeprefix(str(door.base_url).rstrip("/"))


@pytest.fixture
def paths(
    door: httpx.Client, city: datetime, at_desk: Callable[[str], httpx.Client], unsubscribe_link: str
) -> list[str]:
    """Those of alerts in each state of their lives, with an alarm ringing, for an admin who has an app to replace."""
    joined("admin@tocsin.example.org")
    at_desk("admin")
    with transaction() as s:
        factories.scenario_zones(s, "storm", now=city)
        drills.start(s, "storm", factories.operator(s), city, uuid4())
        factories.alert_draft(s, zones=["Saltmarsh"], now=city + timedelta(seconds=75), status="Exercise")
    real = factories.alert_resolved(now=city, channels=("sms", "email", "social"))
    practice = factories.alert_resolved(now=city, channels=("sms", "email"), status="Exercise")
    with transaction() as s:
        draft = factories.alert_draft(s, now=city, status="Test").id
        ready = factories.alert_ready(s, now=city, launch_at=city + timedelta(hours=1)).id
        called_off = factories.alert_ready(s, now=city).id
        lifecycle.launch(s, called_off, None, city)
        lifecycle.cancel(s, called_off, factories.operator(s), city)
        alarms.sound(s, "sender-stopped", "A sender is stopped.", city)
        factories.place_check(s, "9 Nowhere Lane", now=city)
        said = answers.Text("Is the water safe?", "Yes.")
        answers.save(s, answers.Written({"en": said, "es": said}), city, factories.operator(s))
        newcomer = operators.add(s, "newcomer@example.gov", "author", city)
        join = links.make(s, newcomer, "join", city)
        enter = links.make(s, newcomer, "training", city)
        spanish = Words(
            "es-US", "Inundación", "Sube el arroyo", "El agua llega a Mill Street.", "Suba a un lugar alto."
        )
        english = Words("en-US", "Flood <b>Warning</b>", "Water is high", "Water in Mill Street.", "Go to high ground.")
        known = factories.outside_warning(s, factories.square(0, 0), now=city, words=(english, spanish))
        unknown = factories.outside_warning(s, identifier="codes", agency="Weather Service", now=city)
        failing = s.scalars(select(OutsideFeed)).first()
        assert failing is not None
        failing.error, failing.unreadable = "it answers 503", ["brook-2: its time sent, 'now', is not a time"]
    zone = asked.number("SELECT id FROM zones WHERE name = 'Riverside'")
    thread = asked.number("SELECT incident_id FROM alerts WHERE id = :id", id=real)
    with transaction() as s:
        by = factories.operator(s)
        incidents.add_note(s, thread, "The bridge is closed.", uuid4(), by, city)
        for minutes in (30, 1):
            wanted = warn_requests.Asked(
                "Engine 4", "field", "Water rises.", "Mill St", timedelta(minutes=minutes), thread, uuid4()
            )
            warn_requests.take(s, wanted, by, city - timedelta(minutes=10))
        factories.zone(s, "Next Door", box(1, 0, 2, 1), now=city)  # beside the danger, without a message
        for zone_name in ("Riverside", "Next Door"):
            claims.take(s, thread, zone_name, by, city)
    mixed = "UPDATE deliveries SET state = 'undelivered', reason = '30005', sent_at = now() WHERE id % 3 = 0"
    asked.do(mixed + " AND state = 'queued'")
    with transaction() as s:
        author, incident = factories.operator(s, now=city), asked.number("SELECT max(incident_id) FROM alerts")
        empty = working_start.start(s, "snow", "issue", author, city).id
        update = working_start.start(s, "storm", "update", author, city, incident=incident).id
        drawn = {"area": "20,10;21,10;21,11", "area_name": "Out there", "blank.hazard": "wind", f"but.{zone}": "on"}
        for tab in ("one", "other"):  # the second one meets the first
            words = {**drawn, "blank.shelter": f"Library {tab}"}
            working_drafts.save(s, update, {n: Change(v) for n, v in words.items()}, author, city, tab=tab)
    compose = ["/console/compose", f"/console/compose?incident={incident}", "/console/compose/99"]
    compose += [f"/console/compose/{number}" for number in (empty, update)]
    console = [
        *compose,
        "/console",
        "/console/alerts",
        "/console/requests",
        f"/console/outside/{known}",
        f"/console/outside/{unknown}?alert={real}",
        "/console/outside/99",
        f"/console/compose?outside={known}",
        f"/console/incidents/{thread}",
        "/console/map",
        f"/console/map?zone={zone}",
        "/console/roster",
        "/console/drills",
        "/console/sign-in",
        "/console/alerts/99",
    ]
    console += ["/console/audit", "/console/audit?since=tomorow", "/console/audit?operator=nobody"]
    console += [f"/console/alerts/{number}" for number in (draft, ready, real, practice, called_off)]
    console += [
        "/console/senders",
        "/console/policies",
        "/console/load",
        "/console/sign-up",
        "/console/place-checks",
        "/console/coverage",
        "/console/zones",
        f"/console/zones/{zone}",
        "/console/zones/import",
    ]
    with transaction() as s:
        words = {("sms", "en"): Written({"text": OWN_WORDS})}
        word_versions.save(s, "outage", "all-clear", words, 0, "Plainer", factories.operator(s), city, settings())
    console += ["/console/words", "/console/words/storm/issue", "/console/words/outage/all-clear"]
    console += ["/console/words/outage/all-clear/compare?form=sms.en", "/console/words/outage/over"]
    console += [f"/console/alerts/{number}/report" for number in (real, practice)]
    console += [f"/console/incidents/{thread}/report"]
    public = [
        "/",
        "/?lang=es",
        "/alerts",
        "/alerts/past",
        "/parking",
        *(f"/alerts/{number}" for number in (real, practice, called_off)),
        "/alerts/99",
    ]
    console += [
        "/console/operators",
        f"/console/operators/{newcomer.id}",
        f"/console/operators/{newcomer.id}/limits",
        "/console/you",
        "/console/you/passkeys",
        "/console/you/app",
        "/console/you/contacts",
        "/console/prove?next=/console",
        join,
        enter,
        "/desk",
        "/desk/sign-up",
        "/answers",
        "/desk/answers",
        "/desk/answers/new",
        "/desk/answers/1",
        "/desk/calls",
        "/desk/calls/reasons",
        "/desk/requests",
        "/desk/snow",
        "/desk/outages",
        f"/desk/outages/{_outage(city)}",
        "/desk/rules",
        "/desk/rules/holidays",
        "/desk/rules/new",
        "/desk/rules/exception",
        "/desk/tickets",
        "/desk/notices",
        "/desk/notices/storm",
        f"/desk/alerts/{real}",
        f"/desk/zones/{zone}",
        f"/desk/residents/{asked.number('SELECT min(id) FROM subscribers')}",
        *_of_a_notice(door, city),
    ]
    return [*console, *public, *_own_pages(door, city), unsubscribe_link, "/u/forged", "/nowhere"]


def _outage(city: datetime) -> int:
    """An outage with a time, that waits for somebody's approval; a resident has said that service is out."""
    with transaction() as s:
        where = Where(("custom:Riverside",))
        new = Report("power", where, back_at=city + timedelta(hours=4))
        outage = acting.report(s, new, factories.operator(s, now=city), city, settings()).outage.id
        resident = factories.resident(s, at=[(0.5, 0.5)], phone="+12155550178", now=city)
        reports.note(s, outage, resident.id, 0.5, 0.5, city)
        return outage


def _of_a_notice(door: httpx.Client, city: datetime) -> list[str]:
    """A holiday that changes collection days in ten days, and the notice of it, which waits for somebody's approval."""
    today = city.date()
    thursday = today + timedelta(days=10 + (3 - today.weekday() - 10) % 7)
    days.settle(city, [thursday, thursday + timedelta(weeks=52)])
    with transaction() as s:
        factories.resident(s, at=[days.NORTH], topics=["collection"], phone="+12155550177", now=city)
    (holiday, *_) = re.findall(r'href="(/desk/notices/holiday\?key=[^"]+)"', door.get("/desk/notices").text)
    fields = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]+)"', door.get(holiday).text))
    later = {"channel": ["sms", "email"], "when": "later", "on": (today + timedelta(days=2)).isoformat(), "at": "10:00"}
    asked.do("UPDATE operators SET audience_limit = 0 WHERE email = 'admin@tocsin.example.org'")
    answered = door.post("/desk/notices/holiday", data={**fields, **later})
    asked.do("UPDATE operators SET audience_limit = NULL")
    assert answered.status_code == 303, answered.text
    return [holiday, answered.headers["Location"].partition("?")[0]]


def _own_pages(door: httpx.Client, city: datetime) -> list[str]:
    """Where residents join, and the page of one who has stopped one of two contacts."""
    sender_pool.read_anew()
    with transaction() as s:
        waiting = joining.begin(s, "+12155550188", None, language="en", words="", network="", now=city)
        person = factories.resident(s, phone="+12155550199", email="ana@example.org", language="es", now=city)
        assert person.sms is not None
        assert person.mail is not None
        consent.opt_out(s, "email", person.mail, how="a test", now=city)
    door.cookies.set(session.name(), session.token(session.Resident(person.id, person.sms), city), domain="127.0.0.1")
    return ["/join", "/me/sign-in", f"/join/{waiting}", "/j/forged", "/me", "/me?new=yes&saved=yes"]
