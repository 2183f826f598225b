"""The command's root: its groups, and the one place where errors become a line on stderr and an exit code.

Nothing is imported before it is known what was asked for: all commands together take longer than most of them.
"""

import os
import sys
from importlib import import_module
from typing import Any, NoReturn

import typer
import typer.core
import typer.main

from notify.cli.commands import Commands, Data, choose_data, hint_when_away, hint_wrong_key
from notify.core.errors import TocsinError, WrongKey
from notify.core.plain import plain
from zones.errors import ZoneError

# What `tocsin` can be followed by, and where that is: a group of commands, or one that stands in such a group.
HOMES = {
    **dict.fromkeys(("up", "demo", "migrate", "api", "worker", "scheduler", "simulator"), "processes:commands"),
    "where": "where_to_look:commands",
    "check": "check:commands",
    "restored": "restored:commands",
    "alert": "alert:commands",
    "alarms": "alarms:commands",
    "jobs": "jobs:commands",
    "zones": "zones:commands",
    "map": "basemap:commands",
    "addresses": "addresses:commands",
    "streets": "streets:commands",
    "subscribers": "subscribers:commands",
    "residents": "residents:commands",
    "senders": "senders:commands",
    "operators": "operators:commands",
    "keys": "operators:key_commands",
}

# The first sentence of each, for `tocsin --help`, which imports those that are missing here.
SHORT = {
    "up": "Everything on this machine, for trying, training and rehearsals. Ctrl-C stops it cleanly.",
    "demo": "The main job once: one storm alert to the training city, with its report.",
    "migrate": "Bring the database to the newest schema.",
    "api": "The web server: pages, REST, webhooks.",
    "worker": "A process that sends messages, of one lane or both.",
    "scheduler": "The timed jobs. Several may run; one leads.",
    "simulator": "The providers' stand-in, for training and tests: nothing leaves this machine.",
    "where": "Where to look at the stack of this machine; with a new sign-in link for the training city.",
    "restored": "After a backup was restored: hold all alerts, and ask what was sent since.",
    "check": "Ask servers, providers and the way out whether an emergency could be sent now.",
    "alert": "Write, approve, launch, watch and stop alerts.",
    "alarms": "What operators must look at.",
    "jobs": "The timed jobs: what each does, how its last run went, when it runs next.",
    "zones": "Import and look at zones.",
    "map": "What the map is drawn of, besides streets and zones.",
    "addresses": "House numbers and landmarks: import, find.",
    "streets": "Streets with the house numbers of their blocks.",
    "subscribers": "Residents: import, export, count.",
    "residents": "One resident: look up, opt out, lift, move, correct, erase.",
    "senders": "The identities we send as: their rates and caps.",
    "operators": "Staff members and their roles.",
    "keys": "API keys; and the secret key, which `rotate` replaces.",
}

# Commands that need less than the others of their group, and where they are.
LIGHT = {"alert": {"list": "alert_list:commands"}}


class Named(typer.core.TyperGroup):
    """A group that knows the names of its commands before it imports them."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        try:
            return super().resolve_command(ctx, args)
        except typer.TyperException:
            self.commands: Any = dict.fromkeys(self.list_commands(ctx))  # where Typer looks for what a typo may mean
            return super().resolve_command(ctx, args)


class OnDemand(Named):
    """The groups and commands of `HOMES`."""

    def list_commands(self, ctx: Any) -> list[str]:
        return list(HOMES)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name not in HOMES:
            return None
        if cmd_name in LIGHT:
            return LightFirst(cmd_name)
        group = _group(HOMES[cmd_name])
        return group.commands.get(cmd_name, group)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        rows = [(name, SHORT.get(name) or self.get_command(ctx, name).get_short_help_str(200)) for name in HOMES]
        with formatter.section("Commands"):
            formatter.write_dl(rows)


class LightFirst(Named):
    """A group that is imported as a whole only for a command that is not light."""

    def __init__(self, name: str) -> None:
        super().__init__(name=name, help=SHORT[name], no_args_is_help=True, rich_markup_mode=None)

    def list_commands(self, ctx: Any) -> list[str]:
        return [*LIGHT[str(self.name)], *_group(HOMES[str(self.name)]).commands]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        home = LIGHT[str(self.name)].get(cmd_name, HOMES[str(self.name)])
        return _group(home).commands.get(cmd_name)


def _group(home: str) -> Any:
    module, _, commands = home.partition(":")
    return typer.main.get_group(getattr(import_module(f"notify.cli.{module}"), commands))


root = Commands(name="tocsin", no_args_is_help=True, cls=OnDemand)


@root.callback()
def everywhere(data: Data = None) -> None:
    """Tocsin: crisis notification that a city can run by itself."""
    if data:
        choose_data(data)


def main() -> NoReturn:
    """Run the command of `sys.argv`."""
    try:
        code = typer.main.get_command(root).main(prog_name="tocsin", standalone_mode=False)
    except (KeyboardInterrupt, typer.Abort):
        _complain("Interrupted.")
        code = 130
    except BrokenPipeError:  # `tocsin ... | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 0
    except Exception as error:
        _explain(error)
        code = 2
    sys.exit(code if isinstance(code, int) else 0)


def _explain(error: Exception) -> None:
    """Say what went wrong and what to do; raises what is a defect of ours."""
    if isinstance(error, WrongKey):
        _complain(error.message, f"{error.hint} {hint_wrong_key()}", error.details)
    elif isinstance(error, TocsinError | ZoneError):
        _complain(error.message, error.hint, error.details)
    elif isinstance(error, typer.TyperException):
        if type(error).__name__ == "NoArgsIsHelpError":  # a group alone: what it can be followed by
            print(error.format_message(), file=sys.stderr)
            return
        asked = getattr(error, "ctx", None)  # of a wrong option, argument or command
        hint = f"`{asked.command_path} --help` shows what there is." if asked else ""
        _complain(plain(error.format_message() if hasattr(error, "format_message") else str(error)), hint)
    else:
        from notify.core import db  # whoever raised its errors has imported it

        if db.lacks_schema(error):
            _complain("The database does not have this version's tables.", "`tocsin migrate` makes them.")
        elif not isinstance(error, db.AWAY):
            raise error
        else:
            away = db.unavailable(error)
            _complain(away.message, away.hint or hint_when_away())


def _complain(*sentences: Any) -> None:
    from notify.cli.output import complain  # rich is not for those who succeed in silence

    complain(*sentences)
