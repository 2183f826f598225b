"""The tickets of residents who said that a day is wrong, at the desk."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import httpx

from notify.core.db import transaction
from notify.models import Zone
from notify.operations.jobs import retention
from notify.service311 import calendars, tickets
from tests.api import asked
from tests.notify.service311 import days

Desk = Callable[[str], httpx.Client]


def words(page: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", page.partition("<main")[2]).split())


def reported() -> int:
    """A ticket about the next trash of the north."""
    now = datetime.now(UTC)
    zone = days.settle(now)["North"]
    with transaction() as s:
        calendar = calendars.of_zone(s, s.get_one(Zone, zone), now)
        assert calendar is not None
        first = calendar.ahead(calendars.today(now), "trash")[0]
        return tickets.report(s, zone, "trash", calendars.shown_on(first), 1, "en", now)


def test_a_ticket_is_looked_at_and_closed_with_what_was_found(at_desk: Desk) -> None:
    number, desk = reported(), at_desk("agent")
    shown = words(desk.get("/desk/tickets").text)
    assert f"{number}: North open Trash" in shown
    assert "The days came from: days.csv." in shown
    assert desk.post(f"/desk/tickets/{number}/take").status_code == 303
    assert "being looked at" in words(desk.get("/desk/tickets").text)
    close = f"/desk/tickets/{number}/close"
    assert "Say what you found." in desk.post(close, data={"outcome": "mended"}).text
    assert "not newer than the one" in desk.post(close, data={"outcome": "mended", "edition": "1"}).text
    with transaction() as s:
        days.take(s, {"zone": "South", "stream": "trash", "weekdays": "Wed"})
        days.publish(s, "corrected")
    assert desk.post(close, data={"outcome": "mended", "edition": "2", "answer": "Typing error"}).status_code == 303
    shown = words(desk.get("/desk/tickets").text)
    assert "No ticket is open." in shown
    assert "mended in edition 2 . Typing error" in shown
    assert desk.post(close, data={"outcome": "right"}).status_code == 409
    assert at_desk("author").get("/desk/tickets").status_code == 403
    acts = asked.rows("SELECT action FROM audit WHERE subject = 'collection ticket' ORDER BY id")
    assert [row.action for row in acts] == ["take", "answer"]


def test_a_closed_ticket_is_deleted_after_a_year(at_desk: Desk) -> None:
    number, desk = reported(), at_desk("agent")
    desk.post(f"/desk/tickets/{number}/close", data={"outcome": "right"})
    assert "as it should be" in words(desk.get("/desk/tickets").text)
    for age, left in ((timedelta(days=364), 1), (timedelta(days=366), 0)):
        asked.do("UPDATE collection_tickets SET closed_at = :at", at=datetime.now(UTC) - age)
        retention.run()
        assert asked.number("SELECT count(*) FROM collection_tickets") == left
