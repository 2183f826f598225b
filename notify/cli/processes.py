"""`tocsin up`, `tocsin demo`, and one command for each process of a larger installation."""

import signal
import sys
import threading
from typing import Annotated, Any

import typer

from notify import logs, migrations, scheduler, tasks, worker
from notify.cli import demo as demonstration
from notify.cli.commands import Commands, Json, data_folder
from notify.cli.output import console
from notify.errors import Invalid
from notify.local.stack import Stack, StackInfo, running
from notify.models import Lane
from notify.settings import settings

Port = Annotated[int, typer.Option(help="Where it listens; another is taken when it is in use.")]


def add_to(root: Commands) -> None:
    for command in (up, demo, migrate, api, serve, schedule, simulator):
        root.command(NAMES.get(command.__name__, command.__name__))(command)


NAMES = {"serve": "worker", "schedule": "scheduler"}


def up(
    port: Port = 8000,
    workers: Annotated[int, typer.Option(help="Routine workers.")] = 1,
    demo: Annotated[bool, typer.Option("--demo", help="With the training city and one storm alert.")] = False,
) -> None:
    """Everything on this machine. Ctrl-C stops it cleanly."""

    def ready(info: StackInfo) -> None:
        _use(info)
        if demo:
            demonstration.run(info)
        demonstration.say_where(info)

    Stack(data_folder(), port=port, workers=workers, demo=demo, console=sys.stderr if not demo else None).run(ready)


def demo(
    residents: Annotated[int, typer.Option(help="How many live in the training city.")] = demonstration.RESIDENTS,
    port: Port = 8000,
    as_json: Json = False,
) -> None:
    """The main job once: one storm alert to the training city, with its report. Uses the stack that runs, if any."""
    info = running(data_folder())
    if info is not None:
        _use(info)
        demonstration.run(info, residents, as_json=as_json)
        return
    with Stack(data_folder(), port=port, demo=True) as stack:
        _use(stack.info)
        demonstration.run(stack.info, residents, as_json=as_json)


def migrate() -> None:
    """Bring the database to the newest schema. Safe to run again, and on several hosts at once."""
    _logs()
    migrations.upgrade()
    console.print("The database is up to date.")


def api(port: Port = 8000, host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1") -> None:
    """The web server: pages, REST, webhooks."""
    import uvicorn

    _logs()
    uvicorn.run(
        "api.app:create_app",
        factory=True,
        host=host,
        port=port,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=True,
    )


def serve(
    lane: Annotated[list[str] | None, typer.Option(help="emergency or routine; without, both.")] = None,
) -> None:
    """A worker."""
    _logs()
    try:
        lanes = [Lane(name) for name in lane] if lane else list(Lane)
    except ValueError as error:
        raise Invalid(f"{error}.", hint="Lanes: emergency, routine.") from None
    worker.work(tasks.app(), lanes)


def schedule() -> None:
    """The timed jobs. Several may run; one leads."""
    _logs()
    scheduler.run(_stop_on_signals())


def simulator(
    arguments: typer.Context,
    port: Annotated[int, typer.Option(help="Where it listens.")] = 8001,
) -> None:
    """The providers' stand-in, for training and tests: nothing leaves this machine."""
    import runpy

    sys.argv = ["simulator", "--port", str(port), *arguments.args]
    runpy.run_module("notify.simulators", run_name="__main__")


def _use(info: StackInfo) -> None:
    from notify.cli.commands import use_data

    use_data(info.data)


def _logs() -> None:
    logs.configure(settings().log_level, settings().log_format)


def _stop_on_signals() -> threading.Event:
    stop = threading.Event()

    def heard(*_: Any) -> None:
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, heard)
    return stop
