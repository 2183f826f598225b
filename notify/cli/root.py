"""The command's root: its groups, and the one place where errors become a line on stderr and an exit code."""

import os
import sys
from typing import NoReturn

import typer

from notify import db, logs
from notify.cli import alarms, alert, operators, processes, senders, subscribers, zones
from notify.cli.commands import Commands, Data, choose_data
from notify.cli.output import complain
from notify.errors import TocsinError
from zones.errors import ZoneError

root = Commands(name="tocsin", no_args_is_help=True)
processes.add_to(root)
for group, name in (
    (alert.commands, "alert"),
    (alarms.commands, "alarms"),
    (zones.commands, "zones"),
    (subscribers.commands, "subscribers"),
    (senders.commands, "senders"),
    (operators.commands, "operators"),
    (operators.key_commands, "keys"),
):
    root.add_typer(group, name=name)


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
