"""The root of the command: its groups, and the handling of errors as a line on stderr and an exit code.

A group is imported only when it is used, because importing all of them takes longer than most commands.
"""

import os
import sys
from functools import cache
from importlib import import_module
from typing import Any, NoReturn

import typer
import typer.core
import typer.main

from notify.cli.commands import Commands, Data, choose_data, hint_when_away, hint_wrong_key
from notify.core.errors import TocsinError, WrongKey
from notify.core.rewording import reworded
from zones.errors import ZoneError

# The words that can follow `tocsin`, and where each is: a group of commands, or a command in such a group.
HOMES = {
    **dict.fromkeys(("up", "demo", "migrate", "api", "worker", "scheduler", "simulator"), "processes:commands"),
    "where": "where_to_look:commands",
    "check": "check:commands",
    "restored": "restored:commands",
    "alert": "alert:commands",
    "incident": "incident:commands",
    "alarms": "alarms:commands",
    "jobs": "jobs:commands",
    "outside": "outside:commands",
    "open311": "open311:commands",
    "zones": "zones:commands",
    "collections": "collections:commands",
    "snow": "snow:commands",
    "words": "words:commands",
    "map": "basemap:commands",
    "addresses": "addresses:commands",
    "streets": "streets:commands",
    "subscribers": "subscribers:commands",
    "residents": "residents:commands",
    "poster": "poster:commands",
    "coverage": "coverage:commands",
    "senders": "senders:commands",
    "policies": "policies:commands",
    "operators": "operators:commands",
    "roster": "roster:commands",
    "drills": "drills:commands",
    "keys": "operators:key_commands",
    "audit": "audit:commands",
    "verify": "verify:commands",
}

# The first sentence of each for `tocsin --help`, which imports those missing here.
SHORT = {
    "up": "Run everything on this machine, for trying, training and rehearsals. Ctrl-C stops it cleanly.",
    "demo": "Send one storm alert to the training city, with its report.",
    "migrate": "Bring the database to the newest schema.",
    "api": "Run the web server: pages, REST, webhooks.",
    "worker": "Run a process that sends messages, of one lane or both.",
    "scheduler": "Run the timed jobs. Several may run; one leads.",
    "simulator": "Run the simulated providers, for training and tests: nothing leaves this machine.",
    "where": "Show the addresses of this machine's stack, with new sign-in links for the training city.",
    "restored": "After restoring a backup: hold all alerts, and ask the providers what was sent since.",
    "check": "Check servers, providers and the network: could an emergency be sent now?",
    "alert": "Write, approve, launch, watch and stop alerts.",
    "incident": "Incidents: the report of all their alerts.",
    "alarms": "Problems that operators must look at.",
    "jobs": "List the timed jobs: what each does, how its last run went, when it runs next.",
    "outside": "What other agencies say now.",
    "open311": "The city's request system (Open311): what it takes, and one request.",
    "collections": "Collection days: import schedules, publish editions of all calendars, tell what changes.",
    "zones": "Import and show zones, and say who keeps them right.",
    "snow": "Snow emergencies: import the routes.",
    "words": "The city's own words for messages, in place of the built-in ones.",
    "map": "The layers of the map, besides streets and zones.",
    "addresses": "House numbers and landmarks: import, find.",
    "streets": "Streets with the house numbers of their blocks.",
    "subscribers": "Residents: import, export, count, the ledger of an address, who cannot be reached.",
    "residents": "One resident: look up, opt out, lift, move, correct, erase.",
    "coverage": "How many residents of each zone are signed up.",
    "poster": "Write posters of zones as PDF: the keyword JOIN and its number, a QR code to sign up.",
    "senders": "The identities that messages are sent from: their rates and caps.",
    "policies": "Channel policies: decisions not to use a channel.",
    "operators": "Staff members and their roles.",
    "drills": "Drills: an exercise with a task and a score.",
    "roster": "The duty roster: who is asked to approve alerts.",
    "audit": "The audit: verify its chain of hashes, export it.",
    "keys": "API keys, the secret key, which `rotate` replaces, and the keys that sign alerts.",
    "verify": "Check a signed copy of an alert: did the city send these words?",
}

# Commands that need fewer imports than the rest of their group, and where they are.
LIGHT = {"alert": {"list": "alert_list:commands"}}


class Named(typer.core.TyperGroup):
    """A group that knows the names of its commands before it imports them."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        try:
            return super().resolve_command(ctx, args)
        except typer.TyperException:
            self.commands: Any = dict.fromkeys(self.list_commands(ctx))  # Typer's suggestions for a typo use this
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
    """A group that is imported only for a command that is not in `LIGHT`."""

    def __init__(self, name: str) -> None:
        super().__init__(name=name, help=SHORT[name], no_args_is_help=True, rich_markup_mode=None)

    def list_commands(self, ctx: Any) -> list[str]:
        return [*LIGHT[str(self.name)], *_group(HOMES[str(self.name)]).commands]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        home = LIGHT[str(self.name)].get(cmd_name, HOMES[str(self.name)])
        return _group(home).commands.get(cmd_name)


@cache
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
    """Print what went wrong and what to do. An error that is a defect of ours is raised again."""
    if isinstance(error, WrongKey):
        _complain(error.message, f"{error.hint} {hint_wrong_key()}", error.details)
    elif isinstance(error, TocsinError | ZoneError):
        _complain(error.message, error.hint, error.details)
    elif isinstance(error, typer.TyperException):
        if type(error).__name__ == "NoArgsIsHelpError":  # a group without a command: print its help
            print(error.format_message(), file=sys.stderr)
            return
        asked = getattr(error, "ctx", None)  # of a wrong option, argument or command
        hint = f"See `{asked.command_path} --help`." if asked else ""
        _complain(reworded(error.format_message() if hasattr(error, "format_message") else str(error)), hint)
    else:
        from notify.core import db  # already imported if the error is one of its errors

        if db.lacks_schema(error):
            _complain("The database does not have this version's tables.", "Run `tocsin migrate`.")
        elif not isinstance(error, db.AWAY):
            raise error
        else:
            away = db.unavailable(error)
            _complain(away.message, away.hint or hint_when_away())


def _complain(*sentences: Any) -> None:
    from notify.cli.output import complain  # imports rich, which many commands do not need

    complain(*sentences)
