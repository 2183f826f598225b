"""`tocsin up`, `tocsin demo`, and one command for each process of a larger installation.

Each imports its own modules when it starts, so that no process has the libraries of the others in memory
(docs/footprint.md).
"""

import importlib
import os
import runpy
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from typing import Annotated, Any

import structlog
import typer

from notify.cli.commands import Commands, Json, data_folder
from notify.cli.output import console
from notify.core import logs, process
from notify.core.errors import Invalid
from notify.core.settings import settings
from notify.local.folder import StackInfo, read_env, running
from notify.local.stack import Stack, signals_interrupt

log = structlog.get_logger()

RESIDENTS = 20_000  # of the training city

Port = Annotated[int, typer.Option(help="The port to listen on; if it is in use, another one.")]


def up(
    port: Port = 8000,
    workers: Annotated[int, typer.Option(help="The number of routine workers.")] = 1,
    demo: Annotated[bool, typer.Option("--demo", help="Add the training city and one storm alert.")] = False,
    servers: Annotated[
        bool, typer.Option("--servers", help="Only PostgreSQL and Redis, to restore a backup (docs/restore.md).")
    ] = False,
) -> None:
    """Run everything on this machine, for trying, training and rehearsals. Ctrl-C stops it cleanly.

    With --demo, which adds a training city, the providers are always simulated and nothing leaves this machine. Without
    it, they are simulated unless the environment has credentials of a provider. See docs/installing.md.
    """
    if demo and servers:
        raise Invalid("--demo needs all processes, --servers starts none.", hint="Leave one of them out.")
    stack = Stack(data_folder(), port, workers, demo, None if demo else sys.stderr, servers_only=servers)

    def ready(info: StackInfo) -> None:
        if servers:
            console.print("PostgreSQL and Redis are running, and nothing that sends. Ctrl-C stops them.")
            return
        for name in ("demo", "where") if demo else ("where",):
            _alone(name, info)

    stack.run(ready)
    console.print("Stopped; nothing is left running.")


def _alone(name: str, info: StackInfo) -> None:
    """Run a command in a process of its own, so that its libraries do not stay in this one."""
    done = subprocess.run([sys.executable, "-m", "notify.cli", name, "--data", info.data])
    if done.returncode:  # it has printed the reason
        raise typer.Exit(done.returncode)


def demo(
    residents: Annotated[int, typer.Option(help="The number of residents of the training city.")] = RESIDENTS,
    port: Port = 8000,
    as_json: Json = False,
) -> None:
    """Send one storm alert to the training city, with its report. Uses the running stack, if any."""
    from notify.cli import demo as demonstration

    info = running(data_folder())
    if info is not None:
        _enter(read_env(data_folder()))
        demonstration.run(info, residents, as_json=as_json)
        return
    with signals_interrupt(), Stack(data_folder(), port=port, demo=True) as stack:
        _enter(stack.settings)
        demonstration.run(stack.info, residents, as_json=as_json)


def migrate() -> None:
    """Bring the database to the newest schema. Safe to run again, and on several hosts at once."""
    from notify import migrations

    _logs()
    migrations.upgrade()
    if settings().secret_key.get_secret_value():
        _check_key()
    console.print("The database is up to date.")


def api(port: Port = 8000, host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1") -> None:
    """Run the web server: pages, REST, webhooks."""

    _begin(process.API)
    from notify.operations.heartbeat import Heart

    Heart("api").beat_on()
    # By name, because `api` is a higher layer and only this process imports it.
    importlib.import_module("api.server").serve(host, port)


def serve(
    lane: Annotated[list[str] | None, typer.Option(help="emergency or routine; without, both.")] = None,
) -> None:
    """Run a process that sends messages, of one lane or both. Any number may run."""
    from notify.models import Lane

    _begin(process.WORKER)
    try:
        lanes = [Lane(name) for name in lane] if lane else list(Lane)
    except ValueError:
        raise Invalid(f"There is no lane {' '.join(lane or ())!r}.", hint="Lanes: emergency, routine.") from None
    from notify.operations import tasks
    from notify.operations.heartbeat import Heart

    tasks.work(lanes, Heart("worker", lanes).beat)


def schedule() -> None:
    """Run the timed jobs. Several may run; one leads."""
    from notify.operations import scheduler

    _begin(process.SCHEDULER)
    scheduler.run(_stop_on_signals())


def simulator(
    context: typer.Context,
    port: Annotated[int, typer.Option(help="The port to listen on.")] = 8001,
) -> None:
    """Run the simulated providers, for training and tests: nothing leaves this machine. Takes its own options too."""

    sys.argv = ["simulator", "--port", str(port), *context.args]
    runpy.run_module("notify.simulators", run_name="__main__")


def _enter(stack_settings: Mapping[str, str]) -> None:
    """Use the settings of the stack in this process."""
    os.environ.update(stack_settings)
    settings.cache_clear()


def _logs() -> None:
    logs.configure(settings().log_level, settings().log_format)


def _begin(kind: str) -> None:
    """Start as a process of this kind."""
    process.kind = kind
    _logs()
    _check_key()


def _check_key() -> None:
    """Refuse to start with a key other than the database's. If the database does not answer, the check comes later."""
    from sqlalchemy.exc import ProgrammingError

    from notify.core import db, keyring

    try:
        with db.transaction() as s:
            keyring.verify(s)
    except (*db.AWAY, ProgrammingError) as error:  # away, or without our schema yet
        log.warning("key.not_checked", error=db.reason(error))


def _stop_on_signals() -> threading.Event:
    stop = threading.Event()

    def heard(*_: Any) -> None:
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, heard)
    return stop


commands = Commands()
commands.add("up", up, starts=True)
commands.add("demo", demo, starts=True)
commands.add("migrate", migrate)
commands.add("api", api, serves=True)
commands.add("worker", serve, serves=True)
commands.add("scheduler", schedule, serves=True)
commands.add("simulator", simulator, context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
