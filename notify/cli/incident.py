"""`tocsin incident ...`."""

from pathlib import Path
from typing import Annotated

import typer

from notify.alerts.reporting import incident_files, incident_report
from notify.cli import report_output
from notify.cli.commands import Commands, MaybeAs

commands = Commands(help="Incidents: the report of all their alerts.", no_args_is_help=True)


@commands.callback()
def group() -> None:
    """Incidents: the report of all their alerts."""  # without a callback, Typer does not make a group of one


@commands.named("report")
def report(
    incident_id: Annotated[int, typer.Argument(metavar="ID", help="The incident's number.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The file to write: .pdf, .csv or .json.")],
    operator: MaybeAs = None,
) -> None:
    """Write the after-action report of an incident: its requests to warn, its alerts, and what everybody did."""
    report_output.write("Incident", incident_id, output, operator, incident_report.read, incident_files.FORMATS)
