"""Compose with scripts: fields saved one by one, by several windows and people."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from api import rates
from notify.core.settings import settings
from tests.api import asked
from tests.api.test_compose import desk, filled, form_of, started, zone_field

__all__ = ["desk"]
Desk = Callable[[str], httpx.Client]


def save(door: httpx.Client, path: str, changes: dict[str, Any], tab: str = "a", **seen: int) -> httpx.Response:
    given = {name.replace("__", "."): version for name, version in seen.items()}
    return door.post(f"{path}/fields", json={"tab": tab, "changes": changes, "seen": given})


def test_a_save_answers_with_versions_and_with_what_others_changed(desk: httpx.Client, at_desk: Desk) -> None:
    path = started(desk)
    first = save(desk, path, {"blank.shelter": "Library"}).json()
    assert first["kept"]["blank.shelter"][0] == 1
    told = save(at_desk("approver"), path, {"blank.wind_mph": "80"}, "b").json()
    assert told["others"]["blank.shelter"]["value"] == "Library"
    assert told["others"]["blank.shelter"]["by"] == "author@tocsin.example.org"
    assert told["set_aside"] == []


def test_typing_on_after_a_lost_answer_is_no_conflict_with_oneself(desk: httpx.Client) -> None:
    path = started(desk)
    save(desk, path, {"blank.shelter": "Lib"})
    answer = save(desk, path, {"blank.shelter": "Library"}).json()  # the answer was lost: it still knows version 0
    assert answer["set_aside"] == []
    assert form_of(desk, path).values["blank.shelter"] == "Library"


def test_a_late_save_of_another_window_is_set_aside_and_shown(desk: httpx.Client) -> None:
    path = started(desk)
    save(desk, path, {"blank.shelter": "Library"}, "a")
    late = save(desk, path, {"blank.shelter": "City Hall"}, "b").json()
    assert late["set_aside"] == ["blank.shelter"]
    assert late["others"]["blank.shelter"]["value"] == "Library"
    parts = desk.get(f"{path}/parts").text
    assert "two values" in parts
    assert "City Hall" in parts
    again = save(desk, path, {"blank.shelter": "City Hall"}, "b", blank__shelter=1).json()  # with open eyes
    assert again["set_aside"] == []


def test_two_people_tick_two_zones(desk: httpx.Client, at_desk: Desk) -> None:
    path = started(desk)
    zone = zone_field()
    save(desk, path, {zone: "on"}, "a")
    answer = save(at_desk("approver"), path, {zone.replace("zone", "but"): "on"}, "b").json()
    assert answer["set_aside"] == []
    values = form_of(at_desk("author"), path).values
    assert values[zone] == values[zone.replace("zone", "but")] == "on"


def test_the_whole_form_and_single_saves_agree_on_line_ends(desk: httpx.Client) -> None:
    path = started(desk)
    form = form_of(desk, path)
    save(desk, path, {"blank.details": "One.\r\nTwo.\rThree."})
    assert form_of(desk, path).values["blank.details"] == "One.\nTwo.\nThree."
    version = asked.number("SELECT version FROM working_drafts")
    form_of(desk, path).send(desk, path)
    save(desk, path, {"blank.details": "One.\nTwo.\nThree."}, "b")
    form.send(desk, path)  # an old page that did not touch the field
    assert asked.number("SELECT version FROM working_drafts") == version


def test_the_parts_show_what_the_page_shows(desk: httpx.Client) -> None:
    path = started(desk)
    filled(desk, path).send(desk, path)
    parts = desk.get(f"{path}/parts").text
    assert "<strong>40</strong> residents" in parts
    assert parts.count("hx-swap-oob") == 8
    assert desk.get("/console/compose/99/parts").status_code == 404


SQUARE = '{"type":"Polygon","coordinates":[[[0,0],[0.9,0],[0.9,0.9],[0,0.9],[0,0]]]}'


def test_a_save_says_when_on_the_citys_clock(desk: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOCSIN_TIMEZONE", "Asia/Kathmandu")  # 5:45 ahead of UTC, where hardly any browser is
    settings.cache_clear()
    told = save(desk, started(desk), {"blank.hazard": "wind"}).json()
    ((kept,),) = asked.rows("SELECT updated_at FROM working_drafts")
    there = kept.astimezone(UTC) + timedelta(hours=5, minutes=45)
    assert told["saved_at"] == f"{there:%-I:%M:%S %p}"


def test_a_drawing_is_counted_before_it_is_saved(desk: httpx.Client, at_desk: Desk) -> None:
    path = started(desk)
    told = desk.post(f"{path}/count", json={"area": SQUARE}).json()
    assert told["words"].startswith("40 residents")
    assert asked.number("SELECT version FROM working_drafts") == 1
    assert asked.number("SELECT count(*) FROM audit WHERE action = 'count'") == 1
    small = SQUARE.replace("0.9", "0.1")
    assert (
        desk.post(f"{path}/count", json={"area": small}).json()["words"].startswith("none or fewer than 10 residents")
    )
    assert "not JSON" in desk.post(f"{path}/count", json={"area": "{"}).json()["words"]
    assert desk.post(f"{path}/count", content=b"{}").status_code == 422
    own = started(at_desk("agent"), "collection issue")
    assert desk.post(f"{own}/count", json={"area": SQUARE}).status_code == 403


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"{", b'{"tab":"a","changes":{"x":1}}', b'{"tab":"a","changes":{},"seen":{"x":-1}}',
     b'{"tab":"a","changes":{},"seen":{"x":99999999999999999999}}', b'{"tab":"a","by":3}', b"\xff"],
)  # fmt: skip
def test_a_bad_save_is_refused_with_a_sentence(desk: httpx.Client, body: bytes) -> None:
    path = started(desk)
    answer = desk.post(f"{path}/fields", content=body)
    assert answer.status_code == 422
    assert "not sent by our page" in answer.text


def test_saves_are_refused_as_in_the_form(desk: httpx.Client, at_desk: Desk, city: datetime) -> None:
    path = started(desk)
    assert save(desk, path, {"blank.nonsense": "x"}).status_code == 422
    assert save(desk, path, {"blank.shelter": "x" * 5001}).status_code == 422
    half = rb'{"tab":"a","changes":{"blank.shelter":"\ud800 Library \u0000"}}'  # half a character, and none
    assert desk.post(f"{path}/fields", content=half).status_code in {200, 422}
    assert save(desk, "/console/compose/99", {}).status_code == 404
    assert save(at_desk("agent"), path, {"blank.shelter": "x"}).status_code == 403
    door = at_desk("author")
    door.post(f"{path}/drop")
    told = save(door, path, {"blank.shelter": "x"})
    assert told.status_code == 409
    assert "thrown away" in told.json()["message"]
    door.cookies.clear()
    assert save(door, path, {"blank.shelter": "x"}).status_code == 303


def test_saves_are_limited_in_number(desk: httpx.Client, redis: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rates, "COMPOSE", 3)
    path = started(desk)
    answers = [
        save(desk, path, {"blank.shelter": str(n)}).status_code for n in range(10)
    ]  # perhaps over the turn of a minute
    assert 429 in answers
