"""The desk in quiet hours: what waits for the morning is not said to be sent, to whomever it goes."""

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from notify.alerts import arrivals, lifecycle
from notify.core.db import transaction
from notify.core.settings import settings
from notify.delivery import sender_pool
from tests import factories
from tests.api import asked, quiet
from tests.api.joins import PHONE
from tests.api.test_desk import found, words
from tests.api.test_desk_sign_up import begin, enter
from tests.notify.city.geocoder import town
from tests.notify.service311 import days
from tests.owner import as_owner

Desk = Callable[[str], httpx.Client]
HOUSE = days.NORTH


@pytest.fixture
def night(database: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Quiet hours that last two more hours; their end as a page writes it."""
    yield f"{quiet.begin(monkeypatch, 2):%-I:%M}"
    settings.cache_clear()


@pytest.fixture
def agent(night: str, at_desk: Desk) -> httpx.Client:
    """A snow alert, which is routine, was launched in North tonight; one resident lives there."""
    now = datetime.now(UTC)
    town.settle(houses=[town.house("120", "MAIN ST", *HOUSE)])
    days.settle(now)
    with transaction() as s:
        factories.sender(s, "twilio", now=now)
        factories.sender(s, "sendgrid", now=now)
        factories.resident(s, phone=PHONE, at=(HOUSE,), topics=("snow",), now=now)
    sender_pool.read_anew()
    factories.alert_resolved(now=now, event="snow", zones=["North"])
    return at_desk("agent")


def pages(agent: httpx.Client) -> dict[str, str]:
    """Every page of the desk that speaks of the alert."""
    number, north = (
        asked.number("SELECT max(id) FROM alerts"),
        asked.number("SELECT id FROM zones WHERE name = 'North'"),
    )
    return {
        "what is new": words(agent.get("/desk").text),
        "its code": found(agent, f"alert {number}"),
        "its zone": words(agent.get(f"/desk/zones/{north}").text),
        "an address": found(agent, "120 Main St", place=f"{HOUSE[0]} {HOUSE[1]} 120 Main St"),
        "a caller": found(agent, PHONE),
    }


def test_an_alert_that_waits_for_the_morning_is_nowhere_said_to_be_sent(agent: httpx.Client, night: str) -> None:
    for where, shown in pages(agent).items():
        assert "Not sent yet. Launched" in shown, where
        assert re.search(rf"go out at (\d+ \w+, )?{night}", shown), where
        assert "Sent " not in shown, where


def test_once_some_have_it_the_others_are_said_to_wait(agent: httpx.Client, night: str) -> None:
    with transaction() as s:
        factories.resident(s, phone="+12155550177", at=(HOUSE,), topics=("snow",), now=datetime.now(UTC))
    as_owner("""WITH one AS (INSERT INTO batches (alert_id, channel, language, lane, ordinal, size, state)
                             SELECT alert_id, channel, language, lane, 9, 1, 'done' FROM batches RETURNING id, alert_id)
                INSERT INTO deliveries (alert_id, contact_id, batch_id, state, sent_at)
                SELECT alert_id, (SELECT max(id) FROM contacts), id, 'accepted', now() FROM one""")
    for where, shown in pages(agent).items():
        assert "Not to all yet" in shown, where
        assert re.search(rf"go out at (\d+ \w+, )?{night}", shown), where
        assert "Not sent yet" not in shown, where


def test_an_alert_that_ends_before_the_morning_is_said_to_go_to_nobody_and_one_that_went_to_be_sent(
    agent: httpx.Client,
) -> None:
    as_owner("UPDATE batches SET held_until = (SELECT max(expires_at) FROM alerts)")
    assert "they will not go out" in words(agent.get("/desk").text)
    as_owner("UPDATE batches SET state = 'waiting'")
    as_owner("UPDATE deliveries SET state = 'accepted', sent_at = now()")
    shown = words(agent.get("/desk").text)
    assert "Not sent yet" not in shown
    assert "Sent " in shown


def test_a_post_on_a_timeline_tells_no_resident(agent: httpx.Client, night: str) -> None:
    as_owner(
        "SET LOCAL session_replication_role = replica",
        """INSERT INTO contacts (timeline_of, language, channel, address_index, address_sealed, verified_at, created_at)
           SELECT id, 'en', 'social', decode(repeat('07', 32), 'hex'), 'x', now(), now() FROM senders LIMIT 1""",
        """INSERT INTO contents (alert_id, channel, language, subject, text, html, cost)
           SELECT alert_id, 'social', language, '', 'x', '', 1 FROM batches LIMIT 1""",
        """WITH one AS (INSERT INTO batches (alert_id, channel, language, lane, ordinal, size, state)
                        SELECT alert_id, 'social', language, lane, 9, 1, 'done' FROM batches LIMIT 1
                        RETURNING id, alert_id)
           INSERT INTO deliveries (alert_id, contact_id, batch_id, state, sent_at)
           SELECT alert_id, (SELECT max(id) FROM contacts), id, 'accepted', now() FROM one""",
    )
    for where, shown in pages(agent).items():
        assert "Not sent yet. Launched" in shown, where
        assert "Not to all yet" not in shown, where


def test_what_ended_while_it_was_held_is_not_said_to_be_sent(agent: httpx.Client) -> None:
    as_owner("SET LOCAL session_replication_role = replica",
             "UPDATE alerts SET state = 'expired', expires_at = now() - interval '1 minute',"
        " created_at = now() - interval '1 hour'",
             "UPDATE batches SET state = 'done'",
             "UPDATE deliveries SET state = 'expired'")  # fmt: skip
    shown = words(agent.get(f"/desk/alerts/{asked.number('SELECT max(id) FROM alerts')}").text)
    assert "Nothing of it went out to residents." in shown
    assert "Sent " not in shown


def test_what_was_taken_back_before_the_morning_is_not_said_to_be_sent(agent: httpx.Client) -> None:
    as_owner("UPDATE batches SET state = 'done'")
    as_owner("UPDATE deliveries SET state = 'cancelled'")
    as_owner("UPDATE alerts SET state = 'cancelled'")
    shown = words(agent.get(f"/desk/alerts/{asked.number('SELECT max(id) FROM alerts')}").text)
    assert "taken back: what had not gone out by then was not sent." in shown
    assert "Sent " not in shown


def test_an_alert_planned_for_tonight_is_said_to_wait_for_the_morning(agent: httpx.Client, night: str) -> None:
    now = datetime.now(UTC)
    with transaction() as s:
        planned = factories.alert_ready(
            s, event="snow", zones=["South"], now=now, launch_at=now + timedelta(minutes=20)
        )
        lifecycle.launch(s, planned.id, None, now)
    shown = words(agent.get("/desk").text)
    assert "Not sent yet. To be launched" in shown
    assert re.search(rf"go out at (\d+ \w+, )?{night}", shown)


def test_the_outage_page_says_that_its_message_waits(agent: httpx.Client, at_desk: Desk, night: str) -> None:
    with transaction() as s:
        outage = factories.outage(s, factories.square(0, 0), now=datetime.now(UTC))
    as_owner("UPDATE outage_steps SET alert_id = (SELECT min(id) FROM alerts)")
    shown = words(at_desk("author").get(f"/desk/outages/{outage}").text)
    assert "Not sent yet." in shown
    assert "Residents were told last" not in shown


def test_the_screen_of_a_caller_speaks_of_them_and_not_of_the_agent(agent: httpx.Client, night: str) -> None:
    shown = found(agent, PHONE)
    assert "These are their quiet hours: it goes out when they end." in shown
    assert re.search(rf"it goes out when they end. That is at (\d+ \w+, )?{night}", shown)
    as_owner("UPDATE deliveries SET state = 'skipped', reason = 'opt-out'")
    shown = found(agent, PHONE)
    assert "It was not sent to them. They had stopped these messages." in shown
    assert "sent to you" not in shown


def test_who_is_signed_up_at_night_is_said_to_get_what_is_in_force_in_the_morning(
    agent: httpx.Client, night: str
) -> None:
    place = f"{HOUSE[0]} {HOUSE[1]} 120 Main St"
    form = begin(agent, "+12155550188", place=place, topic=["snow"])
    done = enter(agent, form).headers["location"]
    shown = words(agent.get(done).text)
    assert re.search(rf"goes to them, too: Snow[^:]*: they will get it at (\d+ \w+, )?{night}", shown), shown[:1500]
    assert "They signed up after it was sent." not in shown
    with transaction() as s:
        arrivals.tell(s, datetime.now(UTC))
    as_owner("""UPDATE deliveries SET state = 'held', reason = 'quiet-hours' WHERE state = 'queued'""")
    as_owner("UPDATE batches SET held_until = (SELECT max(held_until) FROM batches) WHERE held_until IS NULL")
    shown = words(agent.get(done).text)
    assert re.search(rf"goes to them, too: Snow[^:]*: they will get it at (\d+ \w+, )?{night}", shown), shown[:1500]
    as_owner("UPDATE deliveries SET state = 'accepted', sent_at = now(), reason = NULL")
    assert "it was sent just now." in words(agent.get(done).text)


def test_who_is_signed_up_by_day_or_wants_other_topics_is_told_what_comes(
    agent: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = f"{HOUSE[0]} {HOUSE[1]} 120 Main St"
    other = enter(agent, begin(agent, "+12155550199", place=place, topic=["water"])).headers["location"]
    assert "goes to them, too" not in words(agent.get(other).text), "they did not choose snow"
    monkeypatch.setenv("TOCSIN_QUIET_HOURS", "off")
    settings.cache_clear()
    done = enter(agent, begin(agent, "+12155550188", place=place, topic=["snow"])).headers["location"]
    assert "they will get it within seconds." in words(agent.get(done).text)
