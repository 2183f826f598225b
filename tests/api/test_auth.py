"""Who may come in, and as whom."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from notify.accounts import operators, sessions
from notify.core import crypto
from notify.core.db import transaction
from notify.core.settings import settings
from notify.models import ApiKey
from tests import factories
from tests.api import asked
from tests.owner import as_owner

Headers = dict[str, str]
Key = Callable[..., Headers]
DRAFT = {"event": "storm", "zones": ["Riverside"], "blanks": {"hazard": "tornado"}, "channels": ["sms"]}


def secret(headers: Headers) -> str:
    return headers["Authorization"].removeprefix("Bearer ")


def own(door: httpx.Client) -> Headers:
    """What a browser says of a form from our own page."""
    return {"Origin": str(door.base_url).rstrip("/")}


def sign_in(door: httpx.Client, headers: Headers, **more: str) -> httpx.Response:
    return door.post("/console/sign-in", data={"key": secret(headers), **more}, headers=own(door))


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


def test_the_console_asks_who_is_there_and_leads_back(door: httpx.Client, key: Key) -> None:
    answer = door.get("/console/alerts/3")
    assert (answer.status_code, answer.headers["location"]) == (303, "/console/sign-in?next=%2Fconsole%2Falerts%2F3")
    inside = sign_in(door, key(), next="/console/alerts/3")
    assert (inside.status_code, inside.headers["location"]) == (303, "/console/alerts/3")


def test_the_cookie_is_for_us_alone(door: httpx.Client, key: Key, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = sign_in(door, key()).headers["set-cookie"]
    assert plain.startswith("tocsin=")
    for attribute in ("HttpOnly", "SameSite=strict", "Max-Age=43200", "Path=/"):
        assert attribute in plain
    monkeypatch.setenv("TOCSIN_PUBLIC_URL", "https://alerts.example.org")
    settings.cache_clear()
    secure = sign_in(door, key()).headers["set-cookie"]
    assert secure.startswith("__Host-tocsin=")
    assert "Secure" in secure


def test_a_wrong_key_does_not_sign_in(door: httpx.Client) -> None:
    answer = sign_in(door, {"Authorization": "Bearer tocsin_wrong"})
    assert answer.status_code == 401
    assert "set-cookie" not in answer.headers
    assert "not valid" in answer.text


@pytest.mark.parametrize("elsewhere", ["https://evil.example", "//evil.example", "/consolex", "/alerts/1"])
def test_sign_in_leads_nowhere_else(door: httpx.Client, key: Key, elsewhere: str) -> None:
    assert sign_in(door, key(), next=elsewhere).headers["location"] == "/console"


def test_a_session_ends_after_twelve_hours_and_with_its_key(door: httpx.Client, key: Key) -> None:
    sign_in(door, key())
    assert door.get("/console").status_code == 200
    asked.do("UPDATE api_keys SET revoked_at = now()")
    assert door.get("/console").status_code == 303
    asked.do("UPDATE api_keys SET revoked_at = NULL")
    as_owner("UPDATE sessions SET began_at = began_at - interval '11 hours', ends_at = ends_at - interval '11 hours'")
    assert door.get("/console").status_code == 200
    as_owner("UPDATE sessions SET began_at = began_at - interval '2 hours', ends_at = ends_at - interval '2 hours'")
    assert door.get("/console").status_code == 303


def test_the_token_of_a_session_is_not_kept(door: httpx.Client, key: Key) -> None:
    sign_in(door, key())
    token = door.cookies["tocsin"]
    (kept,) = asked.rows("SELECT row_to_json(sessions)::text FROM sessions")
    assert token not in kept[0]
    assert crypto.hash_key(token).hex() in kept[0]


def test_all_sessions_of_somebody_end_at_once(door: httpx.Client, key: Key) -> None:
    sign_in(door, key())
    with transaction() as s:
        assert sessions.end_all(s, asked.number("SELECT id FROM operators"), datetime.now(UTC)) == 1
    assert door.get("/console").status_code == 303


def test_a_forged_cookie_is_no_cookie(door: httpx.Client, key: Key) -> None:
    key()
    for forged in ("", "x", crypto.sign_token("ticket", "1.99999999999")):
        assert door.get("/console", headers={"Cookie": f"tocsin={forged}"}).status_code == 303


def test_a_form_from_another_site_does_nothing(door: httpx.Client, key: Key, city: datetime) -> None:
    with transaction() as s:
        number = factories.alert_ready(s, now=city).id
    sign_in(door, key())
    form = {"sure": "yes", "area_hash": ""}
    for headers in (
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site", **own(door)},
        {},
    ):
        answer = door.post(f"/console/alerts/{number}/cancel", data=form, headers=headers)
        assert answer.status_code == 403, headers
    assert asked.rows("SELECT state FROM alerts")[0].state == "approved"
    assert door.post(f"/console/alerts/{number}/cancel", data=form, headers=own(door)).status_code == 303
    assert asked.rows("SELECT state FROM alerts")[0].state == "cancelled"


def test_signing_out_ends_it_for_a_copy_of_the_cookie_too(door: httpx.Client, key: Key) -> None:
    sign_in(door, key())
    copied = door.cookies["tocsin"]
    door.post("/console/sign-out", headers=own(door))
    assert door.get("/console", headers={"Cookie": f"tocsin={copied}"}).status_code == 303
    assert door.get("/console").status_code == 303


def test_a_ticket_signs_in_for_a_quarter_of_an_hour(door: httpx.Client, key: Key) -> None:
    key()
    now = datetime.now(UTC)
    with transaction() as s:
        living = s.get(ApiKey, asked.number("SELECT id FROM api_keys"))
        assert living is not None
    fresh, stale = operators.ticket(living, now), operators.ticket(living, now - timedelta(minutes=16))
    assert door.get("/console/enter", params={"ticket": stale}).status_code == 422
    assert door.post("/console/enter", data={"ticket": stale}, headers=own(door)).status_code == 422
    for _ in range(2):
        looked = door.get("/console/enter", params={"ticket": fresh})
        assert (looked.status_code, "set-cookie" in looked.headers) == (200, False), "a preview uses nothing up"
    assert door.post("/console/enter", data={"ticket": fresh}).status_code == 403
    assert door.get("/console").status_code == 303
    assert door.post("/console/enter", data={"ticket": fresh}, headers=own(door)).headers["location"] == "/console"
    assert door.get("/console").status_code == 200


def test_a_ticket_works_once(door: httpx.Client, key: Key) -> None:
    key()
    with transaction() as s:
        living = s.get(ApiKey, asked.number("SELECT id FROM api_keys"))
        assert living is not None
    ticket = operators.ticket(living, datetime.now(UTC))
    answers: list[int] = []

    def enter() -> None:
        with httpx.Client(base_url=door.base_url, timeout=60, trust_env=False) as client:
            answers.append(client.post("/console/enter", data={"ticket": ticket}, headers=own(door)).status_code)

    threads = [threading.Thread(target=enter) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [303] + [422] * 5
    stale = operators.ticket(living, datetime.now(UTC) - timedelta(minutes=16))
    for link, trouble in ((ticket, "has already been used"), (stale, "is too old")):
        page = door.get("/console/enter", params={"ticket": link}, headers={"Accept": "text/html"}).text
        assert f"This sign-in link {trouble}." in page
        assert "`tocsin keys add NAME --as EMAIL`" in page
        assert "/console/sign-in" in page
    assert door.get("/console/enter", params={"ticket": ticket}).status_code == 422
    assert door.get("/console").status_code == 303


@pytest.mark.parametrize("written", ["{}=", "{}.", "!{}"])
def test_a_ticket_written_in_another_way_is_the_same_ticket(door: httpx.Client, key: Key, written: str) -> None:
    """Base64 is read with signs that do not belong to it: a link that was used must not work again with one of them."""
    key()
    with transaction() as s:
        living = s.get(ApiKey, asked.number("SELECT id FROM api_keys"))
        assert living is not None
    ticket = operators.ticket(living, datetime.now(UTC))
    assert door.post("/console/enter", data={"ticket": ticket}, headers=own(door)).status_code == 303
    again = written.format(ticket)
    assert door.get("/console/enter", params={"ticket": again}).status_code == 422
    assert door.post("/console/enter", data={"ticket": again}, headers=own(door)).status_code == 422


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:443", "127.0.0.1.evil", "[x", "localhost@evil.example:1"]
)
def test_the_console_answers_to_our_name_alone(door: httpx.Client, key: Key, host: str) -> None:
    sign_in(door, key())
    for path in ("/console", "/console/sign-in", "/console/enter?ticket=x", "/console/map"):
        assert door.get(path, headers={"Host": host}).status_code == 421
    form = {"key": secret(key())}
    forged = {"Host": host, "Origin": "http://evil.example"}
    assert door.post("/console/sign-in", data=form, headers=forged).status_code == 421
    assert door.post("/console/sign-out", headers=forged).status_code == 403


def test_behind_https_browsers_are_told_to_stay_there(
    door: httpx.Client, key: Key, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "strict-transport-security" not in door.get("/").headers
    monkeypatch.setenv("TOCSIN_PUBLIC_URL", "https://alerts.example.org")
    settings.cache_clear()
    assert door.get("/").headers["strict-transport-security"] == "max-age=31536000"
    assert door.get("/console/sign-in", headers={"Host": "alerts.example.org"}).status_code == 200


def test_a_reader_sees_the_console_without_buttons(door: httpx.Client, key: Key, city: datetime) -> None:
    with transaction() as s:
        number = factories.alert_ready(s, now=city).id
    sign_in(door, key(None))
    seen = door.get(f"/console/alerts/{number}").text
    assert f'action="/console/alerts/{number}/launch"' not in seen
    answer = door.post(f"/console/alerts/{number}/cancel", data={"sure": "yes"}, headers=own(door))
    assert answer.status_code == 403
    assert "This key may only read." in answer.text
