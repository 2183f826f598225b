"""`tocsin alert lint`: check the words of an alert, or of a file."""

import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from notify.alerts.reporting import reports
from notify.alerts.words import linting
from notify.channels.channel import CHANNELS
from notify.cli.commands import Json
from notify.cli.output import console, print_json
from notify.cli.writing import status_of
from notify.content.linter import Message
from notify.core.db import transaction
from notify.core.errors import Invalid
from notify.core.settings import settings

FIRST = next(iter(CHANNELS))  # the channel whose texts are checked if none is named
MARKS = {"error": "[red]error[/]  ", "warning": "[yellow]warning[/]"}


def lint(
    alert_id: Annotated[int | None, typer.Argument(metavar="[ID]", help="The alert's number.")] = None,
    file: Annotated[
        Path | None, typer.Option(help="Check the text in this file instead; - for standard input.")
    ] = None,
    channel: Annotated[str, typer.Option(help=f"Of the file: {', '.join(CHANNELS)}.")] = FIRST,
    language: Annotated[str, typer.Option(help="Of the file.")] = "en",
    where: Annotated[str, typer.Option(metavar="WORDS", help="The name of the area, which the file must have.")] = "",
    routine: Annotated[bool, typer.Option("--routine", help="The file is not an emergency.")] = False,
    status: Annotated[str, typer.Option(help="Of the file: Actual, Exercise or Test.")] = "Actual",
    as_json: Json = False,
) -> None:
    """Check the words: who speaks, what, where, until when, what to do. Exit code 1: they have an error."""
    if (alert_id is None) == (file is None):
        raise Invalid("Give an alert's number or --file, not both.", hint="`tocsin alert lint 12`.")
    if file is not None:
        if channel not in CHANNELS:
            raise Invalid(f"Unknown channel: {channel}.", hint=f"Channels: {', '.join(CHANNELS)}.")
        about = linting.about_words(
            settings(), emergency=not routine, status=status_of(status), phase="issue", area=where
        )
        checked = linting.check([Message(channel, language, "", read_words(file))], about)
    else:
        with transaction() as s:
            checked = linting.findings(s, reports.find_alert(s, alert_id or 0), settings())
    failed = any(one.level == "error" for one in checked)
    if as_json:
        print_json({"ready": not failed, "findings": [asdict(one) for one in checked]})
    else:
        _show(checked)
    raise typer.Exit(1 if failed else 0)


def _show(checked: list[linting.Checked]) -> None:
    if not checked:
        console.print("Nothing found.")
    for one in checked:
        seen = f" [dim]Left as it is by {one.acknowledged_by}.[/]" if one.acknowledged_by else ""
        console.print(f"{MARKS[one.level]} {one.channel}, {one.language}: ", end="")
        console.print(f"{one.wrong} {one.instead}", end="", markup=False, soft_wrap=True)
        console.print(seen)


def read_words(file: Path) -> str:
    """Return the text in a file, or for `-` that of standard input. Raises Invalid."""
    try:
        return (sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()).decode("utf-8").strip()
    except OSError as error:
        raise Invalid(f"{file} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise Invalid(f"{file} is not a text in UTF-8.") from error
