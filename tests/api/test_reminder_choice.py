"""Reminders of collections: chosen and ended on a resident's own page, and by an agent for a caller."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from sqlalchemy import text

from notify.core.db import transaction
from notify.core.settings import settings
from notify.models import CollectionNotice
from notify.service311 import calendars
from notify.service311.reminders import wishes
from notify.subscribers import holdings
from tests import factories
from tests.api import asked, joins
from tests.api.joins import form, join
from tests.notify.service311 import days
from tests.notify.service311.reminders import test_news


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


def noticed() -> None:
    """The last resident has a notice that their trash moves; it came yesterday."""
    now = datetime.now(UTC)
    today = calendars.today(now)
    thursday = today + timedelta(days=(3 - today.weekday()) % 7 + 7)
    north = days.settle(now)["North"]
    test_news.move(north, thursday, thursday + timedelta(days=1), now)
    with transaction() as s:
        alert = factories.alert_ready(s, zones=["North"], now=now)
        s.add(
            CollectionNotice(
                kind="holiday", subject="A day", day=thursday, last_day=thursday + timedelta(days=1), edition=2,
                alert_id=alert.id, incident_id=alert.incident_id, parts=[], made_at=now, made_by=alert.created_by,
                remind_days=[thursday + timedelta(days=1)],
            )
        )  # fmt: skip
        s.execute(text("UPDATE alerts SET state = 'sent', launched_at = :then"), {"then": now - timedelta(days=1)})
        s.execute(
            text("""INSERT INTO deliveries (alert_id, contact_id, batch_id, state)
                    SELECT :alert, max(id), 1, 'accepted' FROM contacts WHERE subscriber_id IS NOT NULL"""),
            {"alert": alert.id},
        )


def test_a_reader_of_a_notice_sees_its_reminder_refuses_it_and_reads_that_it_is_off(door: httpx.Client) -> None:
    join(door)
    noticed()
    page = door.get("/me?lang=en").text
    assert "A notice has changed your days. We will remind you of that at 6:00 PM on: Thu" in page
    assert "No more reminders" in page
    assert "Reminders are off" not in page
    assert "le recordaremos eso a las 6:00" in door.get("/me?lang=es").text
    assert form(door, "/me/reminders/stop").status_code == 303
    page = door.get("/me?lang=en").text
    assert "We will remind you of that" not in page
    assert "Reminders are off" in page
    assert "No more reminders" not in page
    form(door, "/me/reminders?lang=en", hour=22, channel="sms")
    assert "Reminders are off" not in door.get("/me?lang=en").text


def test_an_agent_sees_it_and_refuses_it_for_a_caller(
    door: httpx.Client, at_desk: Callable[[str], httpx.Client]
) -> None:
    join(door)
    noticed()
    agent = at_desk("agent")
    home = f"/desk/residents/{asked.number('SELECT max(id) FROM subscribers')}"
    assert "Will be reminded of what a notice changes, at 6:00 PM on: Thu" in agent.get(home).text
    assert agent.post(f"{home}/reminders/stop").status_code == 303
    assert "They want no reminders of collections" in agent.get(home).text
    assert asked.number("SELECT count(*) FROM audit WHERE action = 'reminders-off'") == 1


@pytest.mark.parametrize(
    ("quiet", "says"),
    [("21:00-08:00", "also in your quiet hours, from 9:00 PM to 8:00 AM."), ("00:00-06:00", ""), ("off", "")],
)
def test_the_page_says_that_the_chosen_hour_counts_in_quiet_hours(
    door: httpx.Client, monkeypatch: pytest.MonkeyPatch, quiet: str, says: str
) -> None:
    monkeypatch.setenv("TOCSIN_QUIET_HOURS", quiet)
    settings.cache_clear()
    days.settle(datetime.now(UTC))
    join(door)
    page = door.get("/me?lang=en").text
    assert says in page
    assert ("reminder-quiet" in page) == bool(says)


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
