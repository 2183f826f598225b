"""The command's root: its groups, and the one place where errors become a line on stderr and an exit code."""

import os
import sys
from importlib import import_module
from typing import Any, NoReturn

import typer
import typer.core
import typer.main

from notify import db, logs
from notify.cli.commands import Commands, Data, choose_data
from notify.cli.output import complain
from notify.errors import TocsinError
from zones.errors import ZoneError

# What `tocsin` can be followed by, and where that is: a group of commands, or one that stands in such a group.
HOMES = {
    **dict.fromkeys(("up", "demo", "migrate", "api", "worker", "scheduler", "simulator"), "processes:commands"),
    "check": "check:commands",
    "alert": "alert:commands",
    "alarms": "alarms:commands",
    "zones": "zones:commands",
    "map": "basemap:commands",
    "addresses": "addresses:commands",
    "streets": "streets:commands",
    "subscribers": "subscribers:commands",
    "senders": "senders:commands",
    "operators": "operators:commands",
    "keys": "operators:key_commands",
}


class OnDemand(typer.core.TyperGroup):
    """Imports what was asked for, and nothing else: all of it takes longer than most commands."""

    def list_commands(self, ctx: Any) -> list[str]:
        return list(HOMES)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name not in HOMES:
            return None
        module, _, commands = HOMES[cmd_name].partition(":")
        group = typer.main.get_group(getattr(import_module(f"notify.cli.{module}"), commands))
        return group.commands.get(cmd_name, group)


root = Commands(name="tocsin", no_args_is_help=True, cls=OnDemand)


@root.callback()
def everywhere(data: Data = None) -> None:
    """Tocsin: crisis notification that a city can run by itself."""
    if data:
        choose_data(data)


def main() -> NoReturn:
    """Run the command of `sys.argv`."""
    logs.configure("WARNING", "text")  # processes that serve choose their own
    try:
        code = typer.main.get_command(root).main(standalone_mode=False)
    except (TocsinError, ZoneError) as error:
        complain(error.message, error.hint, error.details)
        code = 2
    except typer.TyperException as error:
        complain(error.format_message() if hasattr(error, "format_message") else str(error))
        code = 2
    except db.AWAY as error:
        away = db.unavailable(error)
        complain(away.message, away.hint or "Is the stack running? `tocsin up` starts it.")
        code = 2
    except (KeyboardInterrupt, typer.Abort):
        complain("Interrupted.")
        code = 130
    except BrokenPipeError:  # `tocsin ... | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 0
    sys.exit(code if isinstance(code, int) else 0)
