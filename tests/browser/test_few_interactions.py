"""From a template to the launch in at most twelve interactions: each press, and each field filled in, counts."""

from datetime import datetime, timedelta

import pytest
from playwright.sync_api import expect

from notify.accounts import roster
from notify.core.db import transaction
from notify.core.settings import settings
from tests import factories
from tests.api import asked
from tests.api.conftest import at_desk, city, door, public_url, served
from tests.api.test_approvals import credentials
from tests.browser.conftest import AtBrowser

__all__ = ["at_desk", "city", "credentials", "door", "public_url", "served"]
MOST = 12


@pytest.fixture
def on_duty(city: datetime, credentials: None) -> datetime:
    with transaction() as s:
        factories.sender(s, now=city)
        by = factories.operator(s, "approver", now=city)
        deputy = factories.operator(s, "admin", now=city)
        roster.plan(s, by.email, deputy.email, city, city + timedelta(hours=6), deputy, city)
    return city


@pytest.mark.long
def test_a_routine_notice_by_its_author_alone(on_duty: datetime, sit: AtBrowser) -> None:
    author = sit("approver")  # the role of those who may approve what they wrote, if it is routine
    author.go("/console")
    author.begin("snow issue")
    author.choose("rule", "routes")
    author.say("starts", f"{on_duty.astimezone(settings().tz) + timedelta(hours=2):%Y-%m-%dT%H:%M}")
    author.tick_zone("Riverside")
    author.review()
    author.approve()
    author.launch()
    expect(author.page.locator("#standing .state-sending")).to_be_visible()
    assert asked.number("SELECT count(*) FROM audit WHERE action = 'launch'") == 1
    assert author.hands.did <= MOST


def test_an_emergency_by_two_people(on_duty: datetime, sit: AtBrowser) -> None:
    author, approver = sit("author"), sit("approver")
    author.go("/console")
    author.begin("storm issue")
    author.choose("hazard", "tornado")
    author.tick_zone("Riverside")
    alert = author.review()
    approver.open_waiting(alert)
    approver.approve(approver.messages())
    approver.launch()
    expect(approver.page.locator("#standing .state-sending")).to_be_visible()
    assert author.hands.did + approver.hands.did <= MOST
