"""How many an area reaches, asked at the door."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import httpx
import pytest
import shapely

from notify import operators
from notify.db import transaction
from tests import factories
from tests.factories import square
from zones.geometry import to_geojson

Headers = dict[str, str]
Key = Callable[..., Headers]


def ask(door: httpx.Client, headers: Headers, status: int = 200, **asked: Any) -> Any:
    answer = door.post("/api/v1/audience", json={"topic": "storm", "channels": ["sms"]} | asked, headers=headers)
    assert answer.status_code == status, answer.text
    return answer.json()


@pytest.fixture
def people(city: datetime) -> datetime:
    with transaction() as s:
        factories.zone(s, "Far", square(5, 5), now=city)
        factories.resident(s, at=[(5.5, 5.5)], now=city)
        factories.resident(s, at=[(5.1, 5.1)], language="es", now=city)
        factories.resident(s, at=[(5.1, 5.1)], topics=("snow",), now=city)
    return city


def test_a_count_by_channel_language_and_reason(door: httpx.Client, key: Key, people: datetime) -> None:
    found = ask(door, key(), include=[{"zone": "Far"}])
    assert (found["residents"], found["total"], found["by_channel"]) == (3, 3, {"sms": 2})
    assert (found["languages"], found["skipped"]) == ({"sms": {"en": 1, "es": 1}}, {"not-subscribed": 1})
    assert found["warnings"] == []
    assert found["area"] is None


def test_drawn_circles_corridors_and_exclusions(door: httpx.Client, key: Key, people: datetime) -> None:
    circle = {"circle": {"lon": 5.1, "lat": 5.1, "radius_m": 500}}
    line = {"corridor": {"line": {"type": "LineString", "coordinates": [[5.4, 5.5], [5.6, 5.5]]}, "reach_m": 100}}
    drawn = {"area": to_geojson(square(5.05, 5.05, 0.1))}
    assert ask(door, key(), include=[circle])["residents"] == 2
    assert ask(door, key(), include=[circle, line])["residents"] == 3
    assert ask(door, key(), include=[drawn, line], exclude=[circle])["residents"] == 1
    shown = ask(door, key(), include=[circle], with_area=True)
    assert shapely.from_geojson(str(shown["area"]).replace("'", '"')).contains(shapely.Point(5.1, 5.1))
    assert shown["area_m2"] == pytest.approx(3.1416 * 500**2, rel=0.01)


def test_a_new_resident_counts_at_once(door: httpx.Client, key: Key, people: datetime) -> None:
    before = ask(door, key(), include=[{"zone": "Far"}])["residents"]
    with transaction() as s:
        factories.resident(s, at=[(5.9, 5.9)], now=people)
    assert ask(door, key(), include=[{"zone": "Far"}])["residents"] == before + 1


@pytest.mark.parametrize(
    ("include", "status", "said"),
    [
        ([{"area": to_geojson(square(60, 60))}], 409, "outside of the city"),
        ([{"area": to_geojson(square(-60, -60, 119))}], 409, "covers the whole city"),
        ([{"zone": "Nowhere"}], 404, "no zone named"),
        ([{"street": {"name": "NO SUCH ST"}}], 404, "no street"),
        ([{"circle": {"address": "7 Nowhere Lane", "radius_m": 100}}], 404, "Nothing was found"),
        ([{"circle": {"lon": 1, "radius_m": 100}}], 422, "lon and lat, or an address"),
        ([{"area": {"type": "Point", "coordinates": [1, 2]}}], 422, "not a polygon"),
        ([{"zone": "Far", "street": {"name": "X"}}], 422, "one of zone, area"),
        ([{}], 422, "one of zone, area"),
        ([], 422, "include"),
    ],
)
def test_what_cannot_be_meant_is_said(
    door: httpx.Client, key: Key, people: datetime, include: list[Any], status: int, said: str
) -> None:
    assert said in str(ask(door, key(), status, include=include))


def test_confirmed_it_is_counted(door: httpx.Client, key: Key, people: datetime) -> None:
    everything = [{"area": to_geojson(square(-60, -60, 119))}]
    assert ask(door, key(), include=everything, confirmed=["whole-city"])["residents"] >= 3


def test_the_callers_limit_is_warned_of(door: httpx.Client, key: Key, people: datetime) -> None:
    headers = key(role="author")
    with transaction() as s:
        operators.limit(s, "author@tocsin.example.org", 2, people)
    assert "more than the author's limit of 2" in ask(door, headers, include=[{"zone": "Far"}])["warnings"][0]


def test_without_a_key_nobody_is_told(door: httpx.Client, people: datetime) -> None:
    ask(door, {}, 401, include=[{"zone": "Far"}])
