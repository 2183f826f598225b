"""The console's page of senders."""

from collections.abc import Callable
from datetime import datetime

import httpx
import pytest

from notify.core.db import transaction
from notify.delivery import senders
from tests.api import asked

Desk = Callable[[str], httpx.Client]


@pytest.fixture
def sender(city: datetime) -> int:
    with transaction() as s:
        return senders.add(s, "twilio", "+15555550100", 100, city, daily_cap=2_000).id


def state(sender: int) -> tuple[float, int | None, str]:
    return tuple(asked.rows(f"SELECT rate_per_s, daily_cap, status FROM senders WHERE id = {sender}")[0])


def test_a_rate_and_a_cap_are_changed(sender: int, at_desk: Desk) -> None:
    desk = at_desk("admin")
    assert "+15555550100" in desk.get("/console/senders").text
    answer = desk.post(f"/console/senders/{sender}", data={"rate_per_s": "12.5", "daily_cap": "1,000"})
    assert answer.headers["Location"] == f"/console/senders#sender-{sender}"
    assert state(sender) == (12.5, 1_000, "open")
    desk.post(f"/console/senders/{sender}", data={"daily_cap": "0"})
    assert state(sender) == (12.5, None, "open")


def test_a_sender_is_stopped_and_opened(sender: int, at_desk: Desk) -> None:
    desk = at_desk("admin")
    desk.post(f"/console/senders/{sender}", data={"status": "stopped"})
    assert state(sender)[2] == "stopped"
    assert "stopped by an operator" in desk.get("/console/senders").text
    desk.post(f"/console/senders/{sender}", data={"status": "open"})
    assert state(sender) == (100, 2_000, "open")


@pytest.mark.parametrize("role", ["author", "approver", "agent"])
def test_only_an_admin_changes_one(sender: int, at_desk: Desk, role: str) -> None:
    desk = at_desk(role)
    inside = desk.get("/console/senders").text.partition("<main")[2].partition("</main>")[0]
    assert "<form" not in inside, "no button that would be refused"
    answer = desk.post(f"/console/senders/{sender}", data={"status": "stopped"})
    assert answer.status_code == 403
    assert "may not administer" in answer.text
    assert state(sender)[2] == "open"


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"rate_per_s": "fast"}, "&#39;fast&#39; is not a valid rate"),
        ({"rate_per_s": "nan"}, "not a valid rate"),
        ({"rate_per_s": "1e999"}, "not a valid rate"),
        ({"rate_per_s": "0"}, "0 a second is not a valid rate"),
        ({"daily_cap": "-1"}, "&#39;-1&#39; is not a valid daily cap"),
        ({"daily_cap": "٣"}, "not a valid daily cap"),
        ({"daily_cap": "9" * 30}, "not a valid daily cap"),
        ({"status": "on"}, "not a status of a sender"),
    ],
)
def test_bad_input_is_named_and_changes_nothing(sender: int, at_desk: Desk, given: dict[str, str], named: str) -> None:
    answer = at_desk("admin").post(f"/console/senders/{sender}", data=given)
    assert answer.status_code == 422
    assert named in answer.text
    assert state(sender) == (100, 2_000, "open")


def test_a_sender_that_is_not_there(sender: int, at_desk: Desk) -> None:
    assert at_desk("admin").post("/console/senders/99", data={"status": "open"}).status_code == 404
