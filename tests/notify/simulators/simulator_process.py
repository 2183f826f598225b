"""A simulator as a process of its own, and a place for its webhooks to arrive."""

import base64
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from typing import Any
from urllib.parse import parse_qsl

import httpx
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from notify.local import ports

SID = "AC" + "1f" * 16
TOKEN = "a token for tests"
KEY = "SG.for-tests"
POSTER = "poster"
APP_PASSWORD = "abcd-efgh"
PEM_KEY = ec.generate_private_key(ec.SECP256R1())


@dataclass(frozen=True)
class Hook:
    """One webhook that came in."""

    url: str
    headers: dict[str, str]  # names in lower case
    body: bytes

    @property
    def form(self) -> dict[str, str]:
        return dict(parse_qsl(self.body.decode(), keep_blank_values=True))


@dataclass
class Hooks:
    """Our side. `answers` are given once each, first to last; then 204."""

    url: str = ""
    answers: list[tuple[int, str]] = field(default_factory=list)
    _seen: list[Hook] = field(default_factory=list)
    _lock: Lock = field(default_factory=Lock)

    def note(self, hook: Hook) -> tuple[int, str]:
        with self._lock:
            self._seen.append(hook)
            return self.answers.pop(0) if self.answers else (204, "")

    def at(self, path: str) -> list[Hook]:
        with self._lock:
            return [hook for hook in self._seen if hook.url == self.url + path]

    def clear(self) -> None:
        with self._lock:
            self._seen.clear()
            self.answers.clear()


@contextmanager
def serve_hooks() -> Iterator[Hooks]:
    hooks = Hooks()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            headers = {name.lower(): value for name, value in self.headers.items()}
            status, text = hooks.note(Hook(hooks.url + self.path, headers, body))
            self.send_response(status)
            if status != 204:
                self.send_header("Content-Type", "text/xml")
                self.send_header("Content-Length", str(len(text.encode())))
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - named by the base class
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    hooks.url = f"http://127.0.0.1:{server.server_port}"
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield hooks
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@dataclass(frozen=True)
class Simulator:
    http: httpx.Client
    hooks: Hooks

    def text(self, to: str = "+12155550101", body: str = "Stay indoors.", **fields: str) -> httpx.Response:
        form = {"To": to, "From": "+12155550100", "Body": body} | {
            name: value for name, value in fields.items() if value
        }
        return self.http.post(self.messages(), data=form, headers=basic())

    def messages(self, rest: str = ".json") -> str:
        return f"/2010-04-01/Accounts/{SID}/Messages{rest}"

    def mail(self, mail: dict[str, Any], **headers: str) -> httpx.Response:
        return self.http.post("/v3/mail/send", json=mail, headers={"Authorization": f"Bearer {KEY}"} | headers)

    def post(self, status: str, key: str = "", **fields: str) -> httpx.Response:
        headers = {"Authorization": f"Bearer {POSTER}"} | ({"Idempotency-Key": key} if key else {})
        return self.http.post("/api/v1/statuses", json={"status": status} | fields, headers=headers)

    def xrpc(self, method: str, token: str, given: dict[str, Any] | None = None) -> httpx.Response:
        """A procedure of Bluesky's server."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return self.http.post(f"/xrpc/com.atproto.{method}", json=given, headers=headers)

    def behave(self, **providers: dict[str, Any]) -> None:
        self.http.put("/_sim/behaviour", json=providers).raise_for_status()

    def reply(self, number: str, text: str, **more: str) -> dict[str, Any]:
        answer = self.http.post(f"/_sim/phones/{number}/reply", json={"text": text} | more).raise_for_status()
        return dict(answer.json())

    def accepted(self, **query: str | float) -> list[dict[str, Any]]:
        return list(self.http.get("/_sim/messages", params=query).json())

    def stats(self) -> dict[str, Any]:
        return dict(self.http.get("/_sim/stats").json())

    def settle(self) -> None:
        """Wait until every callback was told."""
        until(lambda: self.stats()["callbacks"]["waiting"] == 0)


def basic() -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{SID}:{TOKEN}".encode()).decode()}


@contextmanager
def run_simulator(hooks: Hooks) -> Iterator[httpx.Client]:
    pem = PEM_KEY.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    env = {
        **os.environ,
        "SIM_TWILIO_ACCOUNT_SID": SID,
        "SIM_TWILIO_AUTH_TOKEN": TOKEN,
        "SIM_TWILIO_INBOUND_URL": f"{hooks.url}/inbound",
        "SIM_SENDGRID_API_KEY": KEY,
        "SIM_SENDGRID_EVENTS_URL": f"{hooks.url}/events",
        "SIM_SENDGRID_PRIVATE_KEY": pem.decode(),
        "SIM_MASTODON_TOKEN": POSTER,
        "SIM_BLUESKY_APP_PASSWORD": APP_PASSWORD,
    }
    port = ports.free()
    process = subprocess.Popen([sys.executable, "-m", "notify.simulators", "--port", str(port)], env=env)
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60, trust_env=False) as client:
            until(lambda: process.poll() is None and _answers(client))
            yield client
    finally:
        process.terminate()
        process.wait(60)


def until(condition: Callable[[], object], deadline_s: float = 60) -> None:
    end = time.monotonic() + deadline_s
    while not condition():
        assert time.monotonic() < end, "the deadline has passed"
        time.sleep(0.01)


def _answers(client: httpx.Client) -> bool:
    try:
        return client.get("/_sim/stats").status_code == 200
    except httpx.TransportError:
        return False
