"""Public pages are kept in memory: fresh after a change, the same for everybody, and there while PostgreSQL is away."""

import asyncio
import gzip
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

import httpx
import pytest
from starlette.types import Scope

from api import rates
from api.app import create_app
from api.front import front, kept_page, version
from api.front.addresses import Address, read
from api.front.front import Front
from api.metrics import Metrics
from api.resident import notices
from notify.alerts import lifecycle
from notify.alerts.public import signing
from notify.core import alarms, db
from notify.core.db import transaction
from tests import factories
from tests.api import asked as sql
from tests.api.test_pages import launched
from tests.waiting import until

PUBLIC = ["/", "/alerts", "/alerts/past"]


@contextmanager
def renderings(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Address]]:
    """The addresses that are rendered within the block."""
    seen: list[Address] = []
    render = Front._render

    def noted(self: Front, address: Address, scope: Scope) -> object:
        seen.append(address)
        return render(self, address, scope)

    monkeypatch.setattr(Front, "_render", noted)
    yield seen


def test_a_page_is_rendered_once_and_again_when_an_alert_goes_out(
    door: httpx.Client, city: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    with renderings(monkeypatch) as seen:
        for _ in range(3):
            assert "There is no alert in force." in door.get("/alerts").text
        assert seen == [Address("/alerts", "en")]
        launched(city, blanks={"hazard": "tornado"})
        for _ in range(3):
            assert "Tornado danger" in door.get("/alerts").text
        assert seen == [Address("/alerts", "en")] * 2


def test_after_a_quiet_time_the_first_who_asks_sees_the_news(
    door: httpx.Client, city: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last look was long ago, so the change may be as old: nobody is shown the page from before it."""
    monkeypatch.setattr(version, "GRACE_S", 60.0)
    door.get("/alerts")
    launched(city, blanks={"hazard": "tornado"})
    assert "Tornado danger" in door.get("/alerts").text


def test_while_many_ask_the_page_from_before_is_answered_until_the_new_one_is_there(
    door: httpx.Client, city: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(version, "GRACE_S", 60.0)
    monkeypatch.setattr(version, "LOOK_S", 1e-9)
    monkeypatch.setattr(version, "OFTEN_S", 1e12)
    door.get("/alerts")
    launched(city, blanks={"hazard": "tornado"})
    assert "There is no alert in force." in door.get("/alerts").text
    until(lambda: "Tornado danger" in door.get("/alerts").text, 60, "the new page is there")


@pytest.mark.parametrize("step", ["cancel", "expire", "clear", "sign"])
def test_a_step_of_an_alert_changes_the_version(door: httpx.Client, city: datetime, step: str) -> None:
    alert = launched(city)
    before = version._version()
    assert before == version._version()
    with transaction() as s:
        if step == "cancel":
            lifecycle.cancel(s, alert, None, city)
        elif step == "expire":
            lifecycle.expire_due(s, city.replace(year=city.year + 1))
        elif step == "clear":
            incident = sql.number("SELECT incident_id FROM alerts")
            clear = factories.alert_ready(s, now=city, incident=incident, phase="all-clear").id
            lifecycle.launch(s, clear, None, city)
        else:
            signing.sign_launched(s, city)
    assert version._version() != before


def test_a_copy_that_is_known_is_not_sent_again(door: httpx.Client, city: datetime) -> None:
    first = door.get("/")
    again = door.get("/", headers={"If-None-Match": f'"other", W/{first.headers["etag"]}'})
    assert again.status_code == 304
    assert again.content == b""
    assert again.headers["etag"] == first.headers["etag"]
    launched(city)
    assert door.get("/", headers={"If-None-Match": first.headers["etag"]}).status_code == 200


@pytest.mark.parametrize("path", PUBLIC)
def test_a_cache_in_front_is_told_what_it_may_keep(door: httpx.Client, path: str) -> None:
    plain = door.get(path, headers={"Accept-Encoding": "identity"})
    packed = door.get(path, headers={"Accept-Encoding": "br, gzip"})
    assert plain.headers["cache-control"] == packed.headers["cache-control"] == kept_page.CACHE
    assert plain.headers["vary"] == "Accept-Encoding, Accept-Language"
    assert door.get(f"{path}?lang=es").headers["vary"] == "Accept-Encoding"
    assert "set-cookie" not in plain.headers
    assert packed.headers["content-encoding"] == "gzip"
    assert int(packed.headers["content-length"]) < 0.7 * len(plain.content)
    assert plain.headers["etag"] != packed.headers["etag"]
    assert plain.text == packed.text
    assert "content-security-policy" in plain.headers
    assert "x-request-id" not in plain.headers


def test_who_refuses_gzip_gets_none(door: httpx.Client) -> None:
    assert "content-encoding" not in door.get("/", headers={"Accept-Encoding": "gzip;q=0"}).headers


def test_each_language_has_its_own_page(door: httpx.Client) -> None:
    for headers, query, language in (
        ({}, "", "en"),
        ({"Accept-Language": "es-MX,es;q=0.9"}, "", "es"),
        ({"Accept-Language": "es"}, "?lang=en", "en"),
        ({}, "?lang=es&utm_source=x", "es"),
        ({}, "?lang=fr", "en"),
    ):
        assert f'<html lang="{language}"' in door.get(f"/{query}", headers=headers).text


def test_head_is_answered_like_get(door: httpx.Client) -> None:
    head, get = door.head("/"), door.get("/")
    assert head.status_code == 200
    assert head.content == b""
    assert head.headers["content-length"] == get.headers["content-length"]


@pytest.mark.parametrize(
    "path", ["/me", "/join", "/console/sign-in", "/alerts/past?page=2", "/alerts/past?topic=snow", "/alerts/99"]
)
def test_what_is_not_for_everybody_is_kept_by_nobody(door: httpx.Client, path: str) -> None:
    assert door.get(path).headers["cache-control"] == "no-store"


def test_a_cookie_changes_nothing(door: httpx.Client, city: datetime) -> None:
    launched(city)
    before = door.get("/")
    door.cookies.set("tocsin-me", "forged", domain="127.0.0.1")
    door.cookies.set("tocsin", "forged", domain="127.0.0.1")
    assert door.get("/").headers["etag"] == before.headers["etag"]


def test_while_postgresql_is_away_the_last_page_is_shown_and_says_so(
    door: httpx.Client, city: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    launched(city, blanks={"hazard": "tornado"})
    assert "Tornado danger" in door.get("/").text
    feed = door.get("/static/tocsin.css").content

    def away() -> str:
        raise db.psycopg.OperationalError("the server is away")

    monkeypatch.setattr(version, "_version", away)
    monkeypatch.setattr(version, "STALE_S", -1.0)
    page = door.get("/")
    assert page.status_code == 200
    assert "Tornado danger" in page.text
    assert re.search(r'<p class="told stale" role="status">This page may be old', page.text)
    assert door.get("/static/tocsin.css").content == feed


def test_one_who_asks_too_often_keeps_the_news_from_nobody(
    door: httpx.Client, city: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rates, "PAGE", 2)
    for _ in range(4):
        door.get("/alerts/99")
    assert door.get("/alerts/99").status_code == 429
    number = launched(city, blanks={"hazard": "tornado"})
    for path in ("/", "/alerts"):
        assert "Tornado danger" in door.get(path).text
    assert door.get(f"/alerts/{number}").status_code == 429
    other = {"X-Forwarded-For": "203.0.113.7"}
    assert "Tornado danger" in door.get(f"/alerts/{number}", headers=other).text
    assert "Tornado danger" in door.get(f"/alerts/{number}").text, "it is there now, for everybody"


def test_a_page_that_cannot_be_rendered_says_that_it_may_be_old_and_an_alarm_rings(
    door: httpx.Client, city: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "There is no alert in force." in door.get("/alerts").text
    monkeypatch.setattr(version, "STALE_S", 0.0)
    monkeypatch.setattr(front, "AGAIN_S", 0.0)

    def broken(*_: object) -> None:
        raise ValueError("a row that nobody can read")

    monkeypatch.setattr(notices, "in_force", broken)
    launched(city)
    page = until(lambda: (page := door.get("/alerts")).text.count("This page may be old") and page, 30, "it says so")
    assert page.status_code == 200

    def rung() -> bool:
        door.get("/alerts")
        with transaction() as s:
            return alarms.PUBLIC_PAGE_OLD in [one.kind for one in alarms.ringing(s)]

    until(rung, 30, "an alarm rings")


def test_memory_is_bounded(door: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = Front(create_app(), Metrics())
    monkeypatch.setattr(front, "MOST_PAGES", 3)
    for number in range(9):
        kept._keep(Address(f"/alerts/{number + 1}", "en"), kept_page.KeptPage("1", 0.0, [], b"x" * 1_000, "en"))
    assert [address.path for address in kept._pages] == ["/alerts/7", "/alerts/8", "/alerts/9"]
    assert kept._bytes == sum(page.size for page in kept._pages.values())
    monkeypatch.setattr(front, "MOST_BYTES", kept._bytes - 1)
    kept._keep(Address("/", "en"), kept_page.KeptPage("1", 0.0, [], b"x", "en"))
    assert len(kept._pages) == 3
    monkeypatch.setattr(front, "MOST_ASKED", 5)
    for number in range(20):
        scope = {"type": "http", "method": "GET", "path": "/", "query_string": f"x={number}".encode(), "headers": []}
        assert kept.serves(scope) == read(scope)
    assert len(kept._asked) <= 5


def test_many_who_ask_at_once_wait_for_one_rendering(door: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    async def all_at_once() -> set[int]:
        async with httpx.AsyncClient(base_url=door.base_url, timeout=60, trust_env=False) as client:
            answers = await asyncio.gather(*(client.get("/alerts/past") for _ in range(30)))
        return {answer.status_code for answer in answers}

    with renderings(monkeypatch) as seen:
        assert asyncio.run(all_at_once()) == {200}
    assert seen == [Address("/alerts/past", "en")]


def test_the_compressed_page_is_the_page(door: httpx.Client) -> None:
    page = kept_page.KeptPage("1", 0.0, [(b"content-type", b"text/html")], b'<main id="main">words</main>', "es")
    start, body, *_ = page.answer(gzipped=True, by_header=False, stale=True, known=None)
    assert b"Esta p\xc3\xa1gina puede ser antigua" in gzip.decompress(body["body"])
    assert start["status"] == 200
