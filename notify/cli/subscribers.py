"""`tocsin subscribers ...`."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.progress import MofNCompleteColumn, Progress, SpinnerColumn, TextColumn

from notify import subscribers
from notify.audience import resolve as audience
from notify.cli import acting
from notify.cli.commands import Commands, Json
from notify.cli.output import console, print_json, table
from notify.core.counting import counted
from notify.core.db import transaction
from notify.core.errors import Invalid, Unavailable

commands = Commands(help="Residents: import, export, count.", no_args_is_help=True)


@commands.named("import")
def import_(
    file: Annotated[Path, typer.Argument(metavar="FILE.csv")],
    merge: Annotated[
        bool,
        typer.Option(
            "--merge",
            help="Rows that share a phone or an email are one resident's, who may have several of each.",
        ),
    ] = False,
    outside: Annotated[
        Literal["refuse", "keep"], typer.Option(help="What to do with places that are far from the city.")
    ] = "refuse",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Report what would be kept, and keep nothing.")] = False,
    as_json: Json = False,
) -> None:
    """Import a CSV file in UTF-8. Good rows are kept; bad ones are listed by line, with all that is wrong with them.

    The first line names the columns, in any order. Required are: phone or email; topics (a row's may be empty;
    separated by spaces); lon and lat, or address; consent_at (2026-05-31, or 2026-05-31T14:30:00-04:00) and consent_how
    (a row without both has contacts that nothing is sent to). Optional are: language (a code such as es; else the
    city's first), label (else home). Other columns are ignored. An example is in docs/subscribers.md.

    A row that would give a resident a second phone or email is left out: it may be about somebody else. So is a new
    email or phone of a known resident, if no row that gives it has a place that the resident has.

    Exits with 2 when there were rows and none was kept, also of a dry run; else with 0: "left out" counts the bad ones.
    """
    if not file.is_file():
        raise Invalid(f"There is no file {file}.")
    with transaction() as s:
        by = acting.known(s)
    columns = SpinnerColumn(), TextColumn("rows"), MofNCompleteColumn()
    with Progress(*columns, console=console, disable=as_json or not console.is_terminal) as bar:
        task = bar.add_task("rows", total=None)
        done = subscribers.import_csv(
            file,
            datetime.now(UTC),
            on_progress=lambda rows: bar.update(task, completed=rows),
            by=by,
            merge=merge,
            outside=outside == "keep",
            dry_run=dry_run,
        )
    nothing_kept = typer.Exit(2) if done.rows and not done.kept else None
    if as_json:
        print_json(done)
        if nothing_kept:
            raise nothing_kept
        return
    _say(done)
    if nothing_kept:
        raise nothing_kept


def _say(done: subscribers.ImportReport) -> None:
    for bad in done.bad:
        console.print(f"Line {bad.line}: {bad.reason}", markup=False)
    for language, count in done.unwritten.items():
        console.print(f"{count:,} in {language!r}, which is not written: they get {audience.written()[0]!r}.")
    if done.ignored:
        console.print(f"Columns that are ignored: {', '.join(done.ignored)}.", markup=False)
    if done.suppressed:
        console.print(
            f"{counted(done.suppressed, 'row')} with an address that opted out, bounced or complained: it gets nothing."
        )
    if done.without_consent:
        console.print(
            f"{counted(done.without_consent, 'row')} without consent_at and consent_how: nothing is sent to these"
            " contacts, unless they have consented before.",
            soft_wrap=True,
        )
    if done.without_topic:
        console.print(f"{counted(done.without_topic, 'row')} without a topic; residents without one get nothing.")
    if done.outside:
        console.print(f"{counted(done.outside, 'row')} with a place far from the city.")
    if not done.is_city_known:
        console.print(
            "Nothing is known of the city, so no place was held against it. Import zones or streets first, or set"
            " TOCSIN_CITY_CENTER.",
            soft_wrap=True,
        )
    new = counted(done.new.residents, "new resident")
    console.print(f"{counted(done.rows, 'row')}: {done.kept:,} kept ({new}), {done.bad_count:,} left out.")
    if done.dry_run:
        console.print("This was a dry run: nothing was stored.")


@commands.named("export")
def export() -> None:
    """All residents as the same CSV, on stdout. Holds addresses in clear: keep it safe.

    What is damaged is left out; an alarm names whose it is, and the exit code is 2.
    """
    now = datetime.now(UTC)
    with transaction() as s:
        subscribers.note_export(s, now, acting.known(s))
    unreadable: dict[str, list[int]] = {"contact": [], "place": []}
    with transaction() as s:
        for line in subscribers.export_csv(s, lambda what, resident: unreadable[what].append(resident)):
            print(line, end="")
    contacts, places = unreadable["contact"], unreadable["place"]
    if contacts or places:
        with transaction() as s:
            subscribers.sound_unreadable(s, contacts, places, now)
        raise Unavailable(
            f"Damaged and left out: {counted(len(contacts), 'address')}, {counted(len(places), 'place')}.",
            hint="`tocsin alarms list` names the residents: enter them anew.",
        )


@commands.named("count")
def count(as_json: Json = False) -> None:
    """How many residents, contacts and places."""
    with transaction() as s:
        counts = subscribers.count(s)
    if as_json:
        print_json(counts)
    else:
        table(("", "count"), counts.as_rows())
