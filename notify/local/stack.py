"""Everything on one machine: what `tocsin up` runs, in which order and with which settings.

    with Stack(Path("tocsin-data")) as stack:
        ...                         # everything runs
        stack.kill("worker-1")      # and it is started again

`running` and `load_env` (folder.py) let other commands find a stack by its data folder.
"""

import os
import signal
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from http.client import HTTPException
from pathlib import Path
from threading import Event, Lock
from types import TracebackType
from typing import Self, TextIO

from pydantic import SecretStr

from notify.core.errors import TocsinError
from notify.core.settings import Settings
from notify.local import ports, postgres, redis, secret_keys
from notify.local.credentials import Credentials, keep
from notify.local.folder import StackInfo, claim, given, load_env, read_env, running, write_env, write_info
from notify.local.logs import Console
from notify.local.processes import Supervisor
from notify.local.program import Program

__all__ = ["Stack", "StackInfo", "load_env", "running"]

# By their settings: the registry would bring the providers' libraries into the process that only starts the others.
PROVIDERS = tuple(name.removesuffix("_base_url") for name in Settings.model_fields if name.endswith("_base_url"))
PROVIDER_SECRETS = tuple(
    f"TOCSIN_{name}".upper()
    for name, field in Settings.model_fields.items()
    if field.annotation is SecretStr and name.startswith(PROVIDERS)
)
OWNER = "TOCSIN_MIGRATION_DATABASE_URL"
WORKER_STOP = ((signal.SIGTERM, 15.0), (signal.SIGQUIT, 3.0))  # Celery: finish the tasks in hand, then leave them


class Stack:
    """The local stack on one data folder. Without `demo` it writes to real providers when their settings are given."""

    def __init__(
        self,
        data: Path,
        port: int = 8000,
        workers: int = 1,
        demo: bool = False,
        console: TextIO | None = None,
        servers_only: bool = False,
    ) -> None:
        """`console`: where the log lines of all processes go, besides their files; None: nowhere.

        `servers_only`: PostgreSQL and Redis as they are, and nothing that reads or writes there.
        """
        self.data = data.expanduser().absolute()
        self._port = port
        self._workers = workers
        self._demo = demo
        self._servers_only = servers_only
        self._console = Console(console)
        self._lock: TextIO | None = None
        self._writing = Lock()
        self._supervisor: Supervisor | None = None
        self._info: StackInfo | None = None
        self.settings: dict[str, str] = {}  # the TOCSIN_* settings of its processes, once it runs

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def info(self) -> StackInfo:
        if self._info is None or self._supervisor is None:
            raise TocsinError("The stack does not run.")
        return replace(self._info, processes=self._supervisor.pids())

    def start(self) -> None:
        """Start everything, in order. Raises Refused when another stack holds the folder, Unavailable with a reason."""
        self._lock = claim(self.data)
        try:
            self._start()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """End everything that runs, last started first."""
        if self._supervisor is not None:
            self._supervisor.stop()
        if self._lock is not None:
            (self.data / "stack.json").unlink(missing_ok=True)
            self._lock.close()  # only now may another stack begin here
        self._lock = self._supervisor = self._info = None

    def run(self, ready: Callable[[StackInfo], None] = lambda _info: None) -> None:
        """Start, call `ready`, and serve until Ctrl-C or SIGTERM; then stop. To be called in the main thread."""
        with signals_interrupt():
            try:
                with self:
                    ready(self.info)
                    Event().wait()
            except KeyboardInterrupt:
                self._console.say("tocsin", "Stopped.")

    def pid(self, name: str) -> int | None:
        """Of the process with this name; None while it is down."""
        return self.info.processes.get(name)

    def kill(self, name: str) -> None:
        """SIGKILL. It is started again after half a second, later if that happens often."""
        self._supervised().kill(name)

    def restart(self, name: str) -> None:
        """End it in good order, start it again and return when it is ready."""
        self._supervised().restart(name)

    def _supervised(self) -> Supervisor:
        if self._supervisor is None:
            raise TocsinError("The stack does not run.")
        return self._supervisor

    def _start(self) -> None:
        credentials = keep(self.data)
        port = ports.near(self._port)
        if port != self._port:
            self._console.say("tocsin", f"Port {self._port} is taken; port {port} is used instead.")
        chosen = _given(credentials)
        credentials = secret_keys.note(self.data, chosen)
        simulated = self._demo or not any(name in chosen for name in PROVIDER_SECRETS)
        url = f"http://{ports.HOST}:{port}"
        self._info = StackInfo(os.getpid(), url, "", str(self.data))
        supervisor = self._supervisor = Supervisor(self.data / "logs", self._console, self._write_info)
        self._write_info()
        servers = start_servers(self.data, supervisor, credentials, chosen)
        # After the servers have theirs, which are any that are free.
        simulator_port = ports.near(port + 1) if simulated else 0
        simulator_url = f"http://{ports.HOST}:{simulator_port}" if simulated else ""
        self._info = replace(self._info, simulator_url=simulator_url)
        self._write_info()

        self.settings = {
            "TOCSIN_PUBLIC_URL": url,
            **chosen,
            **secret_keys.settings(credentials, chosen),
            **(_simulated_providers(credentials, simulator_url) if simulated else {}),
            **servers,
            "TOCSIN_DATA": str(self.data),
        }
        write_env(self.data, self.settings)
        if not self._servers_only:
            supervisor.run(self._command("migrate", "migrate", owner=True))
            if simulated:
                supervisor.start(_simulator(credentials, simulator_port, self.settings["TOCSIN_PUBLIC_URL"]))
            supervisor.start(*self._programs(port))
        self._info = replace(self._info, ready=True)
        self._write_info()

    def _programs(self, port: int) -> list[Program]:
        routine = [f"worker-{number}" for number in range(1, self._workers + 1)]
        return [
            replace(
                self._command("api", "api", "--port", str(port)),
                ready=lambda: _serves(f"http://{ports.HOST}:{port}/healthz"),
            ),
            replace(self._command("worker-emergency", "worker", "--lane", "emergency"), stop=WORKER_STOP),
            *(replace(self._command(name, "worker", "--lane", "routine"), stop=WORKER_STOP) for name in routine),
            self._command("scheduler", "scheduler"),
        ]

    def _command(self, name: str, *arguments: str, owner: bool = False) -> Program:
        """`owner`: it changes the schema. No other process can."""
        env = {**_without_tocsin(), "PYTHONUNBUFFERED": "1", **self.settings}
        if not owner:
            env.pop(OWNER, None)
        return Program(name, (sys.executable, "-m", "notify.cli", *arguments), env)

    def _write_info(self) -> None:
        with self._writing:  # the supervisor's thread calls this too
            if self._info is not None and self._supervisor is not None:
                write_info(self.data, self.info)


@contextmanager
def servers(data: Path) -> Iterator[dict[str, str]]:
    """PostgreSQL and Redis alone, for tests: the embedded ones, or those of the environment. Yields their settings."""
    data = data.absolute()
    with claim(data):
        supervisor = Supervisor(data / "logs")
        try:
            credentials = keep(data)
            yield start_servers(data, supervisor, credentials, _given(credentials))
        finally:
            supervisor.stop()


def start_servers(
    data: Path, supervisor: Supervisor, credentials: Credentials, chosen: Mapping[str, str]
) -> dict[str, str]:
    """Start the embedded servers whose URL is not among the chosen settings. Returns the settings of their URLs."""
    before = read_env(data)
    urls = {name: url for name in ("TOCSIN_DATABASE_URL", OWNER) if (url := chosen.get(name, ""))}
    if "TOCSIN_DATABASE_URL" not in urls:
        password = credentials.postgres_password
        port = ports.free(_port_of(before.get("TOCSIN_DATABASE_URL", "")))
        supervisor.start(postgres.program(data, port, password, supervisor))
        app = postgres.url(port, credentials.postgres_app_password, user=postgres.APP)
        urls = {"TOCSIN_DATABASE_URL": app, OWNER: postgres.url(port, password)}
    redis_url = chosen.get("TOCSIN_REDIS_URL", "")
    if not redis_url:
        password = credentials.redis_password
        port = ports.free(_port_of(before.get("TOCSIN_REDIS_URL", "")))
        supervisor.start(redis.program(data, port, password))
        redis_url = redis.url(port, password)
    return {**urls, "TOCSIN_REDIS_URL": redis_url}


def _given(credentials: Credentials) -> dict[str, str]:
    """The settings of the environment, less those that came from this data folder's own `env` file.

    A shell that sourced that file does not mean to run against the servers and simulators of last time.
    """
    settings = given()
    sourced = {name for name, value in settings.items() if credentials.includes(value)}
    sourced.discard(secret_keys.PREVIOUS)  # this folder's own key, which is being replaced
    if secret_keys.KEY in sourced and ports.HOST in settings.get("TOCSIN_PUBLIC_URL", ""):
        sourced.add("TOCSIN_PUBLIC_URL")
    if "TOCSIN_TWILIO_AUTH_TOKEN" in sourced:
        of_providers = tuple(f"TOCSIN_{name}_".upper() for name in (*PROVIDERS, "simulator"))
        sourced |= {name for name in settings if name.startswith(of_providers)}
    return {name: value for name, value in settings.items() if name not in sourced}


def _port_of(url: str) -> int | None:
    """The port of last time, so that addresses stay the same."""
    port = url.rpartition(":")[2].partition("/")[0]
    return int(port) if port.isdigit() else None


def _simulated_providers(credentials: Credentials, url: str) -> dict[str, str]:
    """Over what the environment says: a demonstration must never reach real phones."""
    return {
        "TOCSIN_SIMULATOR_URL": url,
        **{f"TOCSIN_{name}_BASE_URL".upper(): url for name in PROVIDERS},
        "TOCSIN_TWILIO_ACCOUNT_SID": credentials.twilio_account_sid,
        "TOCSIN_TWILIO_AUTH_TOKEN": credentials.twilio_auth_token,
        "TOCSIN_SENDGRID_API_KEY": credentials.sendgrid_api_key,
        "TOCSIN_SENDGRID_WEBHOOK_PUBLIC_KEY": credentials.sendgrid_public_key,
        "TOCSIN_MASTODON_ACCESS_TOKEN": credentials.mastodon_access_token,
        "TOCSIN_BLUESKY_HANDLE": "city.bsky.social",
        "TOCSIN_BLUESKY_APP_PASSWORD": credentials.bluesky_app_password,
    }


def _simulator(credentials: Credentials, port: int, public_url: str) -> Program:
    ours = {
        "SIM_TWILIO_ACCOUNT_SID": credentials.twilio_account_sid,
        "SIM_TWILIO_AUTH_TOKEN": credentials.twilio_auth_token,
        "SIM_TWILIO_INBOUND_URL": f"{public_url}/hooks/twilio/inbound",
        "SIM_SENDGRID_API_KEY": credentials.sendgrid_api_key,
        "SIM_SENDGRID_EVENTS_URL": f"{public_url}/hooks/sendgrid/events",
        "SIM_SENDGRID_PRIVATE_KEY": credentials.sendgrid_private_key,
        "SIM_MASTODON_TOKEN": credentials.mastodon_access_token,
        "SIM_BLUESKY_APP_PASSWORD": credentials.bluesky_app_password,
    }
    return Program(
        name="simulator",
        command=(sys.executable, "-m", "notify.simulators", "--port", str(port)),
        env={**_without_tocsin(), "PYTHONUNBUFFERED": "1", **ours},
        ready=lambda: _serves(f"http://{ports.HOST}:{port}/"),
    )


def _without_tocsin() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("TOCSIN_")}


def _serves(url: str) -> bool:
    """True when something below 500 comes back; a proxy of the environment is not asked."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=2.0):
            return True
    except urllib.error.HTTPError as error:
        return error.code < 500
    except (OSError, HTTPException):  # a port on which nobody listens yet may even be connected with itself
        return False


@contextmanager
def signals_interrupt() -> Iterator[None]:
    """SIGTERM and SIGHUP (the terminal was closed) end the stack as Ctrl-C does."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, signal.default_int_handler) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
