"""`tocsin subscribers ...`."""

import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.progress import MofNCompleteColumn, Progress, SpinnerColumn, TextColumn

from notify import audience, subscribers
from notify.cli import acting
from notify.cli.commands import Commands, Json, MaybeAs
from notify.cli.output import console, moment, print_json, table
from notify.core.counting import counted
from notify.core.db import transaction
from notify.core.errors import Invalid, Unavailable
from notify.subscribers import ledger, reassigned, unreachable

commands = Commands(
    help="Residents: import, export, count, the ledger of an address, who cannot be reached.", no_args_is_help=True
)


@commands.named("import")
def import_(
    file: Annotated[Path, typer.Argument(metavar="FILE.csv")],
    merge: Annotated[
        bool,
        typer.Option(
            "--merge",
            help="Rows that share a phone or an email belong to one resident, who may have several of each.",
        ),
    ] = False,
    outside: Annotated[
        Literal["refuse", "keep"], typer.Option(help="What to do with places far from the city.")
    ] = "refuse",
    ask: Annotated[
        bool,
        typer.Option("--ask", help="Ask contacts without consent_at and consent_how, once each, to confirm, by day."),
    ] = False,
    renamed: Annotated[
        list[str] | None,
        typer.Option("--map", metavar="THEIRS=OURS", help="The file's name for a column of ours. May be repeated."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Report what would be kept, but keep nothing.")] = False,
    as_json: Json = False,
) -> None:
    """Import a CSV file in UTF-8. Good rows are kept; bad ones are listed by line, with everything wrong with them.

    The first line names the columns, in any order. Required: phone or email; topics (separated by spaces; may be empty
    in a row); lon and lat, or address; consent_at (2026-05-31, or 2026-05-31T14:30:00-04:00) and consent_how (nothing
    is sent to the contacts of a row without both). Optional: language (a code such as es; by default the city's first),
    label (by default home). Other columns are ignored. docs/subscribers.md has an example.

    A row that would give a resident a second phone or email is left out, because it may be about somebody else. So is a
    new email or phone of a known resident, unless a row with it has one of the resident's places.

    Exits with 2 if there were rows and none was kept, also in a dry run; otherwise with 0. "left out" counts the bad
    rows.
    """
    if not file.is_file():
        raise Invalid(f"There is no file {file}.")
    with transaction() as s:
        by = acting.administrator(s)
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
            ask=ask,
            called=_called(renamed or ()),
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


def _called(pairs: Sequence[str]) -> dict[str, str]:
    """Read `Mobile Phone=phone`: our columns by the names of the file."""
    called = {}
    for pair in pairs:
        theirs, sign, ours = pair.rpartition("=")
        if not (sign and theirs.strip() and ours.strip()):
            raise Invalid(f"{pair!r} names no column of the file.", hint="Write --map 'Mobile Phone=phone'.")
        called[theirs] = ours
    return called


def _say(done: subscribers.ImportReport) -> None:
    for bad in done.bad:
        console.print(f"Line {bad.line}: {bad.reason}", markup=False)
    for language, count in done.unwritten.items():
        console.print(f"{count:,} in {language!r}, which has no messages: they get {audience.written()[0]!r}.")
    if done.ignored:
        console.print(f"Ignored columns: {', '.join(done.ignored)}.", markup=False)
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
    if done.new.to_ask:
        console.print(f"{counted(done.new.to_ask, 'contact')} will be asked to confirm, a few at a time and by day.")
    if done.without_topic:
        console.print(f"{counted(done.without_topic, 'row')} without a topic; residents without one get nothing.")
    if done.outside:
        console.print(f"{counted(done.outside, 'row')} with a place far from the city.")
    if not done.is_city_known:
        console.print(
            "Nothing is known of the city, so no place was compared with it. Import zones or streets first, or set"
            " TOCSIN_CITY_CENTER.",
            soft_wrap=True,
        )
    new = counted(done.new.residents, "new resident")
    console.print(f"{counted(done.rows, 'row')}: {done.kept:,} kept ({new}), {done.bad_count:,} left out.")
    if done.dry_run:
        console.print("This was a dry run: nothing was stored.")


@commands.named("export")
def export() -> None:
    """Print all residents as a CSV that can be imported. It has addresses in clear text: keep it safe.

    Damaged addresses and places are left out; an alarm names their residents, and the exit code is 2. How many opt-outs
    of addresses without a resident are not in it, which are stored without the address, is said on stderr.
    """
    now = datetime.now(UTC)
    with transaction() as s:
        subscribers.note_export(s, now, acting.administrator(s))
    unreadable: dict[str, list[int]] = {"contact": [], "place": []}
    with transaction() as s:
        for line in subscribers.export_csv(s, lambda what, resident: unreadable[what].append(resident)):
            print(line, end="")
        unowned = subscribers.count_unowned(s)
    if unowned:
        print(
            f"{counted(unowned, 'suppressed address', 'suppressed addresses')} of nobody who is a resident now: not in"
            " this file. Only a keyed hash of each is stored, which no other installation can read. To take these"
            " opt-outs along, move the database itself (docs/restore.md).",
            file=sys.stderr,
        )
    contacts, places = unreadable["contact"], unreadable["place"]
    if contacts or places:
        with transaction() as s:
            subscribers.sound_unreadable(s, contacts, places, now)
        raise Unavailable(
            f"Damaged and left out: {counted(len(contacts), 'address')}, {counted(len(places), 'place')}.",
            hint="`tocsin alarms list` names the residents. Enter them again.",
        )


@commands.named("ledger")
def show_ledger(by: MaybeAs = None, as_json: Json = False) -> None:
    """Print what was agreed to, suppressed and lifted for a phone or an email, when, how, and what proves it.

    The address is read from standard input, to keep it out of the shell's history and the list of processes. It need
    not belong to a resident any more. The audit log records who looked.
    """
    address = sys.stdin.readline().strip()
    with transaction() as s:
        entries = ledger.of_address(s, address, datetime.now(UTC), acting.optional(s, by))
    if as_json:
        print_json(entries)
        return
    table(
        ("when", "what", "topic", "reason", "how", "evidence"),
        [(moment(e.at), e.kind, e.topic or "everything", e.reason, e.how, e.evidence) for e in entries],
    )


@commands.named("count")
def count(as_json: Json = False) -> None:
    """Count residents, contacts and places."""
    with transaction() as s:
        counts = subscribers.count(s)
    if as_json:
        print_json(counts)
    else:
        table(("", "count"), counts.as_rows())


@commands.named("reassigned")
def drop_reassigned(
    file: Annotated[Path, typer.Argument(metavar="FILE")], by: MaybeAs = None, as_json: Json = False
) -> None:
    """Drop phone numbers that are reported as reassigned: somebody else has them, and gets nothing.

    FILE has one number a line, or is a CSV with the numbers in its first column. The residents keep their other
    contacts. Exits with 2 if a line is no number; the others are dropped all the same.
    """
    if not file.is_file():
        raise Invalid(f"There is no file {file}.")
    with transaction() as s, file.open(encoding="utf-8-sig") as lines:
        done = reassigned.drop(s, lines, datetime.now(UTC), acting.administrator(s, by))
    if as_json:
        print_json(done)
    else:
        console.print(f"{counted(done.lines, 'number')}: {done.known:,} of residents, dropped.")
    if done.bad:
        raise Invalid(f"{counted(len(done.bad), 'line')} with no phone number: {', '.join(map(str, done.bad[:20]))}.")


@commands.named("unreachable")
def list_unreachable(by: MaybeAs = None) -> None:
    """Print the residents whom no message reaches, as a CSV for letters. It has addresses in clear text: keep it safe.

    Reasons: bounced, invalid and reassigned contacts, or silence after the yearly question. Who has opted out is not
    listed. The audit log records who printed it.
    """
    now = datetime.now(UTC)
    with transaction() as s:
        unreachable.note_list(s, now, acting.administrator(s, by))
    with transaction() as s:
        for line in unreachable.list_csv(s, now):
            print(line, end="")
