"""Who asks too often is told so; a signed webhook never is."""

import asyncio
from collections.abc import Callable
from types import SimpleNamespace

import httpx
import pytest
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from api import rates
from api.hooks import refusals
from notify.accounts import operators
from notify.core import alarms
from notify.core.db import transaction
from notify.core.errors import Invalid
from notify.core.settings import settings
from tests.factories import NOW, operator

Key = Callable[..., dict[str, str]]
DRAFT = {"event": "storm", "zones": ["Riverside"], "blanks": {"hazard": "tornado"}, "channels": ["sms"]}


@pytest.fixture(autouse=True)
def _one_window(monkeypatch: pytest.MonkeyPatch) -> None:
    """No new one begins in mid-test."""
    monkeypatch.setattr(rates, "WINDOW_S", 10**11)


def statuses(ask: Callable[[], httpx.Response], times: int) -> list[int]:
    return [ask().status_code for _ in range(times)]


def test_passwords_are_tried_a_few_times_a_minute(door: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rates, "SIGN_IN", 3)
    origin = {"Origin": str(door.base_url).rstrip("/")}
    found = statuses(lambda: door.post("/console/sign-in", data={"email": "a@example.gov"}, headers=origin), 5)
    assert found == [401] * 3 + [429] * 2
    assert int(door.post("/console/enter", data={"link": "x"}, headers=origin).headers["retry-after"]) > 0
    assert door.get("/console/sign-in").status_code == 200, "looking is free"


INTERNET, OWN_NETWORK = "11.22.33.44", "10.0.0.9"


async def _answers(scope: Scope, receive: Receive, send: Send) -> None:
    await PlainTextResponse("ok")(scope, receive, send)


def knock(peer: str, times: int, method: str, path: str, **headers: str) -> list[int]:
    """What a peer with this socket address gets, each time with another header `X-Forwarded-For`."""

    async def knocks() -> list[int]:
        way = httpx.ASGITransport(rates.RateLimit(_answers), client=(peer, 4711))
        async with httpx.AsyncClient(transport=way, base_url="http://tocsin") as client:
            spoofed = ({"X-Forwarded-For": f"203.0.113.{n}"} | headers for n in range(times))
            return [(await client.request(method, path, headers=one)).status_code for one in spoofed]

    return asyncio.run(knocks())


DOORS = [
    ("SIGN_IN", "POST", "/console/sign-in"),
    ("SIGN_IN", "POST", "/console/enter"),
    ("SIGN_IN", "POST", "/console/join"),
    ("PAGE", "GET", "/"),
    ("PAGE", "GET", "/alerts/1"),
    ("STRANGER", "GET", "/api/v1/alerts"),
    ("API_ADDRESS", "GET", "/api/v1/alerts"),
]


@pytest.mark.parametrize(("bound", "method", "path"), DOORS)
def test_a_header_from_the_internet_lifts_no_bound(
    door: httpx.Client, monkeypatch: pytest.MonkeyPatch, bound: str, method: str, path: str
) -> None:
    monkeypatch.setattr(rates, bound, 3)
    assert knock(INTERNET, 4, method, path) == [200] * 3 + [429]
    assert knock(INTERNET, 1, method, path, **{"X-Forwarded-For": ""}) == [429]
    assert knock("11.22.33.45", 1, method, path) == [200], "others have their own share"
    with transaction() as s:
        assert not alarms.ringing(s), "anybody can send it: no reason to ring"


def test_a_new_key_each_time_lifts_no_bound_either(door: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rates, "API_ADDRESS", 3)
    keys = ({"Authorization": f"Bearer tocsin_{n}"} for n in range(4))
    found = [knock(INTERNET, 1, "GET", "/api/v1/alerts", **one) for one in keys]
    assert found == [[200]] * 3 + [[429]]


@pytest.mark.parametrize(("bound", "method", "path"), DOORS)
def test_clients_of_an_unnamed_proxy_share_a_wide_bound_and_an_alarm_rings(
    door: httpx.Client, monkeypatch: pytest.MonkeyPatch, bound: str, method: str, path: str
) -> None:
    monkeypatch.setattr(rates, bound, 1)
    assert knock(OWN_NETWORK, 11, method, path) == [200] * rates.SHARED + [429]
    with transaction() as s:
        (alarm,) = alarms.ringing(s)
    assert (alarm.kind, alarm.about, alarm.count) == ("proxy-not-trusted", OWN_NETWORK, 1)
    assert "TOCSIN_TRUSTED_PROXIES" in alarm.message


def test_a_key_has_its_share_and_others_have_theirs(
    door: httpx.Client, key: Key, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rates, "KEY", 3)
    first, second = key(), key()
    assert statuses(lambda: door.get("/api/v1/alerts", headers=first), 4) == [200] * 3 + [429]
    assert door.get("/api/v1/alerts", headers=second).status_code == 200


def test_a_key_written_in_another_way_is_the_same_key(
    door: httpx.Client, key: Key, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rates, "KEY", 3)
    _, secret = key()["Authorization"].split()
    ways = iter(["Bearer {}", "bearer {}", "Bearer   {}", "BEARER    {}", "Bearer  {}"])
    ask = lambda: door.get("/api/v1/alerts", headers={"Authorization": next(ways).format(secret)})  # noqa: E731
    assert statuses(ask, 5) == [200] * 3 + [429] * 2


def test_one_key_does_not_look_up_one_resident_after_another(
    door: httpx.Client, key: Key, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rates, "COUNT", 3)
    agent = key("agent")
    assert statuses(lambda: door.get("/api/v1/residents/1", headers=agent), 4) == [404] * 3 + [429]
    assert door.post("/api/v1/residents/1/correct", json={}, headers=agent).status_code == 429
    assert door.get("/api/v1/alerts", headers=agent).status_code == 200


def test_an_invented_cookie_lifts_no_bound_of_saves(door: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rates, "COMPOSE", 3)
    save = lambda cookie: knock(INTERNET, 1, "POST", "/console/compose/1", Cookie=cookie)[0]  # noqa: E731
    assert [save(f"tocsin=one; other={n}") for n in range(4)] == [200] * 3 + [429]
    assert save("tocsin=two") == 200, "others have their own share"
    monkeypatch.setattr(rates, "COMPOSERS", 7)
    assert [save(f"tocsin=new{n}") for n in range(3)] == [200] * 2 + [429]
    assert save("other=1") == 429


def test_wrong_keys_without_end_are_bounded_by_address(door: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rates, "API_ADDRESS", 3)
    tried = iter(range(9))
    ask = lambda: door.get("/api/v1/alerts", headers={"Authorization": f"Bearer tocsin_{next(tried)}"})  # noqa: E731
    assert statuses(ask, 4) == [401] * 3 + [429]


def test_pages_are_bounded_by_address_but_not_by_that_of_a_proxy(
    door: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rates, "PAGE", 3)
    clients = iter(range(9))
    door.get("/", headers={"X-Forwarded-For": "203.0.113.99"})
    ask = lambda: door.get("/alerts/99", headers={"X-Forwarded-For": f"203.0.113.{next(clients)}"})  # noqa: E731
    assert statuses(ask, 5) == [404] * 5, "each is somebody else, says a proxy that is trusted"
    assert statuses(lambda: door.get("/alerts/99"), 4) == [404] * 3 + [429]
    assert statuses(lambda: door.get("/"), 4) == [200] * 4, "what is kept in memory costs less than the counting"


@pytest.mark.parametrize(
    ("client", "address"),
    [
        (("198.51.100.7", 4711), "198.51.100.7"),
        (("203.0.113.9", 0), "203.0.113.9"),  # as uvicorn has put it, of a trusted proxy
        (("2001:db8:1:2:3:4:5:6", 4711), "2001:db8:1:2::/64"),  # or a new one for each request
        (("::ffff:198.51.100.7", 4711), "198.51.100.7"),
        (("unknown", 0), "unknown"),
        (None, ""),
    ],
)
def test_whose_request_it_is(client: tuple[str, int] | None, address: str) -> None:
    header = [(b"x-forwarded-for", b"192.0.2.1")]
    assert rates.client_address({"type": "http", "client": client, "headers": header}) == address


@pytest.mark.parametrize("url", ["redis://127.0.0.1:9/0", "127.0.0.1:6379"])
def test_without_redis_nobody_is_turned_away(door: httpx.Client, monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setattr(rates, "PAGE", 1)
    monkeypatch.setenv("TOCSIN_REDIS_URL", url)
    settings.cache_clear()
    monkeypatch.setattr(rates, "REST_S", 0.0)
    assert statuses(lambda: door.get("/"), 4) == [200] * 4


def test_forged_webhooks_are_told_less_and_signed_ones_never(
    door: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(refusals, "MOST_A_MINUTE", 3)
    monkeypatch.setattr(refusals, "time", SimpleNamespace(monotonic=lambda: 1e9))
    for name, value in {"ACCOUNT_SID": "AC" + "0" * 32, "AUTH_TOKEN": "rates"}.items():
        monkeypatch.setenv(f"TOCSIN_TWILIO_{name}", value)
    settings.cache_clear()
    path = "/hooks/twilio/status/1"
    forged = statuses(lambda: door.post(path, headers={"X-Twilio-Signature": "no"}), 5)
    assert forged == [403] * 3 + [429] * 2
    from twilio.request_validator import RequestValidator

    right = RequestValidator("rates").compute_signature(f"{str(door.base_url).rstrip('/')}{path}", {})
    assert door.post(path, headers={"X-Twilio-Signature": right}).status_code == 204


@pytest.mark.parametrize(
    ("scopes", "may"),
    [(["read"], {"read"}), (["draft"], {"draft"}), (["read", "launch"], {"read"}), ([], {"read", "draft"})],
)
def test_a_key_does_what_its_scopes_say(door: httpx.Client, city: object, scopes: list[str], may: set[str]) -> None:
    with transaction() as s:
        secret = operators.add_key(s, "scoped", NOW, operator(s, "admin"), scopes)
    headers = {"Authorization": f"Bearer {secret}"}
    assert door.get("/api/v1/alerts", headers=headers).status_code == (200 if "read" in may else 403)
    drafted = door.post("/api/v1/alerts", json=DRAFT, headers=headers)
    assert drafted.status_code == (201 if "draft" in may else 403), drafted.text
    new = {"provider": "twilio", "address": "+15555550100", "rate_per_s": 1}
    assert door.post("/api/v1/senders", json=new, headers=headers).status_code == (403 if scopes else 201)


def test_scopes_that_mean_nothing_are_refused(database: str) -> None:
    with transaction() as s:
        with pytest.raises(Invalid, match="no scope 'fly'"):
            operators.add_key(s, "one", NOW, operator(s), ["fly"])
        with pytest.raises(Invalid, match="may only read"):
            operators.add_key(s, "two", NOW, None, ["draft"])
