"""The duty roster at the console and over REST."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from notify.accounts import operators, roster
from notify.core.db import transaction
from tests import factories
from tests.api import asked

Desk = Callable[[str], httpx.Client]
ADMIN, APPROVER = "admin@tocsin.example.org", "approver@tocsin.example.org"


@pytest.fixture
def shift(door: httpx.Client) -> int:
    """The approver is on duty, the admin deputises."""
    now = datetime.now(UTC)
    with transaction() as s:
        factories.operator(s, "approver", now=now)
        by = factories.operator(s, "admin", now=now)
        return roster.plan(s, APPROVER, ADMIN, now - timedelta(hours=1), now + timedelta(hours=6), by, now, "Calm.").id


def on_duty() -> str | None:
    with transaction() as s:
        present = roster.at(s, datetime.now(UTC)).now
        return present.operator.email if present else None


def test_taking_over_is_one_tap(shift: int, at_desk: Desk) -> None:
    desk = at_desk("admin")
    page = desk.get("/console/roster").text
    assert f"<strong>{APPROVER}</strong>" in page
    assert "Calm." in page
    assert "I take over" in page
    assert desk.post("/console/roster/take").status_code == 303
    assert on_duty() == ADMIN
    assert "I take over" not in desk.get("/console/roster").text


def test_a_hand_over_from_the_page(shift: int, at_desk: Desk) -> None:
    desk = at_desk("approver")
    told = desk.post("/console/roster/hand-over", data={"duty": str(shift), "to": ADMIN, "note": ""})
    assert told.status_code == 422
    assert "The hand-over has no note." in told.text
    assert on_duty() == APPROVER
    form = {"duty": str(shift), "to": ADMIN, "note": "<b>River</b> at 4 m."}
    assert desk.post("/console/roster/hand-over", data=form).status_code == 303
    assert on_duty() == ADMIN
    assert "&lt;b&gt;River&lt;/b&gt; at 4 m." in desk.get("/console/roster").text


def test_a_shift_is_planned_in_the_citys_time_and_taken_off(at_desk: Desk, shift: int) -> None:
    desk = at_desk("admin")
    form = {"who": ADMIN, "deputy": APPROVER, "starts_at": "2099-07-01T18:00", "ends_at": "2099-07-02T06:00"}
    assert desk.post("/console/roster/plan", data=form).status_code == 303
    planned = asked.rows("SELECT id, starts_at FROM duties ORDER BY id DESC")[0]
    assert planned.starts_at == datetime(2099, 7, 1, 22, tzinfo=UTC)
    week = desk.get("/console/roster?week=2099-07-01").text
    assert week.count("1 Jul, 6:00 PM") >= 2, "a shift over midnight is in the rows of both days"
    assert desk.post(f"/console/roster/{planned.id}/take-off").status_code == 303
    assert "1 Jul, 6:00 PM" not in desk.get("/console/roster?week=2099-07-01").text


@pytest.mark.parametrize(
    ("path", "form"),
    [
        ("plan", {"starts_at": "tomorow"}),
        ("plan", {"starts_at": "2099-03-08T02:30", "ends_at": "2099-03-09T02:30"}),
        ("plan", {"starts_at": "9999-12-31T23:59", "ends_at": "9999-12-31T23:59:59"}),
        ("hand-over", {"duty": "x", "to": ADMIN, "note": "n"}),
        ("hand-over", {"duty": "9" * 40, "to": ADMIN, "note": "n"}),
        ("hand-over", {"duty": "9" * 5_000, "to": ADMIN, "note": "n"}),
        ("hand-over", {"to": ADMIN, "note": "n"}),
        ("hand-over", {"duty": "1", "to": "nobody", "note": "\x00"}),
        ("take", {"deputy": "nobody@example.org"}),
        ("take", {"note": "n" * 2000}),
        ("99/take-off", {}),
    ],
)
def test_bad_input_is_told_in_a_sentence(at_desk: Desk, shift: int, path: str, form: dict[str, str]) -> None:
    desk = at_desk("admin")
    told = desk.post(f"/console/roster/{path}", data=form)
    assert 400 <= told.status_code < 500
    assert 'role="alert"' in told.text


def test_any_week_in_the_address_is_shown(at_desk: Desk) -> None:
    desk = at_desk("admin")
    for week in ("x", "0001-01-01", "9999-12-31", "2026-11-01", ""):
        assert desk.get("/console/roster", params={"week": week}).status_code == 200


def test_authors_and_agents_read_the_roster_and_no_more(at_desk: Desk, shift: int) -> None:
    for role in ("author", "agent"):
        desk = at_desk(role)
        page = desk.get("/console/roster").text
        assert APPROVER in page
        assert "<button>I take over" not in page
        for path in ("take", "hand-over", "plan", f"{shift}/take-off"):
            form = {"duty": str(shift), "to": ADMIN, "note": "n", "starts_at": "2099-01-01", "ends_at": "2099-01-02"}
            assert desk.post(f"/console/roster/{path}", data=form).status_code == 403, path
    assert on_duty() == APPROVER


def test_rest_shows_the_roster(door: httpx.Client, shift: int, key: Callable[..., dict[str, str]]) -> None:
    told = door.get("/api/v1/roster", headers=key(None)).json()
    assert (told["on_duty"]["operator"], told["on_duty"]["deputy"]) == (APPROVER, ADMIN)
    assert [one["id"] for one in told["shifts"]] == [shift]
    assert door.get("/api/v1/roster?days=99", headers=key(None)).status_code == 422
    assert door.get("/api/v1/roster").status_code == 401


def test_the_permission_is_asked_again_of_somebody_whose_role_was_changed(at_desk: Desk, shift: int) -> None:
    desk = at_desk("approver")
    with transaction() as s:
        operators.change_role(s, APPROVER, "author", datetime.now(UTC))
    assert desk.post("/console/roster/take").status_code == 403
    assert "can no longer approve alerts" in desk.get("/console/roster").text


def test_the_roster_shows_who_has_not_drilled_this_month(at_desk: Desk) -> None:
    page = at_desk("author").get("/console/roster").text
    assert "Not drilled this month" in page
    assert "<li>author@tocsin.example.org</li>" in page
