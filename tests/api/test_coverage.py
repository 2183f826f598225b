"""The page of coverage: zones on a map and in a table, and a poster for each."""

import re
from collections.abc import Callable
from datetime import UTC, datetime

import httpx
import pytest
from sqlalchemy import text

from api.console.places import coverage
from notify.core.db import transaction
from tests import factories
from tests.acceptance.commands import run_command
from tests.owner import owning
from tests.waiting import until


def test_the_page_draws_the_zones_and_says_when_they_were_counted(
    at_desk: Callable[[str], httpx.Client], city: datetime
) -> None:
    desk = at_desk("agent")
    shown = desk.get("/console/coverage").text
    assert '<path class="share-unknown"' in shown
    assert re.search('<text class="name"[^>]*>Riverside</text>', shown), "the map tells which patch is which row"
    assert "fewer than 10" not in shown
    assert "30 people are signed up" in shown
    assert "renewed every five minutes" in shown
    with transaction() as s:
        for _ in range(10):
            factories.resident(s, now=city)
    assert "30 people" in desk.get("/console/coverage").text, "kept for five minutes"


def test_a_city_without_zones(at_desk: Callable[[str], httpx.Client]) -> None:
    assert "No zones yet." in at_desk("agent").get("/console/coverage").text


def test_each_zone_has_its_poster(at_desk: Callable[[str], httpx.Client]) -> None:
    with transaction() as s:
        number = factories.zone(s, now=datetime.now(UTC)).id
    made = at_desk("agent").get(f"/console/coverage/{number}/poster?paper=a4")
    assert made.headers["content-type"] == "application/pdf"
    assert made.content.startswith(b"%PDF")


def test_the_command_prints_it(city: datetime) -> None:
    done = run_command("coverage", "show", "--json")
    assert done.returncode == 0, done.stderr
    assert '"zone": "Riverside"' in done.stdout


def test_who_looks_while_a_large_city_is_counted_does_not_wait_for_it(
    at_desk: Callable[[str], httpx.Client], city: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(coverage, "SOON_S", 0.0)
    desk = at_desk("agent")
    with owning() as s:
        s.execute(text("LOCK TABLE places"))
        assert "This is being counted" in desk.get("/console/coverage").text
    monkeypatch.undo()
    until(lambda: "30 people are signed up" in desk.get("/console/coverage").text, 60, "it is counted")
