"""A simulator for the tests that post, and the way out to it."""

import json
import socket
import threading
import time
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest
import uvicorn
from pydantic import SecretStr

from notify.pipeline.transport import Transport
from notify.settings import Settings, settings
from notify.simulators.app import create_app
from notify.simulators.config import Config


class Providers:
    """Where the simulator is, and settings that lead there."""

    def __init__(self, url: str) -> None:
        self.url = url

    def settings(self) -> Settings:
        ours = Config()
        return settings().model_copy(
            update={
                "twilio_base_url": self.url,
                "twilio_account_sid": ours.twilio_account_sid,
                "twilio_auth_token": SecretStr(ours.twilio_auth_token),
                "sendgrid_base_url": self.url,
                "sendgrid_api_key": SecretStr(ours.sendgrid_api_key),
                "mastodon_base_url": self.url,
                "mastodon_access_token": SecretStr(ours.mastodon_token),
                "provider_timeout_s": 2.0,
            }
        )

    def behave(self, **behaviour: Any) -> None:
        self._ask("/_sim/behaviour", behaviour)

    def received(self) -> list[dict[str, Any]]:
        answer = self._ask("/_sim/messages?limit=100000")
        return list(answer["messages"] if isinstance(answer, dict) else answer)

    def _ask(self, path: str, body: Any = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        asked = urllib.request.Request(f"{self.url}{path}", data=data, method="PUT" if data else "GET")
        with urllib.request.urlopen(asked, timeout=10) as answer:
            return json.loads(answer.read() or b"null")


@pytest.fixture
def providers() -> Iterator[Providers]:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(create_app(Config()), log_config=None, timeout_graceful_shutdown=1))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        deadline = time.monotonic() + 10
        while not server.started and time.monotonic() < deadline:
            time.sleep(0.01)
        try:
            yield Providers(f"http://127.0.0.1:{listening.getsockname()[1]}")
        finally:
            server.should_exit = True
            thread.join(10)


@pytest.fixture
def transport(providers: Providers) -> Iterator[Transport]:
    way_out = Transport(providers.settings())
    yield way_out
    way_out.close()
