"""Joining from an address that the city's file lacks, by ZIP code, by a point on the map, and from beside the city."""

import html
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from notify.city import geocoder
from notify.core import points
from notify.core.db import transaction
from notify.core.settings import settings
from tests import factories
from tests.api import asked
from tests.api.joins import PHONE, city_that_sends, form, sent_code
from zones.addresses.readings import HouseNumber
from zones.addresses.rows import AddressRow

NOW = datetime.now(UTC)


@pytest.fixture(autouse=True)
def _city(door: httpx.Client, city: datetime) -> None:
    city_that_sends()
    with transaction() as s:
        houses = [
            AddressRow(HouseNumber(100 + 2 * n), "Goldfinch St", "", "Tocsin", "19107", 0.5 + n / 1000, 0.5)
            for n in range(10)
        ]
        both = [AddressRow(HouseNumber(150), street, "", "Tocsin", "", 0.5, 0.5) for street in ("N 5th St", "S 5th St")]
        geocoder.keep_addresses(s, [*houses, *both], "a test", NOW, confirmed=True)
        factories.zone(s, "Harbor", factories.square(0.25, 0.25, 0.001), now=NOW)


@pytest.fixture
def _beside(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    wanted = "Brook County=https://brook.example.org/alerts 19401 5,5,6,6; Hilltown=https://hill.example.org/join"
    monkeypatch.setenv("TOCSIN_NEIGHBOURS", wanted)
    settings.cache_clear()
    yield
    settings.cache_clear()


def join(door: httpx.Client, **fields: object) -> httpx.Response:
    return form(door, "/join?lang=en", contact=PHONE, **fields)


def joined(door: httpx.Client, **fields: object) -> dict[str, Any]:
    """Join, and return the place that is stored."""
    answer = join(door, **fields)
    assert answer.status_code == 303, answer.text
    assert form(door, answer.headers["location"], code=sent_code()).status_code == 303
    row = asked.rows("SELECT id, subscriber_id, point_sealed, radius_m FROM places ORDER BY id DESC LIMIT 1")[0]
    lon, lat = points.open_one(row[1], row[2])
    checks = [one[0] for one in asked.rows("SELECT given_by FROM place_checks WHERE place_id = :p", p=row[0])]
    return {"lon": round(lon, 3), "lat": round(lat, 3), "radius_m": row[3], "checks": checks}


def test_a_zip_code_is_enough_and_reaches_as_far_as_it_does(door: httpx.Client) -> None:
    assert joined(door, address="19107") == {"lon": 0.504, "lat": 0.5, "radius_m": 1000, "checks": []}


def test_so_is_the_name_of_a_zone(door: httpx.Client) -> None:
    assert joined(door, address="harbor") == {"lon": 0.251, "lat": 0.251, "radius_m": 500, "checks": []}


def test_an_unknown_address_is_taken_with_what_is_near_and_queued(door: httpx.Client) -> None:
    told = join(door, address="9 Nowhere Lane")
    assert told.status_code == 422
    assert 'name="near"' in told.text
    assert join(door, address="9 Nowhere Lane", near="Nothing at all").status_code == 422
    found = joined(door, address="9 Nowhere Lane", near="104 Goldfinch St")
    assert found == {"lon": 0.502, "lat": 0.5, "radius_m": 0, "checks": ["street"]}
    assert "9 Nowhere Lane" in door.get("/me?lang=en").text


def test_what_is_near_may_be_a_zip_code(door: httpx.Client) -> None:
    assert joined(door, address="9 Nowhere Lane", near="19107")["checks"] == ["zip"]


def test_what_is_near_and_not_certain_is_offered_and_never_taken(door: httpx.Client) -> None:
    near = "150 5th St"
    offered = join(door, address="9 Nowhere Lane", near=near)
    assert offered.status_code == 200
    assert f'name="near" value="{near}"' in offered.text
    place = re.findall(r'name="place" value="(0[^"]*)"', offered.text)[0]
    assert asked.number("SELECT count(*) FROM joinings") == 0
    assert 'name="near"' in join(door, address="9 Nowhere Lane", near=near, place="none").text
    assert joined(door, address="9 Nowhere Lane", near=near, place=html.unescape(place))["checks"] == ["street"]
    assert "9 Nowhere Lane" in door.get("/me?lang=en").text


def test_a_whole_street_is_not_near_and_a_misspelt_zone_is_named(door: httpx.Client) -> None:
    assert "Goldfinch" in join(door, address="9 Nowhere Lane", near="Goldfinch St").text
    assert "is a whole street" in join(door, address="9 Nowhere Lane", near="Goldfinch St").text
    assert "Write its name: Harbor" in join(door, address="9 Nowhere Lane", near="Habror").text
    assert asked.number("SELECT count(*) FROM joinings") == 0


def test_an_address_that_was_corrected_counts_before_what_is_near(door: httpx.Client) -> None:
    assert joined(door, address="104 Goldfinch St", near="harbor")["lon"] == 0.502


def test_a_house_number_of_five_digits_is_no_zip_code(door: httpx.Client) -> None:
    assert join(door, address="19107 Nowhere Lane").status_code == 422


def test_to_live_near_somebody_opens_no_page_of_theirs(door: httpx.Client) -> None:
    """Of who has had the number before: a code from it shows nothing, and a place near theirs does not either."""
    with transaction() as s:
        before = factories.resident(s, phone=PHONE, at=[(0.502, 0.5)], now=NOW - timedelta(days=400))
    joined(door, address="9 Nowhere Lane", near="104 Goldfinch St")
    owner = asked.rows("SELECT subscriber_id FROM contacts WHERE channel = 'sms' AND address_sealed IS NOT NULL")
    assert owner[0][0] != before.id


def test_none_of_the_choices_leads_on(door: httpx.Client) -> None:
    choice = join(door, address="150 5th St")
    assert choice.status_code == 200
    assert 'value="none"' in choice.text
    assert 'name="near"' in join(door, address="150 5th St", place="none").text


def test_a_whole_street_is_no_place(door: httpx.Client) -> None:
    told = join(door, address="Goldfinch Street")
    assert "Which number in Goldfinch" in told.text
    assert told.status_code == join(door, address="1 Goldfinch St").status_code == 422


def test_no_two_places_have_one_label(door: httpx.Client) -> None:
    joined(door, point="0.611 0.622", label="Work")
    form(door, "/me/places?lang=en", point="0.711 0.722", label="work")
    assert asked.rows("SELECT label FROM places ORDER BY id DESC LIMIT 2") == [("work 2",), ("Work",)]


def test_a_point_of_the_map_needs_no_address_and_names_one_that_is_unknown(door: httpx.Client) -> None:
    assert joined(door, point="0.611 0.622") == {"lon": 0.611, "lat": 0.622, "radius_m": 0, "checks": []}
    found = joined(door, point="0.711 0.722", address="9 Nowhere Lane")
    assert found == {"lon": 0.711, "lat": 0.722, "radius_m": 0, "checks": ["map"]}


@pytest.mark.parametrize("point", ["", "0.5", "nan 1", "a b", "999 999"])
def test_a_point_that_is_none_is_refused(door: httpx.Client, point: str) -> None:
    assert join(door, point=point).status_code == 422
    assert asked.number("SELECT count(*) FROM joinings") == 0


@pytest.mark.usefixtures("_beside")
@pytest.mark.parametrize(
    "fields", [{"address": "12 Oak St, 19401"}, {"address": "12 Oak St, Brook County"}, {"point": "5.5 5.5"}]
)
def test_who_lives_beside_the_city_is_shown_where_to_sign_up(door: httpx.Client, fields: dict[str, str]) -> None:
    told = join(door, **fields)
    assert told.status_code == 422
    assert 'href="https://brook.example.org/alerts"' in told.text
    assert "hill.example.org" not in told.text


@pytest.mark.usefixtures("_beside")
@pytest.mark.parametrize("fields", [{"address": "12 Oak St, 19401"}, {"point": "5.5 5.5"}])
def test_so_is_who_adds_a_place_there_later(door: httpx.Client, fields: dict[str, str]) -> None:
    joined(door, address="104 Goldfinch St")
    told = form(door, "/me/places?lang=en", label="work", **fields)
    assert told.status_code == 422
    assert "Brook County sends the alerts for this place" in told.text
    assert 'href="https://brook.example.org/alerts"' in told.text
    assert asked.number("SELECT count(*) FROM places p JOIN consents c ON true WHERE label = 'work'") == 0


@pytest.mark.usefixtures("_beside")
def test_who_lives_far_away_is_shown_all_neighbours(door: httpx.Client) -> None:
    assert join(door, point="60 60").text.count("/alerts") + join(door, point="60 60").text.count('/join"') >= 2


def test_an_address_is_completed_while_it_is_typed_from_our_own_page_only(door: httpx.Client) -> None:
    found = form(door, "/join/suggest", text="104 gold").json()["matches"]
    assert found[0] == {"label": found[0]["label"], "lon": 0.502, "lat": 0.5, "whole": True}
    assert "104 GOLDFINCH" in found[0]["label"].upper()
    assert form(door, "/join/suggest", text="gold").json()["matches"][0]["whole"] is False
    assert door.post("/join/suggest", data={"text": "104 gold"}).status_code == 403


def test_a_device_may_say_where_it_is_on_these_pages_only(door: httpx.Client) -> None:
    assert "geolocation=(self)" in door.get("/join").headers["permissions-policy"]
    assert "geolocation=()" in door.get("/").headers["permissions-policy"]
