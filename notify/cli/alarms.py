"""`tocsin alarms ...`."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated

import typer

from notify.accounts import resolving
from notify.cli import acting
from notify.cli.commands import Commands, Json
from notify.cli.output import console, moment, print_json, table
from notify.core import alarms
from notify.core.db import transaction

commands = Commands(help="Problems that operators must look at.", no_args_is_help=True)


@dataclass(frozen=True, slots=True)
class Row:
    id: int
    kind: str
    since: datetime
    last_seen: datetime
    count: int
    resolved_at: datetime | None
    message: str


@commands.named("list")
def list_(
    every: Annotated[bool, typer.Option("--all", help="Include resolved ones.")] = False, as_json: Json = False
) -> None:
    """List the unresolved alarms."""
    with transaction() as s:
        found = alarms.recent(s) if every else alarms.ringing(s)
        rows = [Row(a.id, a.kind, a.since, a.last_seen, a.count, a.resolved_at, a.message) for a in found]
    if as_json:
        print_json(rows)
    elif not rows:
        console.print("There are no unresolved alarms.")
    else:
        table(
            ("id", "kind", "since", "last seen", "count", "resolved", "message"),
            [
                (a.id, a.kind, moment(a.since), moment(a.last_seen), a.count, moment(a.resolved_at), a.message)
                for a in rows
            ],
        )


@commands.named("resolve")
def resolve(
    alarm_id: Annotated[int, typer.Argument(metavar="ID", help="The alarm's number: `tocsin alarms list` shows it.")],
    operator: Annotated[str | None, typer.Option("--as", metavar="EMAIL", help="Who has looked at it.")] = None,
    as_json: Json = False,
) -> None:
    """Mark an alarm as resolved. If the problem occurs again, the alarm is raised again."""
    with transaction() as s:
        alarm = resolving.resolve(s, alarm_id, datetime.now(UTC), acting.optional(s, operator))
    if as_json:
        print_json({"id": alarm.id, "resolved_at": alarm.resolved_at})
    else:
        console.print(f"Alarm {alarm.id} is resolved.")
