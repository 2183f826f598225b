"""`/api/v1/addresses`: what residents type is found, and stands in no log line."""

from collections.abc import Callable

import httpx
import pytest

from api.rest.addresses import OR_CLICK
from notify.city.geocoder.finding import AMBIGUOUS, NOT_FOUND
from tests.notify.city.geocoder.town import avenue, settle

Headers = dict[str, str]


@pytest.fixture
def town(door: httpx.Client) -> None:
    settle([avenue("N 5TH ST", 0), avenue("S 5TH ST", 1), avenue("MAPLE AVE", 2)])


def test_an_address_is_found(door: httpx.Client, key: Callable[..., Headers], town: None) -> None:
    answer = door.post("/api/v1/addresses/find", json={"text": "150 n fifth st apt 5"}, headers=key(None))
    assert answer.status_code == 200
    told = answer.json()
    assert (told["certain"], told["ambiguous"], told["message"]) == (True, False, "")
    first = told["matches"][0]
    assert (first["label"], first["kind"], first["by"]) == ("150 N 5th St, 19121", "range", "city")
    assert first["lon"] == pytest.approx(-75.0, abs=0.001)


def test_several_places_and_none_are_said(door: httpx.Client, key: Callable[..., Headers], town: None) -> None:
    headers = key(None)
    told = door.post("/api/v1/addresses/find", json={"text": "150 5th st"}, headers=headers).json()
    assert (told["ambiguous"], told["message"], len(told["matches"])) == (True, f"{AMBIGUOUS} {OR_CLICK}", 2)
    told = door.post("/api/v1/addresses/find", json={"text": "1 Nowhere Rd"}, headers=headers).json()
    assert told == {"matches": [], "ambiguous": False, "certain": False, "message": f"{NOT_FOUND} {OR_CLICK}"}


def test_suggestions(door: httpx.Client, key: Callable[..., Headers], town: None) -> None:
    told = door.post("/api/v1/addresses/suggest", json={"text": "150 ma"}, headers=key(None)).json()
    assert [match["label"] for match in told["matches"]] == ["150 Maple Ave, 19121"]


@pytest.mark.parametrize("path", ["find", "suggest"])
def test_an_api_key_is_needed_and_the_text_is_bounded(
    path: str, door: httpx.Client, key: Callable[..., Headers]
) -> None:
    assert door.post(f"/api/v1/addresses/{path}", json={"text": "12 Elm"}).status_code == 401
    refused = door.post(f"/api/v1/addresses/{path}", json={"text": "Elm Rd " * 99}, headers=key(None))
    assert refused.status_code == 422
    assert "Elm" not in refused.text
    assert door.get(f"/api/v1/addresses/{path}?text=12+Elm", headers=key(None)).status_code == 405


def test_no_log_line_shows_an_address(
    door: httpx.Client, key: Callable[..., Headers], town: None, capfd: pytest.CaptureFixture[str]
) -> None:
    for path in ("find", "suggest"):
        door.post(f"/api/v1/addresses/{path}", json={"text": "150 Maple Ave"}, headers=key(None))
    assert "aple" not in "".join(capfd.readouterr())
