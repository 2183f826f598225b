"""An outage from the first word to "still out": told at the desk, answered by residents' texts, counted on the map."""

from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import text

from notify.alerts import lifecycle
from notify.channels.contract import Inbound
from notify.core.db import transaction
from notify.core.settings import settings
from notify.inbound.messages import receive
from tests import factories
from tests.api import asked
from tests.api.conftest import at_desk, door, public_url, served
from tests.browser.axe import AXE, crowded, too_wide, violations
from tests.browser.conftest import AtBrowser
from tests.factories import square
from tests.waiting import until

__all__ = ["at_desk", "door", "public_url", "served"]

HERE, THERE = (0.5, 0.5), (1.5, 0.5)
LABELS = """() => { const { map } = document.getElementById("reports-map").tocsin ?? {};
    if (!map?.getLayer("reports-number")) return null;
    return map.getSource("reports").serialize().data.features.map((one) => one.properties.label).filter(Boolean); }"""


@pytest.fixture
def people(door: object) -> list[str]:
    """The phones of two residents in Riverside and one in the Harbor."""
    now = datetime.now(UTC)
    with transaction() as s:
        factories.zone(s, now=now)
        factories.zone(s, "Harbor", square(1.001, 0.0), now=now)
        factories.sender(s, now=now)
        before = now - timedelta(days=1)
        return [factories.resident(s, at=[at], topics=["outage"], now=before).phone for at in (HERE, HERE, THERE)]


def send_all() -> list[int]:
    """Approve and launch what waits, and return the numbers of contacts that each alert reached."""
    now, allowed = datetime.now(UTC), settings().model_copy(update=factories.CREDENTIALS)
    waiting = [row.id for row in asked.rows("SELECT id FROM alerts WHERE state = 'draft' ORDER BY id")]
    for alert in waiting:
        with transaction() as s:
            lifecycle.approve(s, alert, factories.operator(s, "approver", now=now), now, allowed)
            lifecycle.launch(s, alert, None, now)
        factories.resolve(alert, now)
    return [asked.number(f"SELECT count(*) FROM deliveries WHERE alert_id = {alert}") for alert in waiting]


def hear(phone: str, words: str) -> str:
    with transaction() as s:
        number = s.execute(text("SELECT count(*) FROM inbound")).scalar_one()
        said = Inbound(phone, "+15555550100", words, f"SM{number}", "")
        return receive(s, "twilio", said, datetime.now(UTC)).text or ""


def local(hours: float) -> str:
    return (datetime.now(UTC) + timedelta(hours=hours)).astimezone(settings().tz).strftime("%Y-%m-%dT%H:%M")


def shown_on_map(page: Page, labels: list[str]) -> None:
    until(lambda: page.evaluate(LABELS) == labels, 60, f"the map shows {labels}")


@pytest.mark.long
def test_an_outage_from_the_first_word_to_still_out(sit: AtBrowser, people: list[str]) -> None:
    page = sit("author").page
    page.add_init_script(path=AXE)
    page.goto("/desk/outages")
    found = violations(page)
    page.locator("input[name=utility][value=power]").check()
    page.get_by_label("Riverside").check()
    page.locator("#back_at").fill(local(3))
    page.get_by_role("button", name="Draft the alert").click()
    expect(page.get_by_text("Residents were told nothing yet.")).to_be_visible()
    assert send_all() == [2]

    assert "Expected back by" in hear(people[0], "OFF")
    expect(page.locator("#reports")).to_contain_text("1 resident says that service is out.")
    shown_on_map(page, ["1"])
    expect(page.locator("#reports tbody tr")).to_have_count(1)
    hear(people[1], "still no power")
    expect(page.locator("#reports")).to_contain_text("2 residents say that service is out.")
    shown_on_map(page, ["2"])
    found += [*violations(page), *crowded(page), *too_wide(page)]

    page.locator("#estimate-back").fill(local(6))
    page.get_by_role("button", name="Would it be sent?").click()
    page.locator("#estimate-sure").click()
    expect(page.get_by_text("waits to be approved and launched")).to_be_visible()
    assert send_all() == [2]

    page.goto(page.url)
    page.get_by_text("The area is larger").click()
    page.get_by_label("Harbor").check()
    page.locator("#grow").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Riverside and Harbor")
    assert send_all() == [1], "only in the new part"

    page.goto(page.url)
    page.locator("#restore").click()
    expect(page.get_by_text("waits to be approved and launched")).to_be_visible()
    assert send_all() == [3]
    assert "still no power" in hear(people[1], "OFF")
    assert "still no power" in hear(people[2], "OFF")
    expect(page.locator("#reports")).to_contain_text("3 residents say that service is out.")
    expect(page.locator("#reports")).to_contain_text("2 of them say so since it was restored.")
    row = page.locator("#reports tbody tr", has=page.get_by_role("rowheader", name="Harbor"))
    expect(row.locator("td").nth(1)).to_have_text("1")
    shown_on_map(page, ["2 (1)", "1 (1)"])
    found += [*violations(page), *crowded(page), *too_wide(page)]
    assert "\n".join(found) == ""


def test_without_a_map_the_table_says_it(sit: AtBrowser, people: list[str]) -> None:
    page = sit("author").page
    page.route("**/static/vendor/maplibre-gl.mjs", lambda route: route.abort())
    page.goto("/desk/outages")
    page.locator("input[name=utility][value=power]").check()
    page.get_by_label("Riverside").check()
    page.get_by_role("button", name="Draft the alert").click()
    hear(people[0], "OFF")
    expect(page.locator("#reports")).to_contain_text("1 resident says that service is out.")
