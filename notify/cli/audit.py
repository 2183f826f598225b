"""`tocsin audit ...`."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from notify.accounts import audit_export, audit_trail, audit_verification
from notify.accounts.audit_trail import Filter, Format
from notify.accounts.audit_verification import Verdict
from notify.cli import acting
from notify.cli.commands import Commands, Json, MaybeAs
from notify.cli.output import console, print_json
from notify.core.counting import counted
from notify.core.db import one_moment, transaction
from notify.core.settings import settings

commands = Commands(help="The audit: verify its chain of hashes, export it.", no_args_is_help=True)


@commands.named("verify")
def verify(
    head: Annotated[
        str, typer.Option(metavar="HASH", help="The head of an earlier time, which the chain must still contain.")
    ] = "",
    by: MaybeAs = None,
    as_json: Json = False,
) -> None:
    """Check that no sealed row was changed, removed or inserted, and print the head of the chain to note elsewhere.

    Exits with 1 if the chain is broken. Rows of the last seconds are not sealed yet.
    """
    with transaction() as s:
        operator = acting.optional(s, by)
    with one_moment() as s:
        verdict = audit_verification.verify(s, operator, head)
    if as_json:
        print_json(verdict)
    else:
        _show(verdict)
    if not verdict.is_whole:
        raise typer.Exit(1)


def _show(verdict: Verdict) -> None:
    for fault in verdict.faults:
        console.print(fault.words, markup=False)
    if (unlisted := verdict.fault_count - len(verdict.faults)) > 0:
        console.print(f"And {counted(unlisted, 'fault')} more.")
    console.print(f"{counted(verdict.rows, 'row')}: {verdict.sealed:,} sealed, {verdict.unsealed:,} not sealed yet.")
    if verdict.noted_at is not None:
        console.print(f"The noted head is the seal of row {verdict.noted_at}.")
    if verdict.head:
        console.print(f"Head: {verdict.head} (row {verdict.through})", soft_wrap=True)
    console.print("The chain is whole." if verdict.is_whole else "The chain is broken.")


@commands.named("export")
def export(
    kind: Annotated[Format, typer.Option("--format", help="csv, or jsonl: a JSON object on each line.")] = "jsonl",
    since: Annotated[str, typer.Option("--from", metavar="TIME", help="2027-01-12, or 2027-01-12T18:00.")] = "",
    until: Annotated[
        str, typer.Option("--to", metavar="TIME", help="A date includes its day; a time is exclusive.")
    ] = "",
    by: MaybeAs = None,
) -> None:
    """Print the audit, oldest row first. The export is itself an audit row."""
    first, last = audit_trail.times(since, until, settings().tz)
    with transaction() as s:
        operator = acting.optional(s, by)
    for piece in audit_export.export(Filter(since=first, until=last), kind, datetime.now(UTC), operator):
        print(piece, end="")
