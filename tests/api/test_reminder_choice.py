"""Reminders of collections: chosen and ended on a resident's own page, and by an agent for a caller."""

from datetime import UTC, datetime

import httpx
import pytest

from notify.core.db import transaction
from notify.service311.reminders import wishes
from notify.subscribers import holdings
from tests.api import asked, joins
from tests.api.joins import form, join
from tests.notify.service311 import days


@pytest.fixture(autouse=True)
def _a_city_that_sends(database: str) -> None:
    joins.city_that_sends()


def wish() -> tuple[int, str] | None:
    with transaction() as s:
        found = wishes.of(s, asked.number("SELECT max(id) FROM subscribers"))
    return (found.hour, found.channel) if found else None


def test_a_resident_chooses_an_hour_changes_it_and_ends_it(door: httpx.Client) -> None:
    join(door)
    assert "Remind me" not in door.get("/me?lang=en").text, "no days are published"
    days.settle(datetime.now(UTC))
    page = door.get("/me?lang=en").text
    shown = "will text you the evening before each collection at your places, at the hour that you choose"
    assert shown in page
    assert "By email" not in page, "they have none"
    for hour in (20, 18):
        answer = form(door, "/me/reminders?lang=en", hour=hour, channel="sms")
        assert answer.headers["location"] == "/me?lang=en&saved=yes"
        assert wish() == (hour, "sms")
    assert "You get a text the evening before each collection at your places, from 6:00 PM on." in door.get("/me").text
    agreed = asked.rows("SELECT words, how FROM consents WHERE topic = 'collection' ORDER BY id DESC LIMIT 1")
    assert shown in agreed[0].words
    assert agreed[0].how == "their own page on the web"
    with transaction() as s:
        held = holdings.read(s, asked.number("SELECT max(id) FROM subscribers"), datetime.now(UTC))
    assert held["reminder_wishes"][0]["hour"] == 18
    for _ in range(2):
        assert form(door, "/me/reminders/stop").status_code == 303
    assert wish() is None


@pytest.mark.parametrize(
    ("fields", "status"), [({"hour": 9}, 422), ({"channel": "email"}, 409), ({"channel": "x"}, 422)]
)
def test_what_cannot_be_is_refused_on_the_page(door: httpx.Client, fields: dict[str, object], status: int) -> None:
    days.settle(datetime.now(UTC))
    join(door)
    answer = form(door, "/me/reminders?lang=en", **({"hour": 19, "channel": "sms"} | fields))
    assert answer.status_code == status
    assert 'role="alert"' in answer.text
    assert wish() is None


def test_the_page_of_an_address_leads_to_them(door: httpx.Client) -> None:
    days.settle(datetime.now(UTC))
    assert '<a href="/me?lang=en#days">' in form(door, "/collections?lang=en", place="0.5 0.5 120 Main St").text
