"""How many an area reaches, asked at the door."""

import contextlib
import os
import signal
from collections.abc import Callable
from datetime import datetime
from typing import Any

import httpx
import numpy as np
import pytest
import shapely

from api import errors, rates, seats
from api.rest.area_bodies import PartIn
from notify.accounts import operator_limits
from notify.city import area as city_area
from notify.core.db import transaction
from notify.models import Street
from tests import factories
from tests.api import asked
from tests.factories import square
from zones.geometry import to_geojson
from zones.geometry_pool import GeometryPool

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
        for _ in range(12):
            factories.resident(s, at=[(5.5, 5.5)], now=city)
        for _ in range(15):
            factories.resident(s, at=[(5.1, 5.1)], language="es", now=city)
        for _ in range(11):
            factories.resident(s, at=[(5.1, 5.1)], topics=("snow",), now=city)
    return city


def test_a_count_by_channel_language_and_reason(door: httpx.Client, key: Key, people: datetime) -> None:
    found = ask(door, key(), include=[{"zone": "Far"}])
    assert (found["residents"], found["total"], found["by_channel"]) == (38, 30, {"sms": 27})
    assert (found["languages"], found["skipped"]) == ({"sms": {"en": 12, "es": 15}}, {"not-subscribed": 10})
    assert found["warnings"] == []
    assert found["area"] is None


def test_drawn_circles_corridors_and_exclusions(door: httpx.Client, key: Key, people: datetime) -> None:
    circle = {"circle": {"lon": 5.1, "lat": 5.1, "radius_m": 500}}
    line = {"corridor": {"line": {"type": "LineString", "coordinates": [[5.4, 5.5], [5.6, 5.5]]}, "reach_m": 100}}
    drawn = {"area": to_geojson(square(5.05, 5.05, 0.1))}
    assert ask(door, key(), include=[circle])["residents"] == 26
    assert ask(door, key(), include=[circle, line])["residents"] == 38
    assert ask(door, key(), include=[drawn, line], exclude=[circle])["residents"] == 12
    shown = ask(door, key(), include=[circle], with_area=True)
    assert shapely.from_geojson(str(shown["area"]).replace("'", '"')).contains(shapely.Point(5.1, 5.1))
    assert shown["area_m2"] == pytest.approx(3.1416 * 500**2, rel=0.01)


def test_parts_and_without_are_include_and_exclude(door: httpx.Client, key: Key, people: datetime) -> None:
    whole, part = [{"zone": "Far"}], [{"circle": {"lon": 5.1, "lat": 5.1, "radius_m": 500}}]
    headers = key()
    assert ask(door, headers, include=whole, exclude=part)["residents"] == 12
    assert ask(door, headers, parts=whole, without=part)["residents"] == 12
    ask(door, headers, 422, include=whole, parts=whole)
    storm = {"event": "storm", "blanks": {"hazard": "thunderstorm"}, "area_description": "Far"}
    made = [
        door.post("/api/v1/alerts", json=storm | area, headers=headers).json()
        for area in ({"parts": whole, "without": part}, {"include": whole, "exclude": part})
    ]
    assert made[0]["area_hash"] == made[1]["area_hash"]


def test_a_new_resident_counts_at_once(door: httpx.Client, key: Key, people: datetime) -> None:
    before = ask(door, key(), include=[{"zone": "Far"}])["residents"]
    with transaction() as s:
        factories.resident(s, at=[(5.9, 5.9)], now=people)
    assert ask(door, key(), include=[{"zone": "Far"}])["residents"] == before + 1


@pytest.mark.parametrize(
    ("include", "status", "said"),
    [
        ([{"area": to_geojson(square(60, 60))}], 409, "outside the city"),
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
        operator_limits.change(s, factories.operator(s, "author"), people, None, contacts=2)
    assert "more contacts than the author's limit of 2" in ask(door, headers, include=[{"zone": "Far"}])["warnings"][0]


def test_without_a_key_nobody_is_told(door: httpx.Client, people: datetime) -> None:
    ask(door, {}, 401, include=[{"zone": "Far"}])


def test_an_empty_hole_ends_no_process(door: httpx.Client, key: Key, people: datetime) -> None:
    """It did: GEOS crashes over an empty ring, and the API with it."""
    ring = [[-76.4, 36.8], [-76.35, 36.8], [-76.35, 36.85], [-76.4, 36.8]]
    drawn = {"area": {"type": "Polygon", "coordinates": [ring, []]}}
    found = ask(door, key(), include=[drawn], confirmed=["outside-city"])
    assert found["area_m2"] / 1e6 == pytest.approx(12.377, abs=0.001)


def test_a_thousand_times_the_same_part_is_one(door: httpx.Client, key: Key, people: datetime) -> None:
    circle = {"circle": {"lon": 5.1, "lat": 5.1, "radius_m": 500}}
    drawn = {"area": to_geojson(square(5.05, 5.05, 0.1))}
    asked = [drawn, circle] * 500
    assert city_area._once_each([PartIn.model_validate(one).as_part() for one in asked]) == [
        PartIn.model_validate(one).as_part() for one in (drawn, circle)
    ]
    assert ask(door, key(), include=asked)["residents"] == 26


def test_a_thousand_parts_that_name_one_street_are_one(door: httpx.Client, key: Key, people: datetime) -> None:
    with transaction() as s:
        line = shapely.LineString([(5.1, 5.05), (5.1, 5.15)])
        west, south, east, north = line.bounds
        s.add(Street(name="N BROAD ST", geometry=shapely.to_wkb(line), west=west, south=south, east=east, north=north))
    street = {"street": {"name": "N BROAD ST"}}
    once = ask(door, key(), include=[street])
    assert once["residents"] == 26
    assert ask(door, key(), include=[street] * 1000) == once


def test_a_star_of_many_corners_is_refused(door: httpx.Client, key: Key, people: datetime) -> None:
    angles = np.linspace(0, 2 * np.pi, 100_000)
    reach = np.where(np.arange(100_000) % 2, 0.05, 0.0005)
    star = shapely.Polygon(np.column_stack([5.1 + reach * np.cos(angles), 5.1 + reach * np.sin(angles)]))
    assert "runs across it" in ask(door, key(), 422, include=[{"area": to_geojson(star)}])["detail"]


def test_a_key_has_a_few_seats() -> None:
    with contextlib.ExitStack() as held:
        for _ in range(seats.AREAS_AT_ONCE):
            held.enter_context(seats.area_seat(1))
        with pytest.raises(errors.TooMany, match="computed for this key"), seats.area_seat(1):
            pass
        with seats.area_seat(2):
            pass
    with seats.area_seat(1):
        pass
    assert errors.tell(errors.TooMany("x")).status == 429


def test_small_numbers_do_not_point_at_homes(door: httpx.Client, key: Key, people: datetime) -> None:
    few = "fewer than 10"
    with transaction() as s:
        factories.resident(s, at=[(7.5, 7.5)], topics=("snow",), now=people)
    one = {"area": to_geojson(square(7.4, 7.4, 0.2))}
    nobody = {"area": to_geojson(square(7.0, 7.0, 0.2))}
    headers = key("author")
    for include in ([one], [nobody]):
        found = ask(door, headers, include=include, confirmed=["outside-city"])
        assert (found["residents"], found["total"]) == (few, few)
        assert {*found["by_channel"].values()} == {few}
        assert found["skipped"] == {}, "that a reason is named would say that it is not 0"
        assert not any(found["languages"].values())
    mixed = ask(door, headers, include=[one, {"zone": "Far"}], confirmed=["outside-city"])
    assert (mixed["residents"], mixed["skipped"]) == (39, {"not-subscribed": 10})


def test_areas_are_counted_for_those_who_may_draft_and_leave_a_trace(
    door: httpx.Client, key: Key, people: datetime
) -> None:
    for headers in (key(None), key("agent")):
        ask(door, headers, 403, include=[{"zone": "Far"}])
    ask(door, key("author"), include=[{"zone": "Far"}])
    kept = asked.rows(
        "SELECT o.email, a.detail FROM audit a JOIN operators o ON o.id = a.operator_id WHERE a.action = 'count'"
    )
    assert kept == [("author@tocsin.example.org", {"box": [5.0, 5.0, 6.0, 6.0], "residents": 38})]


@pytest.mark.parametrize("page", ["/api/v1/alerts/{}/audience", "/api/v1/alerts/{}/plan", "/console/alerts/{}"])
def test_who_looks_whom_a_draft_reaches_leaves_the_same_trace(
    operator: httpx.Client, key: Key, people: datetime, page: str
) -> None:
    """An author who may not be told how many live in a rectangle drafted an alert for it, and looked there."""
    headers = key("author")
    made = drafted(operator, headers).json()["id"]
    assert operator.get(page.format(made), headers=headers).status_code == 200
    kept = asked.rows(
        "SELECT o.role, a.detail FROM audit a JOIN operators o ON o.id = a.operator_id WHERE a.action = 'count'"
    )
    role = "admin" if "console" in page else "author"
    assert kept == [(role, {"alert": made, "box": [5.05, 5.05, 5.15, 5.15], "residents": 26})]


def drafted(door: httpx.Client, headers: Headers) -> httpx.Response:
    draft = {"event": "storm", "blanks": {"hazard": "tornado"}, "channels": ["sms"], "area_description": "Here"}
    drawn = [{"area": to_geojson(square(5.05, 5.05, 0.1))}]
    return door.post("/api/v1/alerts", json=draft | {"parts": drawn}, headers=headers)


def test_drafts_and_their_previews_are_rationed_like_counts_but_not_with_them(
    door: httpx.Client, key: Key, people: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rates, "COUNT", 2)
    monkeypatch.setattr(rates, "WINDOW_S", 86_400)
    headers = key("author")
    assert [drafted(door, headers).status_code for _ in range(3)] == [201, 201, 429]
    (made, *_) = (one["id"] for one in door.get("/api/v1/alerts", headers=headers).json()["alerts"])
    pages = [f"/api/v1/alerts/{made}/{page}" for page in ("audience", "plan", "audience", "plan")]
    assert [door.get(page, headers=headers).status_code for page in pages] == [200, 200, 429, 429]
    ask(door, headers, include=[{"zone": "Far"}])
    assert door.get(f"/api/v1/alerts/{made}", headers=headers).status_code == 200


def test_counts_are_rationed(door: httpx.Client, key: Key, people: datetime, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rates, "COUNT", 2)
    monkeypatch.setattr(rates, "WINDOW_S", 86_400)  # no new window begins meanwhile
    headers = key("author")
    for _ in range(2):
        ask(door, headers, include=[{"zone": "Far"}])
    assert ask(door, headers, 429, include=[{"zone": "Far"}])["detail"] == "Too many requests."
    ask(door, key("approver"), include=[{"zone": "Far"}])


def test_helper_processes_that_are_killed_or_busy_cost_one_answer_in_words(
    door: httpx.Client, key: Key, people: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By whoever runs out of memory on this machine, say."""
    pool = GeometryPool(processes=1, seconds=10)
    monkeypatch.setattr(city_area, "geometry_pool", lambda: pool)
    asking = {"include": [{"area": to_geojson(square(5.05, 5.05, 0.1))}]}
    assert ask(door, key(), **asking)["residents"] == 26
    (worker,) = pool._idle
    os.kill(worker._process.pid, signal.SIGKILL)
    refused = ask(door, key(), 422, **asking)
    assert "GEOS crashed" in str(refused)
    assert ask(door, key(), **asking)["residents"] == 26
    pool._seconds = 0.05
    with pool._seats:
        assert "Too many areas are being computed" in str(ask(door, key(), 503, **asking))
    pool.close()
