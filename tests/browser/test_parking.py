"""A resident asks whether the car may stay: on a phone, without scripts, in Spanish; and axe finds nothing."""

from datetime import UTC, datetime, timedelta

import httpx
from playwright.sync_api import Browser, expect
from shapely.geometry import LineString

from notify.core.db import transaction
from notify.service311.snow import emergencies, routes
from notify.service311.snow.rules import ROUTES, Ban, Phase
from tests import factories
from tests.api.conftest import door, public_url, served
from tests.browser.axe import crowded, examined, too_wide, violations
from tests.notify.city.geocoder import town
from zones.addresses.rows import StreetRow

__all__ = ["door", "public_url", "served"]

HOUR = timedelta(hours=1)


def snow() -> None:
    """Main St is a route, on which nobody may park now."""
    now = datetime.now(UTC)
    town.settle(houses=[town.house("120", "MAIN ST", 0.5, 0.5), town.house("120", "MAIN CT", 0.6, 0.5)])
    with transaction() as s:
        factories.zone(s, now=now)
        line = LineString([(0.49, 0.5), (0.51, 0.5)])
        routes.keep(s, [StreetRow("1", "MAIN ST", None, None, "", "", 2, line)], "city", now)
    blanks = {"rule": "routes", "starts": (now + HOUR).isoformat()}
    number = factories.alert_launched(event="snow", blanks=blanks, now=now, expires_at=now + 9 * HOUR)
    with transaction() as s:
        phase = Phase(now - HOUR, now + 8 * HOUR, (Ban(ROUTES),))
        emergencies.keep(s, number, (phase,), "+12155550124", {"es": "Hay garajes gratis."})


def test_a_resident_asks_whether_the_car_may_stay(browser: Browser, door: httpx.Client) -> None:
    snow()
    url = str(door.base_url)
    context = browser.new_context(
        base_url=url, viewport={"width": 390, "height": 844}, java_script_enabled=False, locale="es-US"
    )
    context.set_default_timeout(60_000)
    page = context.new_page()
    page.goto("/parking?lang=es")
    page.locator("#address").fill("120 Main")
    page.locator("form.card button").click()
    page.get_by_label("120 Main St").check()
    page.locator("form.card button").click()
    expect(page.locator("h1")).to_have_text("No. No estacione aquí ahora.")
    expect(page.locator("main")).to_contain_text("Hay garajes gratis.")
    assert "Main" not in page.url
    context.close()
    found = []
    context = examined(browser, url, "en-US")
    page = context.new_page()
    page.goto("/parking")
    found += [*violations(page), *crowded(page), *too_wide(page)]
    page.locator("#address").fill("120 Main St")
    page.locator("form.card button").click()
    expect(page.locator("h1")).to_have_text("No. Do not park here now.")
    found += [*violations(page), *crowded(page), *too_wide(page)]
    assert "\n".join(found) == ""
    context.close()
