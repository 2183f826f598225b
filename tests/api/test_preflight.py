"""Before the launch: whether the channels of an alert work, and what is not promised because one does not."""

import re
from collections.abc import Callable
from datetime import datetime, timedelta

import httpx
import pytest

from notify.core.db import transaction
from notify.core.settings import settings
from notify.delivery import sender_status
from notify.operations import tasks
from tests import factories
from tests.api import asked

Desk = Callable[[str], httpx.Client]
Key = Callable[..., dict[str, str]]


@pytest.fixture
def draft(city: datetime) -> int:
    """A storm alert by text and email, which has a sender each."""
    with transaction() as s:
        factories.sender(s, now=city)
        factories.sender(s, "sendgrid", now=city)
        return factories.alert_draft(s, channels=("sms", "email"), now=city).id


def fail(provider: str) -> None:
    """Open the breaker of a provider's sender."""
    sender = asked.number("SELECT id FROM senders WHERE provider = :p", p=provider)
    tasks.redis_client().hset(f"tocsin:sender:{sender}", mapping={"broken": "1700000000000000", "why": "503"})


def shown(desk: httpx.Client, path: str) -> str:
    page = desk.get(path).text.partition("<main")[2]
    return " ".join(re.sub(r"<[^>]+>", " ", page).split())


def channels(now: datetime) -> dict[str, sender_status.ChannelStatus]:
    with transaction() as s:
        return {one.channel: one for one in sender_status.read(s, tasks.redis_client(), now)}


def own_test(alert: int, channel: str, at: datetime, state: str = "accepted") -> None:
    asked.do(
        """INSERT INTO direct_messages
                  (kind, alert_id, operator_id, step, channel, subject, text, state, made_at, settled_at)
           SELECT 'test', :alert, min(id), 1, :channel, '', 'x', :state, :at, :at FROM operators""",
        alert=alert, channel=channel, at=at, state=state,
    )  # fmt: skip


def test_channels_that_work_are_shown_with_their_last_proof(draft: int, at_desk: Desk, city: datetime) -> None:
    page = shown(at_desk("author"), f"/console/alerts/{draft}")
    assert "works" in page
    assert "a test is due" in page
    assert "Never tested." in page
    assert "cannot be sent now" not in page
    own_test(draft, "sms", city)
    page = shown(at_desk("author"), f"/console/alerts/{draft}")
    assert f"Last good test {city.astimezone(factories.settings().tz):%-d %b}" in page


def test_what_only_a_failing_sender_could_send_does_not_count(
    draft: int, at_desk: Desk, door: httpx.Client, key: Key
) -> None:
    desk = at_desk("author")
    before = shown(desk, f"/console/alerts/{draft}")
    fail("twilio")
    page = shown(desk, f"/console/alerts/{draft}")
    all_of_them = re.search(r"([\d,]+) messages? if it were launched now", page)
    can_leave = re.search(r"do not count as reach\. ([\d,]+) of ([\d,]+) messages can leave", page)
    assert all_of_them, page
    assert can_leave, page
    assert can_leave[2] == all_of_them[1]
    emails = asked.number("SELECT count(*) FROM contacts WHERE channel = 'email' AND verified_at IS NOT NULL")
    assert 0 < int(can_leave[1]) <= emails
    assert "The provider fails since" in page
    assert before.count("all in under a minute") == 2
    assert page.count("all in under a minute") == 1
    plan = door.get(f"/api/v1/alerts/{draft}/plan", headers=key("author")).json()
    times = {one["channel"]: one["p95_at"] for one in plan["channels"]}
    assert times["sms"] is None
    assert times["email"] is not None
    assert any("do not count" in one for one in plan["warnings"])


def test_a_channel_is_due_for_a_test_after_a_month_without_any_message(draft: int, city: datetime) -> None:
    assert channels(city)["sms"].overdue(city)
    own_test(draft, "sms", city, "failed")
    assert channels(city)["sms"].overdue(city)
    own_test(draft, "email", city)
    found = channels(city)
    assert found["sms"].overdue(city)
    assert not found["email"].overdue(city + timedelta(days=30))
    assert found["email"].overdue(city + timedelta(days=32))


def test_the_newest_proof_counts(draft: int, city: datetime) -> None:
    for days in (9, 3, 40):
        with transaction() as s:
            one = factories.alert_draft(s, now=city).id
        own_test(one, "sms", city - timedelta(days=days))
    proof = channels(city)["sms"].last_test
    assert proof is not None
    assert proof[1] == city - timedelta(days=3)


def test_the_page_of_senders_shows_the_proof(draft: int, at_desk: Desk, city: datetime) -> None:
    own_test(draft, "sms", city)
    page = shown(at_desk("author"), "/console/senders")
    assert page.count("Last good test") == 1
    assert page.count("a test is due") == 1


def test_a_channel_that_accepts_nothing_is_said_in_words_with_the_other_way(
    at_desk: Desk, city: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN", "SENDGRID_API_KEY"):
        monkeypatch.setenv(f"TOCSIN_{name}", "AC" + "0" * 32)
    settings.cache_clear()
    with transaction() as s:
        factories.sender(s, "sendgrid", now=city)
    desk = at_desk("author")
    alert = factories.alert_resolved(now=city)
    assert "no provider has accepted any" not in desk.get(f"/console/alerts/{alert}").text
    alert = factories.alert_resolved(now=city - timedelta(minutes=2))
    fail("twilio")
    page = shown(desk, f"/console/alerts/{alert}")
    assert "Texts: no provider has accepted any since the launch at" in page
    assert "The provider fails since" in page
    assert "Write to them by emails" in page
    answer = desk.post(f"/console/alerts/{alert}/unreached")
    assert answer.status_code == 303
    made = answer.headers["location"]
    assert made in desk.get(f"/console/alerts/{alert}").text
