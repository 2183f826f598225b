"""The page of coverage: zones on a map and in a table, and a poster for each."""

from collections.abc import Callable
from datetime import UTC, datetime

import httpx

from notify.core.db import transaction
from tests import factories
from tests.acceptance.commands import run_command


def test_the_page_draws_the_zones_and_says_when_they_were_counted(
    at_desk: Callable[[str], httpx.Client], city: datetime
) -> None:
    desk = at_desk("agent")
    shown = desk.get("/console/coverage").text
    assert '<path class="share-unknown"' in shown
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
