"""`tocsin collections ...`."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated

import typer

from notify.cli import acting, collection_notices, collection_rules
from notify.cli.addresses import SHOWN, Crs, DryRun, Encoding, Layer, Mapped, mapping
from notify.cli.commands import Commands, Json, TimeLimit
from notify.cli.output import console, print_json, table
from notify.core.counting import counted
from notify.core.db import transaction
from notify.core.errors import Invalid
from notify.service311 import editions, schedule_import
from notify.service311.schedule_import import Report
from notify.service311.schedule_rows import Given
from zones.errors import one_line
from zones.files import quarantine
from zones.files.rowfile import SCHEDULES

commands = Commands(
    help="Collection days: import schedules, publish editions of all calendars, tell what changes.",
    no_args_is_help=True,
)
collection_rules.add_to(commands)
collection_notices.add_to(commands)


@commands.named("import")
def import_(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="CSV by zone or by address; or the fields of a file of zones.")
    ],
    mapped: Mapped = None,
    fixed: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="MEANING=VALUE", help="What is so for all rows, such as stream=trash."),
    ] = None,
    week_a: Annotated[str, typer.Option(metavar="DATE", help="A date in an A week, if there are weeks A and B.")] = "",
    replace: Annotated[
        bool, typer.Option("--replace", help="Leave out what a file of this name had before and this one has not.")
    ] = False,
    crs: Crs = None,
    layer: Layer = None,
    encoding: Encoding = None,
    time_limit: TimeLimit = None,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Import schedules. Rows that cannot be used are listed, with what to do; nothing is public before `publish`."""
    given = Given(mapping(fixed), _date(week_a))
    options = {"given": mapping(mapped), "layer": layer, "crs": crs, "encoding": encoding}
    source = one_line(file.name)[-200:]
    with transaction() as s:
        by = acting.administrator(s)
    with quarantine.read_rows(SCHEDULES, file, options, seconds=time_limit) as rows, transaction() as s:
        report = schedule_import.take(s, rows, source, given, datetime.now(UTC), by, replace=replace, dry_run=dry_run)
        report.notes += rows.notes
    if as_json:
        print_json(asdict(report))
        return
    for line in _lines(report):
        console.print(line, markup=False, soft_wrap=True)


def _lines(report: Report) -> Sequence[str]:
    more = report.bad_count - SHOWN
    without = report.zones_without
    left_out = f", {report.left_out} leave" if report.left_out else ""
    return [
        *(f"Row {bad.number}: {bad.reason}" for bad in report.bad[:SHOWN]),
        *([f"... and {counted(more, 'more row')}; --json lists up to a thousand."] if more > 0 else []),
        *(f"Note: {note}" for note in report.notes),
        *([f"Zones without any collection: {', '.join(without[:SHOWN])}{' ...' if len(without) > SHOWN else ''}"]
          if without else []),
        f"{counted(report.new, 'new schedule')}, {report.changed} changed, {report.unchanged} as before{left_out};"
        f" {counted(report.bad_count, 'row')} refused.",
        "Dry run: nothing was changed." if report.dry_run else "Not public yet: `tocsin collections publish` does it.",
    ]  # fmt: skip


@commands.named("publish")
def publish(
    note: Annotated[str, typer.Option(help="What is new in this edition, for people who compare them.")] = "",
    operator: Annotated[
        str | None, typer.Option("--as", metavar="EMAIL", help="The operator who does this.", show_default=False)
    ] = None,
    as_json: Json = False,
) -> None:
    """Publish what was imported and changed, as the next edition of all calendars."""
    with transaction() as s:
        by = acting.permitted(s, "collections", email=operator)
        edition = editions.publish(s, note, datetime.now(UTC), by).number
    if as_json:
        print_json({"edition": edition})
    else:
        console.print(f"Edition {edition} of the calendars is public.")


@commands.named("editions")
def list_(as_json: Json = False) -> None:
    """List the published editions, and whether changes wait for the next."""
    with transaction() as s:
        rows = [(one.number, one.published_at.isoformat(timespec="seconds"), one.note)
                for one in editions.all_editions(s)]  # fmt: skip
        waiting = editions.pending(s)
    columns = ("number", "published_at", "note")
    if as_json:
        print_json({"editions": [dict(zip(columns, row, strict=True)) for row in rows], "waiting": asdict(waiting)})
        return
    table(columns, rows)
    if waiting.added or waiting.left_out:
        console.print(f"For the next edition: {counted(waiting.added, 'row')} to add, {waiting.left_out} to leave out.")


def _date(given: str) -> date | None:
    try:
        return date.fromisoformat(given) if given else None
    except ValueError:
        raise Invalid(f"{given!r} is not a date.", hint="Write it like 2027-01-04.") from None
