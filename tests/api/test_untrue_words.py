"""What pages and replies must not say, because it is not so."""

from datetime import UTC, datetime, timedelta

import httpx
import pytest
from sqlalchemy import text

from notify.alerts.public import verifying
from notify.channels.contract import Inbound
from notify.core.db import transaction
from notify.inbound import messages
from notify.models import Topic
from notify.subscribers import addresses, consent, conversations, entering, wishes
from tests import factories
from tests.api import asked, joins
from tests.api.joins import HOME, MAIL, PHONE, begin, form, join, sent_code
from tests.owner import as_owner


@pytest.fixture(autouse=True)
def _a_city_that_sends(database: str) -> None:
    joins.city_that_sends()


def status(reference: str) -> str:
    with transaction() as s:
        said = messages.receive(s, "twilio", Inbound(PHONE, "+15555550100", "STATUS", reference), datetime.now(UTC))
    return said.text or ""


def test_status_names_no_danger_that_is_over_at_the_place(door: httpx.Client) -> None:
    now = datetime.now(UTC)
    with transaction() as s:
        factories.zone(s, "Harbor", factories.square(1, 0))
    join(door)  # in Riverside
    first = factories.alert_resolved(now=now, zones=("Riverside", "Harbor"))
    assert f"/alerts/{first}" in status("A")
    with transaction() as s:
        incident = s.execute(text("SELECT incident_id FROM alerts WHERE id = :id"), {"id": first}).scalar_one()
    later = now + timedelta(seconds=1)
    factories.alert_resolved(now=later, zones=("Riverside",), phase="all-clear", incident=incident)
    assert asked.rows("SELECT left_in FROM standings WHERE alert_id = :first", first=first) == [(["Harbor"],)]
    assert "/alerts/" not in status("B")


ADDED = " Shelters: water.example.org/list. Stay 1.5 miles away, below 20-30 °F."


@pytest.mark.parametrize(
    ("was", "became"),
    [
        ("water.example.org", "water-example.org"),
        ("water.example.org/list", "water.example.org/lists"),
        ("example.org/list", "example.orglist"),
        ("1.5 miles", "15 miles"),
        ("20-30", "2030"),
    ],
)
def test_other_numbers_and_addresses_are_not_the_citys_words(database: str, was: str, became: str) -> None:
    number = factories.alert_launched(now=datetime.now(UTC))
    as_owner("SET session_replication_role = replica", f"UPDATE contents SET text = text || '{ADDED}'")
    with transaction() as s:
        sent = verifying.find(s, number)
    assert sent is not None
    said = sent.words["sms", "en"].text
    for copy in (said, said.replace("20-30", "20\N{EN DASH}30"), said.replace(". ", ".\n"), said.upper()):
        assert verifying.compare(sent, copy) == verifying.Verdict.SAME
    assert verifying.compare(sent, said.replace(was, became)) == verifying.Verdict.OTHER


@pytest.mark.parametrize("change", ["UPDATE contents SET language = 'de'", "DELETE FROM contents"])
def test_words_that_are_lost_take_no_page_away(door: httpx.Client, change: str) -> None:
    for _ in range(2):
        factories.alert_launched(now=datetime.now(UTC))
    others = "DELETE FROM contents WHERE language <> 'en'"
    as_owner("SET session_replication_role = replica", others, change)
    for path in ("/", "/alerts", "/alerts/past", "/feeds/active.atom", "/feeds/recent.json", "/alerts/1", "/alerts/2"):
        assert door.get(path).status_code == 200, path
    alarms = asked.number("SELECT count(*) FROM alarms WHERE kind = 'unreadable-row'")
    assert (alarms > 0) is change.startswith("DELETE")


def test_whoever_has_stopped_a_question_by_email_is_not_signed_up_by_its_button(door: httpx.Client) -> None:
    now = datetime.now(UTC)
    entry = entering.Entry(MAIL, wishes.Wish(0.4, 0.4, "Home", "7 Main St"), [Topic.STORM], "en", "event")
    with transaction() as s:
        entering.enter(s, entry, now, factories.operator(s, "agent"))
        link = str(conversations.read(s, "email", addresses.index("email", MAIL), now).kept["place"])
        consent.opt_out(s, "email", MAIL, how=consent.BY_LINK, now=now)
    pressed = form(door, link.removeprefix(str(door.base_url).rstrip("/")))
    assert pressed.status_code == 409
    assert "stopped" in pressed.text
    assert asked.number("SELECT count(*) FROM contacts WHERE verified_at IS NOT NULL") == 0


def test_the_same_place_with_a_wider_circle_gets_the_wider_one(door: httpx.Client) -> None:
    join(door)
    for radius in ("2000", "500"):
        assert form(door, "/me/places", place=HOME, radius=radius, label="Home").status_code == 303
        assert asked.rows("SELECT radius_m FROM places") == [(2000.0,)]


def test_a_nul_in_the_name_of_a_place_is_dropped(door: httpx.Client) -> None:
    page = begin(door, label="my\0flat", place=f"{HOME}\0")
    assert form(door, f"{page}?lang=en", code=sent_code()).status_code == 303
    assert asked.rows("SELECT label FROM places") == [("my flat",)]
