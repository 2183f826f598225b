"""A page that is kept is answered by the server itself: in its turn, and with the same bytes as by the application."""

import re
import socket
from collections.abc import Sequence
from urllib.parse import urlsplit

import httpx
import pytest
from starlette.types import Scope

from api.front import version
from api.front.front import Front
from api.front.kept_page import Answer

LAST = "Connection: close\r\n"


@pytest.fixture
def answered(door: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The paths that are answered at once from now on. The page of the alerts is kept already."""
    paths: list[str] = []
    at_once = Front.at_once

    def noted(self: Front, scope: Scope) -> Answer | None:
        answer = at_once(self, scope)
        if answer is not None:
            paths.append(scope["path"])
        return answer

    monkeypatch.setattr(version, "LOOK_S", 60.0)
    door.get("/alerts")
    monkeypatch.setattr(Front, "at_once", noted)
    return paths


def ask(door: httpx.Client, *requests: tuple[str, str]) -> Sequence[bytes]:
    """Return the answers to requests (first line, headers) that are sent together, without their dates."""
    at = urlsplit(str(door.base_url))
    with socket.create_connection((str(at.hostname), int(at.port or 0)), 60) as connection:
        written = (f"{line} HTTP/1.1\r\nHost: {at.netloc}\r\n{headers}\r\n" for line, headers in requests)
        connection.sendall("".join(written).encode())
        heard = b"".join(iter(lambda: connection.recv(65_536), b""))
    return re.split(rb"(?=HTTP/1\.1 )", re.sub(rb"date: [^\r]*\r\n", b"", heard))[1:]


def test_it_has_the_same_bytes_as_by_the_application(
    door: httpx.Client, answered: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    tag = door.get("/alerts").headers["etag"]
    asked = [
        ("GET /alerts", ""),
        ("GET /alerts", "Accept-Encoding: gzip\r\n"),
        ("GET /alerts?lang=en", ""),
        ("GET /alerts", f"Accept-Encoding: gzip\r\nIf-None-Match: {tag}\r\n"),
        ("GET /static/tocsin.css", LAST),
    ]
    door.get("/static/tocsin.css")
    answered.clear()
    quick = ask(door, *asked)
    assert answered == ["/alerts"] * 4
    monkeypatch.setattr(Front, "at_once", lambda _self, _scope: None)
    assert quick == ask(door, *asked)
    assert [one.split()[1] for one in quick] == [b"200", b"200", b"200", b"304", b"200"]


def test_requests_that_came_together_are_answered_in_their_order(door: httpx.Client, answered: list[str]) -> None:
    found = ask(
        door, ("GET /alerts", ""), ("GET /api/v1/none", ""), *[("GET /alerts", "")] * 1_500, ("HEAD /alerts", LAST)
    )
    assert [one.split()[1] for one in found] == [b"200", b"404"] + [b"200"] * 1_501
    assert found[-1].endswith(b"\r\n\r\n"), "no body"
    assert answered


def test_a_look_that_is_due_is_not_left_out(
    door: httpx.Client, answered: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(version, "LOOK_S", 0.0)
    door.get("/alerts")
    assert not answered
