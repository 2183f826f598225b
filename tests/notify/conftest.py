"""A transaction in a city with one zone and one sender; a stand-in for the providers, and the way out to it."""

import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from http.client import HTTPException
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy.orm import Session

from notify.core.db import transaction
from notify.core.settings import Settings, settings
from notify.delivery.transport import Transport
from notify.local import ports
from notify.simulators.config import Config
from tests.factories import sender, zone
from tests.owner import owning
from tests.waiting import until


@pytest.fixture
def s(database: str) -> Iterator[Session]:
    with transaction() as session:
        zone(session)
        sender(session)
        yield session


@pytest.fixture
def owner(database: str) -> Iterator[Session]:
    """The same for the owner of the tables, who may change what nobody else may."""
    with owning() as session:
        zone(session)
        sender(session)
        yield session


class Providers:
    """Where the simulator is, and settings that lead there."""

    def __init__(self, url: str) -> None:
        self.url = url

    def settings(self) -> Settings:
        ours = Config()
        return settings().model_copy(
            update={
                "simulator_url": self.url,
                "provider_timeout_s": 120.0,  # a busy machine may take long to connect; no test waits for it
                "twilio_base_url": self.url,
                "twilio_account_sid": ours.twilio_account_sid,
                "twilio_auth_token": SecretStr(ours.twilio_auth_token),
                "sendgrid_base_url": self.url,
                "sendgrid_api_key": SecretStr(ours.sendgrid_api_key),
                "mastodon_base_url": self.url,
                "mastodon_access_token": SecretStr(ours.mastodon_token),
                "bluesky_base_url": self.url,
                "bluesky_handle": ours.bluesky_handle,
                "bluesky_app_password": SecretStr(ours.bluesky_app_password),
            }
        )

    def behave(self, **behaviour: Any) -> None:
        self._ask("/_sim/behaviour", behaviour, "PUT")

    def received(self) -> list[dict[str, Any]]:
        answer = self._ask("/_sim/messages?limit=100000")
        return list(answer["messages"] if isinstance(answer, dict) else answer)

    def asked(self, provider: str) -> int:
        """How many requests have come, answered or not."""
        return int(self._ask("/_sim/stats")[provider]["requests"])

    def forget(self) -> None:
        self._ask("/_sim/behaviour", method="DELETE")
        self._ask("/_sim/messages", method="DELETE")

    def answers(self) -> bool:
        try:
            self._ask("/_sim/stats")
        except (OSError, HTTPException):
            return False
        return True

    def _ask(self, path: str, body: Any = None, method: str = "GET") -> Any:
        data = None if body is None else json.dumps(body).encode()
        asked = urllib.request.Request(f"{self.url}{path}", data=data, method=method)
        with urllib.request.urlopen(asked, timeout=60) as answer:
            return json.loads(answer.read() or b"null")


@pytest.fixture(scope="session")
def _stand_in(_own_settings: None) -> Iterator[Providers]:
    """A process of its own: in ours, when a message arrives would hang on what the senders' threads do."""
    port = ports.free()
    providers = Providers(f"http://127.0.0.1:{port}")
    process = subprocess.Popen([sys.executable, "-m", "notify.simulators", "--port", str(port)])
    try:
        until(lambda: process.poll() is not None or providers.answers(), 60, "the stand-in answers")
        yield providers
    finally:
        process.terminate()
        process.wait(60)


@pytest.fixture
def providers(_stand_in: Providers) -> Providers:
    _stand_in.forget()
    return _stand_in


@pytest.fixture
def transport(providers: Providers) -> Iterator[Transport]:
    way_out = Transport(providers.settings())
    yield way_out
    way_out.close()
