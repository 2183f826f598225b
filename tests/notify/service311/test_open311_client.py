"""The client, asked through a real connection to an endpoint of our own that answers as it is told."""

import asyncio
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TypeVar
from zoneinfo import ZoneInfo

import pytest
from click.testing import Result
from typer.testing import CliRunner

from notify.channels.http.blocking import BlockingClient
from notify.channels.http.outbound import Outbound
from notify.cli.open311 import commands
from notify.core.errors import Unavailable as NotSet
from notify.core.settings import settings
from notify.service311.open311.client import (
    MOST_PAGES,
    Dialect,
    Open311,
    PerhapsFiled,
    RefusedByCity,
    Unavailable,
    Wanted,
)  # fmt: skip
from notify.service311.open311.endpoint import hint, parsed
from notify.service311.open311.reading import Filed
from tests.notify.channels.stand_in import Reply, Seen, StandIn

R = TypeVar("R")
CITY = ZoneInfo("America/Chicago")
START, END = datetime(2026, 11, 1, 6, tzinfo=UTC), datetime(2026, 11, 30, 6, tzinfo=UTC)
POTHOLE = Wanted("001", "A pothole, 1 m wide & deep", at=(-87.6298, 41.8781), attributes={"SIZE": "big"})


def ask(
    call: Callable[[Open311], R], *replies: Reply, dialect: Dialect | None = None, key: str = ""
) -> tuple[R, list[Seen]]:
    city = StandIn()

    async def visit(url: str) -> R:
        def blocking() -> R:
            with BlockingClient(Outbound()) as client:
                return call(Open311(f"{url}/open311/v2/", client, CITY, key, dialect))

        return await asyncio.to_thread(blocking)

    return city.visit(visit, *replies), city.seen


def page(*ids: int) -> Reply:
    return Reply(200, [{"service_request_id": one, "status": "open"} for one in ids])


def test_the_services_are_asked_for_once() -> None:
    found, seen = ask(lambda city: city.services(), Reply(200, [{"service_code": 1, "service_name": "Pothole"}]))
    assert [(one.code, one.name) for one in found] == [("1", "Pothole")]
    assert [(one.method, one.url) for one in seen] == [("GET", "/open311/v2/services.json")]
    assert seen[0].headers["Accept-Encoding"] == "identity"


def test_pages_are_read_until_one_brings_nothing_new() -> None:
    replies = page(1, 2), page(3, 2), page(3, 2)
    (found, are_all), seen = ask(lambda city: city.requests(START, END, ["001", "002"]), *replies)
    assert ([one.id for one in found], are_all) == (["1", "2", "3"], True)
    assert [one.query["page"] for one in seen] == ["1", "2", "3"]
    assert seen[0].query == {
        "start_date": "2026-11-01T06:00:00Z",
        "end_date": "2026-11-30T06:00:00Z",
        "service_code": "001,002",
        "page": "1",
        "page_size": "50",
    }


def test_an_endpoint_without_pages_is_asked_once_in_its_own_time() -> None:
    dialect = Dialect(pages=False, page_size=2, zone_in_dates=False, key_to_read=True, jurisdiction="city.example.org")
    (found, are_all), (seen,) = ask(lambda city: city.requests(START, END), page(1), dialect=dialect, key="secret")
    assert ([one.id for one in found], are_all) == (["1"], True)
    assert seen.query == {
        "start_date": "2026-11-01T01:00:00",
        "end_date": "2026-11-30T00:00:00",
        "jurisdiction_id": "city.example.org",
        "api_key": "secret",
    }


def test_a_full_answer_without_pages_may_lack_some() -> None:
    dialect = Dialect(pages=False, page_size=2)
    (found, are_all), _ = ask(lambda city: city.requests(START, END), page(1, 2), dialect=dialect)
    assert (len(found), are_all) == (2, False)


def test_a_list_that_never_ends_is_cut_and_says_so() -> None:
    (found, are_all), seen = ask(lambda city: city.requests(START, END), *(page(n) for n in range(MOST_PAGES)))
    assert (len(found), are_all, len(seen)) == (MOST_PAGES, False, MOST_PAGES)


def test_the_key_stays_out_of_addresses() -> None:
    _, (seen,) = ask(lambda city: city.services(), page(), key="secret")
    assert "secret" not in seen.url


def test_an_endpoint_that_speaks_xml() -> None:
    reply = Reply(200, b"<services><service><service_code>7</service_code></service></services>")
    found, (seen,) = ask(lambda city: city.services(), reply, dialect=Dialect(format="xml", headers={"X-City": "1"}))
    assert ([one.code for one in found], seen.url, seen.headers["X-City"]) == (["7"], "/open311/v2/services.xml", "1")


@pytest.mark.parametrize("reply", [page(7), Reply(200, {"service_request_id": "7"})])
def test_one_request_by_its_id(reply: Reply) -> None:
    found, (seen,) = ask(lambda city: city.request("7"), reply)
    assert found
    assert (found.id, seen.url) == ("7", "/open311/v2/requests/7.json")


@pytest.mark.parametrize("reply", [Reply(404), page(8), page()])
def test_another_request_is_not_the_one_asked_for(reply: Reply) -> None:
    assert ask(lambda city: city.request("7"), reply)[0] is None


def test_an_id_cannot_leave_its_place_in_the_address() -> None:
    _, (seen,) = ask(lambda city: city.request("../services?a=b"), Reply(404))
    assert seen.url == "/open311/v2/requests/..%2Fservices%3Fa=b.json"


def test_a_request_is_filed_as_a_form() -> None:
    filed, (seen,) = ask(lambda city: city.file(POTHOLE), Reply(201, [{"service_request_id": 9}]), key="secret")
    assert (filed, seen.method, seen.url) == (Filed("9", "", ""), "POST", "/open311/v2/requests.json")
    assert seen.form == {
        "service_code": "001",
        "description": "A pothole, 1 m wide & deep",
        "api_key": "secret",
        "long": "-87.629800",
        "lat": "41.878100",
        "attribute[SIZE]": "big",
    }


def test_a_token_is_asked_for_its_id() -> None:
    filed, (seen,) = ask(lambda city: city.by_token("12"), Reply(200, [{"token": "12", "service_request_id": "9"}]))
    assert (filed.id, seen.url) == ("9", "/open311/v2/tokens/12.json")


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (Reply(400, [{"code": 400, "description": "A place is needed"}]), "A place is needed"),
        (Reply(403, b"<errors><error><description>Bad key</description></error></errors>"), "Bad key"),
    ],
)
def test_a_refusal_is_told_in_the_citys_words(reply: Reply, said: str) -> None:
    with pytest.raises(RefusedByCity, match=said):
        ask(lambda city: city.file(POTHOLE), reply)


@pytest.mark.parametrize(
    "reply",
    [
        Reply(way="drop"),
        Reply(503),
        Reply(302),
        Reply(408),
        Reply(200, b"<html>ok</html>"),
        Reply(200, {}),
        Reply(200, [{"code": "400", "description": "service_code is not valid"}]),
        Reply(500, [{"service_request_id": "9"}]),
    ],
)
def test_what_may_have_been_filed_is_not_called_a_failure(reply: Reply) -> None:
    with pytest.raises(PerhapsFiled):
        ask(lambda city: city.file(POTHOLE), reply)


@pytest.mark.parametrize("reply", [Reply(way="drop"), Reply(500), Reply(200, b"<html>sign in</html>"), Reply(302)])
def test_a_question_without_an_answer_is_unavailable(reply: Reply) -> None:
    with pytest.raises(Unavailable):
        ask(lambda city: city.services(), reply)


def test_nobody_is_there() -> None:
    with BlockingClient(Outbound()) as client, pytest.raises(Unavailable, match="cannot be reached"):
        Open311("http://127.0.0.1:9", client, CITY).file(POTHOLE)


def test_the_settings_name_the_endpoint_and_how_it_speaks() -> None:
    said = (
        "https://311.example.gov/v2 format=xml page_size=100 pages=no zone_in_dates=no key_to_read=yes jurisdiction=a.b"
    )
    assert parsed(said) == (
        "https://311.example.gov/v2",
        Dialect("xml", 100, pages=False, zone_in_dates=False, key_to_read=True, jurisdiction="a.b"),
    )
    assert parsed("https://311.example.gov/v2") == ("https://311.example.gov/v2", Dialect())
    assert parsed("http://127.0.0.1:8025/open311", "http://127.0.0.1:8025")[0] == "http://127.0.0.1:8025/open311"


@pytest.mark.parametrize(
    "said",
    [
        "",
        "http://311.example.gov/v2",
        "https://311.example.gov/v2 format=csv",
        "https://311.example.gov/v2 pages",
        "https://311.example.gov/v2 pages=maybe",
        "https://311.example.gov/v2 page_size=0",
        "https://311.example.gov/v2 page_size=many",
        "https://311.example.gov/v2 jurisdiction=",
        "https://311.example.gov/v2 headers=x",
        "https://311.example.gov/v2 pages=no pages=yes",
    ],
)
def test_a_setting_that_is_not_understood_says_how_it_is_written(said: str) -> None:
    with pytest.raises(NotSet, match="TOCSIN_OPEN311") as caught:
        parsed(said)
    assert caught.value.hint == hint()


def test_the_command_line_shows_services_and_a_request(monkeypatch: pytest.MonkeyPatch) -> None:
    city = StandIn()
    request = {
        "service_request_id": 7, "status": "Assigned", "service_name": "[bold]Pothole", "status_notes": "Crew 4",
        "address": "12 Main St", "requested_datetime": "2026-11-26T12:00:00Z",
    }  # fmt: skip

    def run(*words: str) -> Result:
        return CliRunner().invoke(commands, words, catch_exceptions=False)

    async def visit(url: str) -> list[Result]:
        monkeypatch.setenv("TOCSIN_SIMULATOR_URL", url)
        monkeypatch.setenv("TOCSIN_OPEN311", f"{url}/v2")
        settings.cache_clear()
        asked = ("services",), ("request", "7"), ("request", "7", "--json")
        return [await asyncio.to_thread(run, *words) for words in asked]

    replies = Reply(200, [{"service_code": "001", "service_name": "[bold]Pothole"}]), Reply(200, [request])
    services, shown, document = city.visit(visit, *replies)
    assert "[bold]Pothole" in services.stdout
    assert "7: [bold]Pothole, open" in shown.stdout
    assert "the city says: assigned" in shown.stdout
    assert "notes: Crew 4" in shown.stdout
    assert "expected" not in shown.stdout
    assert json.loads(document.stdout)["requested_at"] == "2026-11-26T12:00:00+00:00"


def test_the_command_line_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(NotSet, match="names no request system"):
        CliRunner().invoke(commands, ["services"], catch_exceptions=False)
    monkeypatch.setenv("TOCSIN_SIMULATOR_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("TOCSIN_OPEN311", "http://127.0.0.1:9/v2")
    settings.cache_clear()
    with pytest.raises(NotSet, match="cannot be reached"):
        CliRunner().invoke(commands, ["request", "7"], catch_exceptions=False)
