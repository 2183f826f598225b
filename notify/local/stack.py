"""The local stack of `tocsin up`: its processes, their order and their settings.

    with Stack(Path("tocsin-data")) as stack:
        ...                         # everything runs
        stack.kill("worker-1")      # it is started again

`running` and `load_env` (folder.py) let other commands find a stack by its data folder.
"""

import os
import signal
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from threading import Event, Lock
from types import TracebackType
from typing import Self, TextIO

from notify.core.errors import TocsinError
from notify.local import ports, postgres, providers, redis, secret_keys
from notify.local.credentials import Credentials, keep
from notify.local.folder import (
    StackInfo,
    claim,
    environment_without_settings,
    given,
    load_env,
    read_env,
    running,
    write_env,
    write_info,
)
from notify.local.logs import Console
from notify.local.processes import Supervisor
from notify.local.program import Program

__all__ = ["Stack", "StackInfo", "load_env", "running"]

OWNER = "TOCSIN_MIGRATION_DATABASE_URL"
WORKER_STOP = ((signal.SIGTERM, 15.0), (signal.SIGQUIT, 3.0))  # Celery: finish the running tasks, then abandon them


class Stack:
    """The local stack on one data folder. Without `demo` it uses real providers when their secrets are set."""

    def __init__(
        self,
        data: Path,
        port: int = 8000,
        workers: int = 1,
        demo: bool = False,
        console: TextIO | None = None,
        servers_only: bool = False,
    ) -> None:
        """`console`: gets the log lines of all processes in addition to their files.

        `servers_only`: start PostgreSQL and Redis as they are, and nothing that reads or writes there.
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
        self.settings: dict[str, str] = {}  # the TOCSIN_* settings of its processes while it runs

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
        """Start everything in order. Raises Refused when another stack has the folder, Unavailable when one fails."""
        self._lock = claim(self.data)
        try:
            self._start()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop all processes, last started first."""
        if self._supervisor is not None:
            self._supervisor.stop()
        if self._lock is not None:
            (self.data / "stack.json").unlink(missing_ok=True)
            self._lock.close()  # only now may another stack start here
        self._lock = self._supervisor = self._info = None

    def run(self, ready: Callable[[StackInfo], None] = lambda _info: None) -> None:
        """Start, call `ready`, run until Ctrl-C or SIGTERM, then stop. Call it in the main thread."""
        with signals_interrupt():
            try:
                with self:
                    ready(self.info)
                    Event().wait()
            except KeyboardInterrupt:
                self._console.say("tocsin", "Stopped.")

    def pid(self, name: str) -> int | None:
        """The pid of the process with this name; None while it is down."""
        return self.info.processes.get(name)

    def kill(self, name: str) -> None:
        """Send SIGKILL. The process is restarted after half a second, later if that happens often."""
        self._supervised().kill(name)

    def restart(self, name: str) -> None:
        """Stop a process in order, start it again and return when it is ready."""
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
        simulated = self._demo or providers.are_simulated(chosen)
        url = f"http://{ports.HOST}:{port}"
        self._info = StackInfo(os.getpid(), url, "", str(self.data))
        supervisor = self._supervisor = Supervisor(self.data / "logs", self._console, self._write_info)
        self._write_info()
        servers = start_servers(self.data, supervisor, credentials, chosen)
        # After the servers have chosen their ports, which may be any.
        simulator_port = ports.near(port + 1) if simulated else 0
        simulator_url = f"http://{ports.HOST}:{simulator_port}" if simulated else ""
        self._info = replace(self._info, simulator_url=simulator_url)
        self._write_info()

        self.settings = {
            "TOCSIN_PUBLIC_URL": url,
            **chosen,
            **secret_keys.settings(credentials, chosen),
            **(providers.simulated_settings(credentials, simulator_url) if simulated else {}),
            **(
                providers.simulated_agency(simulator_url) | providers.simulated_requests(simulator_url)
                if self._demo
                else {}
            ),
            **servers,
            "TOCSIN_DATA": str(self.data),
        }
        write_env(self.data, self.settings)
        if not self._servers_only:
            supervisor.run(self._command("migrate", "migrate", owner=True))
            if simulated:
                supervisor.start(providers.simulator(credentials, simulator_port, self.settings["TOCSIN_PUBLIC_URL"]))
            supervisor.start(*self._programs(port))
        self._info = replace(self._info, ready=True)
        self._write_info()

    def _programs(self, port: int) -> list[Program]:
        routine = [f"worker-{number}" for number in range(1, self._workers + 1)]
        return [
            replace(
                self._command("api", "api", "--port", str(port)),
                ready=lambda: ports.serves(f"http://{ports.HOST}:{port}/healthz"),
            ),
            replace(self._command("worker-emergency", "worker", "--lane", "emergency"), stop=WORKER_STOP),
            *(replace(self._command(name, "worker", "--lane", "routine"), stop=WORKER_STOP) for name in routine),
            self._command("scheduler", "scheduler"),
        ]

    def _command(self, name: str, *arguments: str, owner: bool = False) -> Program:
        """`owner`: connect as the role that may change the schema, as no other process does."""
        env = {**environment_without_settings(), "PYTHONUNBUFFERED": "1", **self.settings}
        if not owner:
            env.pop(OWNER, None)
        return Program(name, (sys.executable, "-m", "notify.cli", *arguments), env)

    def _write_info(self) -> None:
        with self._writing:  # the supervisor's thread calls this too
            if self._info is not None and self._supervisor is not None:
                write_info(self.data, self.info)


@contextmanager
def servers(data: Path) -> Iterator[dict[str, str]]:
    """Run PostgreSQL and Redis alone, embedded or from the environment, for tests. Yields their settings."""
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
    """Start an embedded server for each URL that the chosen settings lack. Returns the settings of all URLs."""
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
    """The settings of the environment, without those that came from this data folder's own `env` file.

    A shell that sourced that file does not mean to use the servers and simulators of the last run.
    """
    settings = given()
    sourced = {name for name, value in settings.items() if credentials.includes(value)}
    sourced.discard(secret_keys.PREVIOUS)  # this folder's own key, which is being replaced
    if secret_keys.KEY in sourced and ports.HOST in settings.get("TOCSIN_PUBLIC_URL", ""):
        sourced.add("TOCSIN_PUBLIC_URL")
    if "TOCSIN_TWILIO_AUTH_TOKEN" in sourced:
        of_providers = tuple(f"TOCSIN_{name}_".upper() for name in (*providers.PROVIDERS, "simulator"))
        sourced |= {name for name in settings if name.startswith(of_providers)}
    return {name: value for name, value in settings.items() if name not in sourced}


def _port_of(url: str) -> int | None:
    """The port of the last run, so that addresses stay the same."""
    port = url.rpartition(":")[2].partition("/")[0]
    return int(port) if port.isdigit() else None


@contextmanager
def signals_interrupt() -> Iterator[None]:
    """Let SIGTERM and SIGHUP (a closed terminal) stop the stack as Ctrl-C does."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, signal.default_int_handler) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
