"""An outside geocoder, as a stand-in on loopback: asked only where nothing is known here, and never fatal."""

import asyncio
import contextlib
import json
import logging
import socket
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import structlog
from pydantic import SecretStr

from notify.city.geocoder.finding import NOT_FOUND
from notify.city.geocoder.outside import FROM_OUTSIDE, NO_ANSWER, look_up
from notify.core import logs
from notify.core.settings import Settings
from tests.connect_proxy import ConnectProxy
from tests.notify.city.geocoder.town import house, settle

LON, LAT = -75.01, 40.01
CENSUS = {"result": {"addressMatches": [
    {"matchedAddress": "99 FAR RD, BELLHAVEN, PA", "coordinates": {"x": LON, "y": LAT}}]}}  # fmt: skip
NOMINATIM = [{"lat": str(LAT), "lon": str(LON), "display_name": "99, Far Road", "addresstype": "building"}]
_ABOUT = {"name": "99 Far Road", "label": "99 Far Road, Bellhaven", "layer": "address", "accuracy": "point",
          "confidence": 0.8}  # fmt: skip
_POINT = {"type": "Point", "coordinates": [LON, LAT]}
PELIAS = {"features": [{"type": "Feature", "geometry": _POINT, "properties": _ABOUT}]}
NOTHING: dict[str, Any] = {"census": {"result": {"addressMatches": []}}, "nominatim": [], "pelias": {"features": []}}


class StandIn(ThreadingHTTPServer):
    """Answers every question with `reply`, after `wait` is set."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.status, self.reply = 200, b"{}"
        self.asked: list[str] = []
        self.wait = threading.Event()
        self.wait.set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    server: StandIn

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        self.server.wait.wait(60)
        self.send_response(self.server.status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(self.server.reply)))
        self.end_headers()
        self.wfile.write(self.server.reply)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def outside() -> Iterator[StandIn]:
    server = StandIn()
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.wait.set()
    server.shutdown()
    server.server_close()
    thread.join()


def chosen(outside: StandIn, name: str, **more: Any) -> Settings:
    patient = {"geocoder_timeout_s": 30.0, **more}
    return Settings(geocoder=name, geocoder_url=outside.url, city="Bellhaven", **patient)


@pytest.mark.parametrize(
    ("name", "reply", "kind", "score"),
    [("census", CENSUS, "range", 0.6), ("nominatim", NOMINATIM, "point", 0.6), ("pelias", PELIAS, "point", 0.8)],
)
def test_what_is_not_known_here_is_asked_outside(
    name: str, reply: Any, kind: str, score: float, outside: StandIn, database: str
) -> None:
    outside.reply = json.dumps(reply).encode()
    answer = look_up("99 Far Rd", chosen(outside, name))
    (match,) = answer.matches
    assert (match.kind, match.lon, match.lat, match.score, match.by) == (kind, LON, LAT, score, name)
    assert (answer.certain, answer.message) == (False, FROM_OUTSIDE)
    (path,) = outside.asked
    question = parse_qs(urlsplit(path).query)
    assert "99 Far Rd" in [values[0] for values in question.values()]


def test_what_is_known_here_is_told_to_nobody(outside: StandIn, database: str) -> None:
    settle(houses=[house("12", "ELM ST", -75.0, 40.0)])
    assert look_up("12 Elm St", chosen(outside, "census")).certain
    assert not look_up("", chosen(outside, "census")).matches
    assert outside.asked == []


@pytest.mark.parametrize("name", ["census", "nominatim", "pelias"])
def test_nothing_is_found_outside_either(name: str, outside: StandIn, database: str) -> None:
    outside.reply = json.dumps(NOTHING[name]).encode()
    assert look_up("99 Far Rd", chosen(outside, name)).message == NOT_FOUND


@pytest.mark.parametrize("name", ["census", "nominatim", "pelias"])
@pytest.mark.parametrize(("status", "reply"), [(500, b"{}"), (429, b"{}"), (200, b"<html>"), (200, b'{"result": 1}')])
def test_an_outside_geocoder_that_fails_is_said_and_harms_nothing(
    name: str, status: int, reply: bytes, outside: StandIn, database: str
) -> None:
    outside.status, outside.reply = status, reply
    answer = look_up("99 Far Rd", chosen(outside, name))
    assert answer.matches == ()
    assert answer.message in {NO_ANSWER, NOT_FOUND}  # Pelias: an answer without features is an empty one


def test_an_answer_with_holes_is_none(outside: StandIn, database: str) -> None:
    for place in ({"geometry": _POINT, "properties": None}, {"geometry": {"coordinates": []}, "properties": _ABOUT}):
        outside.reply = json.dumps({"features": [place]}).encode()
        assert look_up("99 Far Rd", chosen(outside, "pelias")).message == NO_ANSWER


def test_one_that_does_not_answer_is_given_up(outside: StandIn, database: str) -> None:
    outside.wait.clear()
    assert look_up("99 Far Rd", chosen(outside, "census", geocoder_timeout_s=0.2)).message == NO_ANSWER


def serve_raw(write: Callable[[socket.socket], None]) -> Iterator[str]:
    """A server that answers its one question by `write`, until the client has had enough."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def answer() -> None:
            wire, _ = listening.accept()
            with wire, contextlib.suppress(OSError):
                wire.recv(4096)
                write(wire)

        thread = threading.Thread(target=answer)
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        thread.join(60)
        assert not thread.is_alive()


def drip(wire: socket.socket) -> None:
    """A byte now and then for ever: each read is in time."""
    wire.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
    while True:
        wire.sendall(b" ")
        time.sleep(0.05)


def flood(wire: socket.socket) -> None:
    """As fast as it can, for ever."""
    wire.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
    while True:
        wire.sendall(b" " * 2**16)


@pytest.mark.parametrize(("write", "timeout_s"), [(drip, 8.0), (flood, 30.0)])  # half is for connecting
def test_an_answer_without_end_is_given_up(write: Any, timeout_s: float, database: str) -> None:
    """Before: a timeout for each read, and no bound. The server stops only when we hang up."""
    with contextlib.contextmanager(serve_raw)(write) as url:
        answer = look_up("99 Far Rd", Settings(geocoder="census", geocoder_url=url, geocoder_timeout_s=timeout_s))
    assert answer.message == NO_ANSWER


def test_the_geocoder_is_asked_through_the_proxy(database: str) -> None:
    async def visit() -> None:
        proxy = ConnectProxy(status=b"403 Forbidden")
        async with proxy.running():
            asked = Settings(
                geocoder="census",
                geocoder_url="https://geocoder.example",
                geocoder_timeout_s=30.0,
                outbound_proxy=SecretStr(proxy.url),
            )
            answer = await asyncio.to_thread(look_up, "99 Far Rd", asked)
        assert answer.message == NO_ANSWER
        assert proxy.asked == ["CONNECT geocoder.example:443 HTTP/1.1"]

    asyncio.run(visit())


def test_nobody_listens(outside: StandIn, database: str) -> None:
    assert look_up("99 Far Rd", Settings(geocoder="census", geocoder_url="http://127.0.0.1:9")).message == NO_ANSWER


def test_a_place_far_from_the_city_is_not_told(outside: StandIn, database: str) -> None:
    settle(houses=[house("12", "ELM ST", -80.0, 40.0)])
    outside.reply = json.dumps(CENSUS).encode()
    assert look_up("99 Far Rd", chosen(outside, "census")).message == NOT_FOUND


def test_no_log_line_shows_the_address(
    outside: StandIn, database: str, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    root = logging.getLogger()
    monkeypatch.setattr(root, "handlers", root.handlers)
    level = root.level
    logs.configure("DEBUG", "text")
    structlog.configure(cache_logger_on_first_use=False)  # or `capture_logs` of later tests would see nothing
    try:
        outside.status = 500
        look_up("99 Far Rd", chosen(outside, "nominatim"))
    finally:
        root.setLevel(level)
    told = "".join(capfd.readouterr())
    assert "geocoder.failed" in told
    assert "Far" not in told
