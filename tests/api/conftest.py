"""The real application behind a real server, on the database and the Redis of the test."""

import logging
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import count
from types import SimpleNamespace

import httpx
import pytest
import redis as redis_client
import structlog
import uvicorn
from sqlalchemy import text

from api import metrics, rates
from api.app import create_app
from api.front import front, version
from api.hooks import watch
from api.server import PatientProtocol
from notify.accounts import operators, sessions
from notify.core import logs
from notify.core.db import transaction
from notify.core.settings import settings
from tests import factories

Headers = dict[str, str]
TESTS = count(1)
NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # to read all authorities takes 20 ms for each client


@pytest.fixture(scope="session")
def served() -> Iterator[str]:
    """The address of the application; it reads the settings of each test anew."""
    root, level = logging.getLogger(), logging.getLogger().level
    handlers = root.handlers
    logs.configure("INFO", "text")
    structlog.configure(cache_logger_on_first_use=False)  # or `capture_logs` of later tests would see nothing
    listening = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(
        uvicorn.Config(
            create_app(), http=PatientProtocol, log_config=None, access_log=False, timeout_graceful_shutdown=2
        )
    )
    thread = threading.Thread(target=server.run, args=([listening],))
    thread.start()
    yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    server.should_exit = True
    thread.join()
    listening.close()
    root.handlers = handlers
    root.setLevel(level)


@pytest.fixture(autouse=True)
def _counted_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a test has just done is in the metrics at once, however slow the machine."""
    monkeypatch.setattr(metrics, "FRESH_S", 0.0)
    monkeypatch.setattr(metrics, "PATIENCE_MS", 60_000)


@pytest.fixture(autouse=True)
def _seen_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a test has just done is on the public pages at once."""
    monkeypatch.setattr(version, "LOOK_S", 0.0)
    monkeypatch.setattr(version, "PATIENCE_S", 60.0)
    monkeypatch.setattr(version, "GRACE_S", 0.0)
    monkeypatch.setattr(front, "RENDER_S", 60.0)


@pytest.fixture(autouse=True)
def _refused_long_ago(monkeypatch: pytest.MonkeyPatch) -> None:
    """The application lives longer than a test: webhooks that it refused in the test before are too old to ring."""
    later_s = next(TESTS) * 2 * watch.WITHIN_S
    monkeypatch.setattr(watch, "time", SimpleNamespace(monotonic=lambda: time.monotonic() + later_s))


@pytest.fixture(scope="session", autouse=True)
def _patient_counting() -> Iterator[None]:
    """Where Redis takes longer to answer, requests are let in uncounted. The application keeps its connections."""
    with pytest.MonkeyPatch.context() as session:
        session.setattr(rates, "PATIENCE_S", 60.0)
        yield


@pytest.fixture
def public_url(served: str, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("TOCSIN_PUBLIC_URL", served)
    return served


@pytest.fixture
def door(
    public_url: str, database: str, redis: "redis_client.Redis", monkeypatch: pytest.MonkeyPatch
) -> Iterator[httpx.Client]:
    """A client of the application, on an empty database, with providers that are simulators (none runs)."""
    for name in ("SIMULATOR_URL", "TWILIO_BASE_URL", "SENDGRID_BASE_URL"):
        monkeypatch.setenv(f"TOCSIN_{name}", "http://127.0.0.1:9")
    monkeypatch.delenv("TOCSIN_OUTSIDE_FEEDS", raising=False)  # of a stack that runs: those of its own simulator
    settings.cache_clear()
    with httpx.Client(base_url=public_url, timeout=60, trust_env=False, verify=NO_TLS) as client:
        yield client


@pytest.fixture
def key(database: str) -> Callable[..., Headers]:
    """`key("author")`: the header of a new API key that acts for an operator of this role; None: it may only read.
    `scopes` limit it."""

    def make(role: str | None = "admin", scopes: Sequence[str] = ()) -> Headers:
        now = datetime.now(UTC)
        with transaction() as s:
            acts_for = factories.operator(s, role, now=now) if role else None
            number = s.scalar(text("SELECT count(*) FROM api_keys"))
            return {"Authorization": f"Bearer {operators.add_key(s, f'test {number}', now, acts_for, scopes)}"}

    return make


@pytest.fixture
def city(door: httpx.Client) -> datetime:
    """Riverside with forty residents: 40 phones and 20 emails, some unverified, some of other topics."""
    now = datetime.now(UTC)
    with transaction() as s:
        factories.zone(s, "Riverside", now=now)
        people = (
            factories.Person(
                topics=("storm", "snow") if n % 4 else ("snow",),
                email="" if n % 2 else None,
                verified=n % 10 != 0,
                language="es" if n % 3 == 0 else "en",
            )
            for n in range(40)
        )
        factories.residents(s, people, now=now)
    return now


@pytest.fixture
def at_desk(door: httpx.Client) -> Callable[[str], httpx.Client]:
    """`at_desk("author")`: the client, signed in to the console as an operator of this role, who has just proved who
    they are."""

    def sit(role: str) -> httpx.Client:
        now = datetime.now(UTC)
        with transaction() as s:
            token = sessions.begin(s, factories.operator(s, role, now=now), "password", "a test", now)
        door.cookies.clear()
        door.cookies.set("tocsin", token, domain="127.0.0.1")
        door.headers["Origin"] = str(door.base_url).rstrip("/")
        return door

    return sit


@pytest.fixture
def operator(at_desk: Callable[[str], httpx.Client]) -> httpx.Client:
    """The client, signed in to the console as an admin."""
    return at_desk("admin")
