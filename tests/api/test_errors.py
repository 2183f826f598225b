"""Every kind of error, as programs and as people get it."""

import asyncio
import io
import socket
from collections.abc import Callable
from datetime import datetime

import httpx
import pytest

from api.app import create_app
from api.errors import PROBLEM
from notify.core import crypto
from notify.core.db import forget_engine
from notify.core.settings import settings
from tests.api import asked
from tests.owner import as_owner

Headers = dict[str, str]
Key = Callable[..., Headers]
Desk = Callable[[str], httpx.Client]

DRAFT = {"event": "storm", "zones": ["Riverside"], "blanks": {"hazard": "tornado"}, "channels": ["sms"]}


def problem(answer: httpx.Response, status: int) -> dict[str, object]:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    told: dict[str, object] = answer.json()
    assert told["status"] == status
    assert told["title"]
    assert str(told["type"]).startswith("urn:tocsin:problem:")
    return told


def test_an_unknown_id_is_404_with_what_to_do(door: httpx.Client, key: Key) -> None:
    told = problem(door.get("/api/v1/alerts/77", headers=key()), 404)
    assert told["detail"] == "There is no alert 77."
    assert told["hint"]


@pytest.mark.parametrize("path", ["/api/v1/alerts/abc", "/api/v1/alerts/0", f"/api/v1/alerts/{10**30}", "/api/v1/x"])
def test_what_cannot_be_an_id_is_404_too(door: httpx.Client, key: Key, path: str) -> None:
    problem(door.get(path, headers=key()), 404)


def test_an_unknown_zone_is_404_with_near_names(door: httpx.Client, key: Key, city: datetime) -> None:
    told = problem(door.post("/api/v1/alerts", json=DRAFT | {"zones": ["Rivrside"]}, headers=key()), 404)
    assert told["hint"] == "Did you mean Riverside?"


@pytest.mark.parametrize(("path", "status"), [("/console/audit", 403), ("/console/alerts/77", 404)])
def test_the_page_of_an_error_at_the_console_leads_on(at_desk: Desk, path: str, status: int) -> None:
    answer = at_desk("agent").get(path)
    assert answer.status_code == status
    assert 'href="/console/alerts"' in answer.text
    assert 'action="/console/sign-out"' in answer.text
    assert "Official alerts" not in answer.text, "that is the residents' page"


@pytest.mark.parametrize("name", ["Nowhere", "No%0Awhere", "%0A", "Old Town/We%0Ast", "%F3%8B%9B%83?%0A%03"])
def test_a_name_that_no_zone_can_have_is_404_too(door: httpx.Client, key: Key, city: datetime, name: str) -> None:
    problem(door.get(f"/api/v1/zones/{name}", headers=key()), 404)


def test_a_body_that_does_not_fit_names_its_fields_and_repeats_none_of_it(door: httpx.Client, key: Key) -> None:
    body = DRAFT | {"severity": "+12155550123", "colour": "red"}
    answer = door.post("/api/v1/alerts", json=body, headers=key())
    told = problem(answer, 422)
    assert isinstance(told["errors"], list)
    assert [str(one).partition(":")[0] for one in told["errors"]] == ["severity", "colour"]
    assert "2155550123" not in answer.text


def test_words_with_a_blank_missing_are_422(door: httpx.Client, key: Key, city: datetime) -> None:
    told = problem(door.post("/api/v1/alerts", json=DRAFT | {"blanks": {}}, headers=key()), 422)
    assert "hazard" in str(told)


def test_a_launch_without_approval_is_409(door: httpx.Client, key: Key, city: datetime) -> None:
    admin = key()
    number = door.post("/api/v1/alerts", json=DRAFT, headers=admin).json()["id"]
    told = problem(door.post(f"/api/v1/alerts/{number}/launch", headers=admin), 409)
    assert told["detail"] == f"Alert {number} is not approved."


def test_missing_credentials_are_503_at_approval(door: httpx.Client, key: Key, city: datetime) -> None:
    number = door.post("/api/v1/alerts", json=DRAFT, headers=key("author")).json()["id"]
    told = problem(door.post(f"/api/v1/alerts/{number}/approve", headers=key("approver")), 503)
    assert told["errors"] == ["sms has no sender: add one with `tocsin senders add`."]


def test_an_unreadable_zone_file_is_422_and_keeps_nothing(door: httpx.Client, key: Key) -> None:
    admin = key()
    file = {"file": ("zones.geojson", io.BytesIO(b"no zones at all"))}
    problem(door.post("/api/v1/zones/import", files=file, data={"kind": "custom"}, headers=admin), 422)
    assert door.get("/api/v1/zones", headers=admin).json() == {"zones": []}


@pytest.mark.parametrize(("path", "most"), [("/api/v1/addresses/find", 2**20), ("/api/v1/alerts", 16 * 2**20)])
def test_a_body_beyond_the_limit_is_413(door: httpx.Client, key: Key, path: str, most: int) -> None:
    problem(door.post(path, content=b" " * (most + 1), headers=key()), 413)


def test_a_body_in_chunks_beyond_the_limit_is_413(door: httpx.Client, key: Key) -> None:
    problem(door.post("/api/v1/addresses/find", content=iter([b" " * 2**19] * 3), headers=key()), 413)


@pytest.mark.parametrize("length", [{"Content-Length": "10000000"}, {"Transfer-Encoding": "chunked"}])
@pytest.mark.parametrize("path", ["/api/v1/zones/import", "/api/v1/audience"])
def test_nothing_large_is_taken_from_somebody_without_a_key(
    door: httpx.Client, path: str, length: dict[str, str]
) -> None:
    lines = [f"POST {path} HTTP/1.1", "Host: tocsin", "Authorization: Bearer tocsin_wrong"]
    lines += ["Content-Type: multipart/form-data; boundary=x"]
    lines += [f"{name}: {value}" for name, value in length.items()]
    with socket.create_connection((door.base_url.host, door.base_url.port or 80), timeout=60) as line:
        line.sendall("\r\n".join([*lines, "", ""]).encode())
        assert line.recv(100).startswith(b"HTTP/1.1 401 "), "answered before a body is there"


def test_a_page_takes_no_more_than_its_form_needs(door: httpx.Client) -> None:
    assert door.post("/console/sign-in", content=b"a" * (2**16 + 1)).status_code == 413


@pytest.mark.parametrize("path", ["/api/v1/senders", "/api/v1/addresses/find"])
def test_a_body_is_not_parsed_for_somebody_without_a_key(door: httpx.Client, path: str) -> None:
    problem(door.post(path, content=b"[" * (2**16 + 1), headers={"Content-Type": "application/json"}), 401)


def test_a_time_that_nobody_could_read_again_is_422(door: httpx.Client, key: Key, city: datetime) -> None:
    author = key("author")
    for moment in ("9999-12-31T23:59:59-12:00", "9999-12-31T23:59:59Z", "0001-01-01T00:00:00+12:00"):
        for name in ("launch_at", "expires_at"):
            told = problem(door.post("/api/v1/alerts", json=DRAFT | {name: moment}, headers=author), 422)
            assert name in str(told["errors"])
    problem(door.get("/api/v1/alerts/77", headers=author), 404)
    assert door.get("/api/v1/alerts", headers=author).status_code == 200


def test_an_unreadable_row_hides_no_other(door: httpx.Client, key: Key, city: datetime) -> None:
    author = key("author")
    numbers = [door.post("/api/v1/alerts", json=DRAFT, headers=author).json()["id"] for _ in range(3)]
    as_owner("ALTER TABLE alerts DROP CONSTRAINT launch_at_readable, DROP CONSTRAINT launch_before_end")
    try:
        as_owner("UPDATE alerts SET launch_at = '10000-01-01 12:00+00' WHERE id = :id", id=numbers[1])
        listed = door.get("/api/v1/alerts", headers=author).json()["alerts"]
        assert [one["id"] for one in listed] == [numbers[2], numbers[0]]
        assert asked.rows("SELECT kind, alert_id FROM alarms") == [("unreadable-row", numbers[1])]
    finally:
        as_owner("UPDATE alerts SET launch_at = NULL")
        as_owner(
            "ALTER TABLE alerts ADD CONSTRAINT launch_at_readable"
            " CHECK (launch_at BETWEEN '2000-01-01 00:00+00' AND '2199-12-31 00:00+00'),"
            " ADD CONSTRAINT launch_before_end"
            " CHECK (launch_at IS NULL OR launch_at < expires_at OR state IN ('cancelled', 'expired'))"
        )


@pytest.mark.parametrize("rate", [5e-324, 0.009, 0, -1, 100_001])
def test_a_rate_that_no_plan_can_be_made_with_is_422(door: httpx.Client, key: Key, rate: float) -> None:
    body = {"provider": "twilio", "address": "+15555550100", "rate_per_s": rate}
    problem(door.post("/api/v1/senders", json=body, headers=key()), 422)


LONE, LONG = '"\\ud800"', "9" * 5_000
DEEP = '{"type":"Polygon","coordinates":' + "[" * 20_000 + "]" * 20_000 + "}"
NASTY = {
    "deep": "[" * 60_000,
    "deep objects": '{"a":' * 10_000,
    "surrogate in a word": f'{{"event":{LONE},"text":{LONE},"provider":{LONE},"address":{LONE},"topic":{LONE}}}',
    "surrogate in a blank": f'{{"event":"storm","zones":["Riverside"],"blanks":{{"hazard":{LONE}}}}}',
    "surrogate in a name": f'{{"event":"storm","zones":[{LONE}],"blanks":{{"hazard":"tornado"}}}}',
    "surrogate as a key": f"{{{LONE}:1}}",
    "surrogate in an area": f'{{"event":"storm","topic":"storm","include":[{{"area":{{"type":{LONE}}}}}]}}',
    "surrogate described": f'{{"event":"storm","zones":["Riverside"],"area_description":{LONE},'
    '"blanks":{"hazard":"tornado"}}',
    "deep area": f'{{"event":"storm","area":{DEEP}}}',
    "deep part": f'{{"topic":"storm","include":[{{"area":{DEEP}}}]}}',
    "long number": f'{{"event":"storm","incident":{LONG},"rate_per_s":{LONG},"daily_cap":{LONG},"topic":{LONG}}}',
    "long time": f'{{"event":"storm","launch_at":"{LONG}","expires_at":{LONG}}}',
    "long coordinate": f'{{"topic":"storm","include":[{{"circle":{{"lon":{LONG},"lat":1,"radius_m":1}}}}]}}',
    "not a number": '{"event":"storm","rate_per_s":NaN,"include":[{"circle":{"lon":NaN,"lat":1,"radius_m":1}}]}',
}


@pytest.mark.parametrize("nasty", NASTY)
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/api/v1/alerts"),
        ("POST", "/api/v1/audience"),
        ("POST", "/api/v1/senders"),
        ("PATCH", "/api/v1/senders/1"),
        ("POST", "/api/v1/addresses/find"),
    ],
)
def test_what_is_nasty_is_refused_as_the_callers_fault(
    door: httpx.Client, key: Key, city: datetime, method: str, path: str, nasty: str
) -> None:
    answer = door.request(method, path, content=NASTY[nasty], headers=key() | {"Content-Type": "application/json"})
    assert 400 <= answer.status_code < 500, answer.text


@pytest.mark.parametrize("number", ["9" * 5_000, "9" * 19, "%00", "%ED%A0%80", "-1", "1e3", "٣"])
@pytest.mark.parametrize("path", ["/api/v1/alerts/{}", "/alerts/{}", "/console/alerts/{}", "/api/v1/alerts/{}/plan"])
def test_a_nasty_id_is_no_id(door: httpx.Client, key: Key, path: str, number: str) -> None:
    assert door.get(path.format(number), headers=key()).status_code in {303, 404}


@pytest.mark.parametrize("asked", ["limit=" + "9" * 5_000, "limit=%ED%A0%80", "limit=%00"])
def test_a_nasty_query_is_422(door: httpx.Client, key: Key, asked: str) -> None:
    problem(door.get(f"/api/v1/alerts?{asked}", headers=key()), 422)


def test_a_wrong_method_is_405(door: httpx.Client, key: Key) -> None:
    problem(door.delete("/api/v1/alerts", headers=key()), 405)


def test_a_character_that_cannot_be_stored_is_422(door: httpx.Client, key: Key) -> None:
    body = {"provider": "twilio", "address": "a\x00b", "rate_per_s": 1}
    problem(door.post("/api/v1/senders", json=body, headers=key()), 422)


def test_a_database_that_is_away_is_503(door: httpx.Client, key: Key, monkeypatch: pytest.MonkeyPatch) -> None:
    headers = key()
    monkeypatch.setenv("TOCSIN_DATABASE_URL", "postgresql://nobody@127.0.0.1:9/none")
    settings.cache_clear()
    crypto.forget_keys()
    forget_engine()
    told = problem(door.get("/api/v1/alerts", headers=headers), 503)
    assert told["detail"] == "The database does not answer."


def test_what_nobody_foresaw_is_500_and_says_nothing_of_its_inside(caplog: pytest.LogCaptureFixture) -> None:
    app = create_app()

    def broken() -> None:
        raise RuntimeError("secret inside")

    app.add_api_route("/api/v1/broken", broken)

    async def ask() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
            return await client.get("/api/v1/broken")

    answer = asyncio.run(ask())
    problem(answer, 500)
    assert "secret" not in answer.text
    assert answer.headers["x-request-id"]


def test_people_read_the_same_sentence_on_a_page(door: httpx.Client) -> None:
    answer = door.get("/alerts/5")
    assert answer.status_code == 404
    assert answer.headers["content-type"].startswith("text/html")
    assert "There is no such alert." in answer.text


@pytest.mark.parametrize("path", ["/api", "/api/v1", "/api/v1/", "/api/v1/docs", "/api/docs", "/api/v2/openapi.json"])
def test_who_looks_for_the_api_is_led_to_its_description(door: httpx.Client, path: str) -> None:
    lost = door.get(path)
    assert (lost.status_code, lost.headers["content-type"]) == (404, PROBLEM)
    assert "/api/v1/openapi.json" in lost.json()["hint"]
    assert "/api/v1/openapi.json" in door.get("/api/v1/alerts").json()["hint"], "without a key"
    assert door.get("/api/v1/openapi.json").status_code == 200
    assert "openapi.json" not in door.get("/apiary").text


def test_what_the_console_does_not_find_names_no_command(
    door: httpx.Client, at_desk: Callable[[str], httpx.Client]
) -> None:
    at_desk("admin")
    for path in ("/console/alerts/999", "/console/nothing"):
        lost = door.get(path)
        assert lost.status_code == 404
        assert 'href="/console"' in lost.text
        assert '<p lang="en">The console lists all alerts.</p>' in lost.text
        assert "`tocsin" not in lost.text
