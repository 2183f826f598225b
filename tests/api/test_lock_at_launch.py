"""While the messages of an alert are counted for its approval or launch, others can still act on the alert."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime

import httpx
import pytest
from sqlalchemy import text

from notify.accounts import operator_limits
from notify.alerts import lifecycle
from notify.audience import live_count
from notify.core.db import transaction
from notify.core.settings import settings
from tests import factories
from tests.api import asked
from tests.owner import as_owner, owning
from tests.waiting import until

Desk = Callable[[str], httpx.Client]
Key = Callable[[str], dict[str, str]]
APPROVER = "approver@tocsin.example.org"
REASON = "Nobody answers, and the river is at 4 m."


@pytest.fixture
def alert(door: httpx.Client, city: datetime, monkeypatch: pytest.MonkeyPatch) -> int:
    """An emergency's draft by the approver."""
    for name, value in (("TWILIO_ACCOUNT_SID", "AC" + "0" * 32), ("TWILIO_AUTH_TOKEN", "not a token")):
        monkeypatch.setenv(f"TOCSIN_{name}", value)
    settings.cache_clear()
    live_count.forget()
    with transaction() as s:
        factories.sender(s, now=city)
        factories.operator(s, "approver", now=city)
        made = factories.alert_draft(s, now=datetime.now(UTC)).id
    as_owner("UPDATE alerts SET created_by = (SELECT id FROM operators WHERE email = :email)", email=APPROVER)
    return made


def while_counting(act: Callable[[], httpx.Response], alert: int) -> httpx.Response:
    """Halt the count of contacts, lock the alert as somebody who cancels it would, then let both go on."""
    answers: list[httpx.Response] = []
    counting = threading.Thread(target=lambda: answers.append(act()))
    with owning() as s:
        s.execute(text("LOCK TABLE contacts IN ACCESS EXCLUSIVE MODE"))
        counting.start()
        until(lambda: asked.number(_HALTED) > 0, 30, "it counts")
        with transaction() as other:
            other.execute(text("SELECT FROM alerts WHERE id = :a FOR UPDATE NOWAIT"), {"a": alert})
    counting.join(60)
    return answers[0]


_HALTED = """SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'contacts'::regclass
              AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"""


def test_it_can_be_stopped_while_break_glass_counts_on_the_console(alert: int, at_desk: Desk) -> None:
    desk = at_desk("approver")
    form = {"messages": "999", "reason": REASON, "counted": "yes"}
    form["area_hash"] = asked.rows("SELECT area_hash FROM alerts")[0].area_hash
    answer = while_counting(lambda: desk.post(f"/console/alerts/{alert}/break-glass", data=form), alert)
    assert answer.status_code == 409
    assert "and you typed 999" in answer.text


@pytest.mark.parametrize("act", ["break-glass", "approve", "launch"])
def test_it_can_be_stopped_while_rest_counts(alert: int, door: httpx.Client, key: Key, act: str) -> None:
    headers = key("approver" if act == "break-glass" else "admin")
    if act == "launch":
        with transaction() as s:
            lifecycle.approve(s, alert, factories.operator(s, "admin"), datetime.now(UTC), settings())
    body = {"messages": 999} | ({"reason": REASON} if act == "break-glass" else {})
    answer = while_counting(lambda: door.post(f"/api/v1/alerts/{alert}/{act}", json=body, headers=headers), alert)
    assert answer.status_code == 409, answer.text
    assert "and you typed 999" in answer.text


@pytest.mark.parametrize("act", ["approve", "launch"])
def test_it_can_be_stopped_while_it_is_held_against_a_limit(alert: int, door: httpx.Client, key: Key, act: str) -> None:
    headers = key("approver")
    as_owner("UPDATE alerts SET created_by = (SELECT id FROM operators WHERE role = 'author')")
    if act == "launch":
        with transaction() as s:
            lifecycle.approve(s, alert, factories.operator(s, "approver"), datetime.now(UTC), settings())
    with transaction() as s:
        by = factories.operator(s, "approver")
        operator_limits.change(s, by, datetime.now(UTC), None, contacts=1)
    answer = while_counting(lambda: door.post(f"/api/v1/alerts/{alert}/{act}", headers=headers), alert)
    assert answer.status_code == 409, answer.text
    assert "more than the limit of approver@tocsin.example.org: 1" in answer.text
