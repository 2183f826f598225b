"""`/parking`: may I park here now?"""

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from shapely.geometry import LineString

from notify.core.db import transaction
from notify.service311.snow import emergencies, routes
from notify.service311.snow.rules import OTHERS, ROUTES, Ban, Phase
from tests import factories
from tests.api import asked
from tests.api.joins import form
from tests.notify.city.geocoder import town
from zones.addresses.rows import StreetRow

NOW = datetime.now(UTC).replace(second=0, microsecond=0)
HOUR = timedelta(hours=1)
EVEN_SIDE = Ban(OTHERS, "even")


@pytest.fixture
def town_with_routes(door: httpx.Client) -> None:
    """Main St is a route; Oak St is none. The house at 2 Oak St stands at the corner."""
    houses = [
        town.house("120", "MAIN ST", 0.5, 0.5),
        town.house("2", "OAK ST", 0.5001, 0.5001),
        town.house("7", "OAK ST", 0.51, 0.51),
        town.house("7", "OAK CT", 0.6, 0.51),
    ]
    town.settle(houses=houses)
    line = LineString([(0.49, 0.4999), (0.52, 0.4999)])
    with transaction() as s:
        factories.zone(s, now=NOW)
        routes.keep(s, [StreetRow("1", "MAIN ST", None, None, "", "", 2, line)], "city", NOW)


def emergency(*phases: Phase, phase: str = "issue", incident: int | None = None, keep: bool = True) -> tuple[int, int]:
    blanks = {"all-clear": {}, "update": {"rule": "routes"}}.get(
        phase, {"rule": "routes", "starts": (NOW + HOUR).isoformat()}
    )
    number = factories.alert_launched(
        event="snow", phase=phase, blanks=blanks, now=NOW, incident=incident, expires_at=NOW + 30 * HOUR
    )
    if keep:
        with transaction() as s:
            emergencies.keep(s, number, phases, "+12155550124", {"en": "City garages are free.", "es": "Hay garajes."})
    return number, asked.number("SELECT incident_id FROM alerts WHERE id = :id", id=number)


def words(page: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", page.partition("<main")[2]).split())


def at(door: httpx.Client, address: str, language: str = "en") -> str:
    answer = form(door, f"/parking?lang={language}", address=address)
    assert answer.headers["cache-control"] == "no-store"
    return words(answer.text)


BOTH = (Phase(NOW - HOUR, NOW + 8 * HOUR, (Ban(ROUTES),)), Phase(NOW + 8 * HOUR, NOW + 20 * HOUR, (EVEN_SIDE,)))


@pytest.mark.parametrize(
    ("phases", "address", "said"),
    [
        (BOTH, "120 Main St", ("No. Do not park here now.", "Main St is a snow emergency route here.", "garages")),
        (BOTH, "2 Oak St", ("Yes, but only until", "Oak St is not a snow emergency route", "park until")),
        (BOTH, "7 Oak St", ("Yes, you may park here now.", "Odd-numbered side: you may park. Even")),
        (
            (Phase(NOW - HOUR, NOW + HOUR, (EVEN_SIDE,)),), "2 Oak St",
            ("No. Do not park here now.", "Across the street, on the odd-numbered side."),
        ),
    ],
)  # fmt: skip
def test_the_rule_of_an_address(
    door: httpx.Client, town_with_routes: None, phases: Sequence[Phase], address: str, said: tuple[str, ...]
) -> None:
    emergency(*phases)
    shown = at(door, address)
    for one in (*said, "Call 215-555-0124 to find it."):
        assert one in shown


def test_without_an_emergency_one_may_park(door: httpx.Client, town_with_routes: None) -> None:
    assert "Yes. No snow emergency is in force here." in at(door, "120 Main St")


def test_a_draft_forbids_nothing_and_an_all_clear_ends_it(door: httpx.Client, town_with_routes: None) -> None:
    with transaction() as s:
        draft = factories.alert_draft(s, event="snow", now=NOW).id
        emergencies.keep(s, draft, BOTH, "", {})
    assert "Yes. No snow emergency" in at(door, "120 Main St")
    _, incident = emergency(*BOTH)
    assert "No. Do not park" in at(door, "120 Main St")
    emergency(phase="all-clear", incident=incident, keep=False)
    assert "Yes. No snow emergency" in at(door, "120 Main St")


def test_an_update_takes_the_place_of_what_was_said_before(door: httpx.Client, town_with_routes: None) -> None:
    _, incident = emergency(*BOTH)
    emergency(Phase(NOW - HOUR, NOW + HOUR, (EVEN_SIDE,)), phase="update", incident=incident)
    assert "Yes, you may park here now." in at(door, "120 Main St")


def test_an_alert_without_phases_is_only_linked(door: httpx.Client, town_with_routes: None) -> None:
    number, _ = emergency(keep=False)
    answer = form(door, "/parking?lang=en", address="120 Main St").text
    assert "There is a snow emergency." in words(answer)
    assert f'href="/alerts/{number}?lang=en"' in answer


def test_an_address_that_may_be_two_is_asked_back_and_spanish_is_spoken(
    door: httpx.Client, town_with_routes: None
) -> None:
    emergency(*BOTH)
    asked_back = form(door, "/parking?lang=es", address="7 Oak")
    assert "¿Cuál es?" in words(asked_back.text) or "Oak Ct" in asked_back.text
    value = re.findall(r'name="place" value="([^"]+Oak St[^"]*)"', asked_back.text)[0]
    shown = words(form(door, "/parking?lang=es", place=value).text)
    assert "Sí, ahora puede estacionar aquí." in shown
    assert "No. No estacione aquí ahora." in at(door, "120 Main St", "es")
    assert "Hay garajes." in at(door, "120 Main St", "es")
    none = form(door, "/parking", address="7 Oak", place="none")
    assert (none.status_code, "We do not find this address" in none.text) == (422, True)
