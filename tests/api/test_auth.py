"""Who may come in, and as whom."""

from collections.abc import Callable
from datetime import datetime

import httpx
import pytest

from notify.core import crypto
from notify.core.db import transaction
from notify.core.settings import settings
from tests import factories
from tests.api import asked

Headers = dict[str, str]
Key = Callable[..., Headers]
Desk = Callable[[str], httpx.Client]
DRAFT = {"event": "storm", "zones": ["Riverside"], "blanks": {"hazard": "tornado"}, "channels": ["sms"]}


def own(door: httpx.Client) -> Headers:
    """What a browser says of a form from our own page."""
    return {"Origin": str(door.base_url).rstrip("/")}


@pytest.mark.parametrize("path", ["alerts", "zones", "senders", "subscribers/count"])
@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer tocsin_wrong"}, {"Authorization": "Basic eDp5"}])
def test_without_a_valid_key_nothing_is_told(door: httpx.Client, path: str, headers: Headers) -> None:
    answer = door.get(f"/api/v1/{path}", headers=headers)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_revoked_key_is_no_key(door: httpx.Client, key: Key) -> None:
    headers = key()
    assert door.get("/api/v1/alerts", headers=headers).status_code == 200
    asked.do("UPDATE api_keys SET revoked_at = now()")
    assert door.get("/api/v1/alerts", headers=headers).status_code == 401


def test_the_key_of_an_operator_who_has_left_is_no_key(door: httpx.Client, key: Key) -> None:
    headers = key()
    asked.do("UPDATE operators SET disabled_at = now()")
    assert door.get("/api/v1/alerts", headers=headers).status_code == 401


def test_a_key_without_an_operator_may_only_read(door: httpx.Client, key: Key, city: datetime) -> None:
    reading = key(None)
    number = door.post("/api/v1/alerts", json=DRAFT, headers=key("author")).json()["id"]
    assert door.get(f"/api/v1/alerts/{number}", headers=reading).status_code == 200
    assert door.post("/api/v1/alerts", json=DRAFT, headers=reading).status_code == 403
    for step in ("approve", "launch", "pause", "resume", "cancel"):
        assert door.post(f"/api/v1/alerts/{number}/{step}", headers=reading).status_code == 403, step
    body = {"provider": "twilio", "address": "+15555550100", "rate_per_s": 1}
    assert door.post("/api/v1/senders", json=body, headers=reading).status_code == 403


def test_roles_are_kept(door: httpx.Client, key: Key, city: datetime) -> None:
    author = key("author")
    assert door.post("/api/v1/alerts", json=DRAFT, headers=key("agent")).status_code == 403
    number = door.post("/api/v1/alerts", json=DRAFT, headers=author).json()["id"]
    assert door.post(f"/api/v1/alerts/{number}/approve", headers=author).status_code == 403
    body = {"provider": "twilio", "address": "+15555550100", "rate_per_s": 1}
    assert door.post("/api/v1/senders", json=body, headers=key("approver")).status_code == 403
    assert door.post("/api/v1/senders", json=body, headers=key("admin")).status_code == 201
    file = {"file": ("zones.geojson", b"{}")}
    refused = door.post("/api/v1/zones/import", files=file, data={"kind": "custom"}, headers=author)
    assert refused.status_code == 403


def test_an_emergency_is_not_approved_by_its_author(door: httpx.Client, key: Key, city: datetime) -> None:
    admin = key("admin")
    number = door.post("/api/v1/alerts", json=DRAFT, headers=admin).json()["id"]
    answer = door.post(f"/api/v1/alerts/{number}/approve", headers=admin)
    assert answer.status_code == 409
    assert answer.json()["hint"] == "Somebody else must approve it."


def test_a_key_does_not_open_the_console(door: httpx.Client, key: Key) -> None:
    secret = key()["Authorization"].removeprefix("Bearer ")
    for answer in (
        door.get("/console", headers={"Authorization": f"Bearer {secret}"}),
        door.get("/console", headers={"Cookie": f"tocsin={secret}"}),
    ):
        assert (answer.status_code, answer.headers["location"]) == (303, "/console/sign-in?next=%2Fconsole")
    assert door.post("/console/sign-in", data={"key": secret}, headers=own(door)).status_code == 401


def test_a_forged_cookie_is_no_cookie(door: httpx.Client, at_desk: Desk) -> None:
    token = at_desk("admin").cookies["tocsin"]
    door.cookies.clear()
    for forged in ("", "x", crypto.hash_key(token).hex(), token[:-1]):
        assert door.get("/console", headers={"Cookie": f"tocsin={forged}"}).status_code == 303
    assert door.get("/console", headers={"Cookie": f"tocsin={token}"}).status_code == 200


def test_a_form_from_another_site_does_nothing(door: httpx.Client, at_desk: Desk, city: datetime) -> None:
    with transaction() as s:
        number = factories.alert_ready(s, now=city).id
    at_desk("admin")
    del door.headers["Origin"]
    form = {"sure": "yes", "area_hash": ""}
    for headers in (
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://["},
        {"Sec-Fetch-Site": "cross-site", **own(door)},
        {},
    ):
        answer = door.post(f"/console/alerts/{number}/cancel", data=form, headers=headers)
        assert answer.status_code == 403, headers
    assert asked.rows("SELECT state FROM alerts")[0].state == "approved"
    assert door.post(f"/console/alerts/{number}/cancel", data=form, headers=own(door)).status_code == 303
    assert asked.rows("SELECT state FROM alerts")[0].state == "cancelled"


@pytest.mark.parametrize("path", ["sign-in", "sign-out", "enter"])
def test_an_origin_that_cannot_be_read_is_another_site(door: httpx.Client, path: str) -> None:
    for origin in ("http://[", "http://[::1"):
        assert door.post(f"/console/{path}", data={"link": "x"}, headers={"Origin": origin}).status_code == 403


def test_a_page_of_no_readable_address_leads_to_the_console(door: httpx.Client) -> None:
    torn = {"Referer": "http://[", **own(door)}
    assert door.post("/console/alerts/1/cancel", headers=torn).headers["location"] == "/console/sign-in?next=%2Fconsole"


def test_signing_out_ends_it_for_a_copy_of_the_cookie_too(at_desk: Desk) -> None:
    door = at_desk("author")
    copied = door.cookies["tocsin"]
    door.post("/console/sign-out")
    assert door.get("/console", headers={"Cookie": f"tocsin={copied}"}).status_code == 303
    assert door.get("/console").status_code == 303


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:443", "127.0.0.1.evil", "[x", "localhost@evil.example:1"]
)
def test_the_console_answers_to_our_name_alone(door: httpx.Client, at_desk: Desk, host: str) -> None:
    at_desk("admin")
    for path in ("/console", "/console/sign-in", "/console/enter?link=x", "/console/join?link=x", "/console/map"):
        assert door.get(path, headers={"Host": host}).status_code == 421
    forged = {"Host": host, "Origin": "http://evil.example"}
    for path in ("/console/sign-in", "/console/enter", "/console/join"):
        assert door.post(path, data={"link": "x"}, headers=forged).status_code == 421
    assert door.post("/console/sign-out", headers=forged).status_code == 403


def test_behind_https_browsers_are_told_to_stay_there(
    door: httpx.Client, key: Key, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "strict-transport-security" not in door.get("/").headers
    monkeypatch.setenv("TOCSIN_PUBLIC_URL", "https://alerts.example.org")
    settings.cache_clear()
    assert door.get("/").headers["strict-transport-security"] == "max-age=31536000"
    assert door.get("/console/sign-in", headers={"Host": "alerts.example.org"}).status_code == 200
