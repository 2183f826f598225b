"""`tocsin senders ...`."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from notify.channels import registry
from notify.cli import acting
from notify.cli.commands import Commands, Json
from notify.cli.output import console, moment, print_json, table
from notify.core.db import transaction
from notify.delivery import senders
from notify.delivery.breaker import Break
from notify.models import Sender
from notify.operations import tasks

commands = Commands(help="The identities that messages are sent from: their rates and caps.", no_args_is_help=True)
COLUMNS = ("id", "channel", "provider", "address", "rate_per_s", "daily_cap", "status", "note")
Rate = Annotated[float | None, typer.Option(help="Segments, recipients or posts a second.")]
Cap = Annotated[int | None, typer.Option(help="Messages a day; 0 for no cap.")]


@commands.named("list")
def list_(as_json: Json = False) -> None:
    """List all senders."""
    with transaction() as s:
        rows = [(sender.id, _row(sender)) for sender in senders.all_senders(s)]
        breaks = tasks.breaks([sender.id for sender in senders.all_senders(s)])
    if as_json:
        print_json([row | {"breaker": breaks.get(sender_id)} for sender_id, row in rows])
    else:
        table((*COLUMNS, "breaker"), [(*row.values(), _words(breaks.get(sender_id))) for sender_id, row in rows])


@commands.named("add")
def add(
    provider: Annotated[str, typer.Argument(help=f"{', '.join(registry.PROVIDERS)}.")],
    address: Annotated[str, typer.Argument(help="The number, From address or account.")],
    rate: Annotated[float, typer.Option(help="Segments, recipients or posts a second.")],
    daily_cap: Cap = None,
    as_json: Json = False,
) -> None:
    """Add a sender."""
    with transaction() as s:
        by = acting.administrator(s)
        sender = senders.add(s, provider, address, rate, datetime.now(UTC), daily_cap=daily_cap or None, by=by)
    _say(sender, as_json)


@commands.named("set")
def set_(
    sender_id: Annotated[
        int, typer.Argument(metavar="ID", help="The sender's number: `tocsin senders list` shows it.")
    ],
    rate: Rate = None,
    daily_cap: Cap = None,
    status: Annotated[str | None, typer.Option(help="open or stopped.")] = None,
    as_json: Json = False,
) -> None:
    """Change a sender's rate, cap or status. It takes effect within a second, also while an alert is being sent."""
    with transaction() as s:
        by, now = acting.administrator(s), datetime.now(UTC)
        sender = senders.change(s, sender_id, now, rate_per_s=rate, daily_cap=daily_cap, status=status, by=by)
    _say(sender, as_json)


def _row(sender: Sender) -> dict[str, object]:
    return {column: getattr(sender, column) for column in COLUMNS}


def _words(found: Break | None) -> str:
    """Describe an open circuit breaker; "" while it is closed."""
    if found is None:
        return ""
    return f"open since {moment(found.since)}: {found.why}; next trial {moment(found.next_trial_at)}"


def _say(sender: Sender, as_json: bool) -> None:
    if as_json:
        print_json(_row(sender))
    else:
        console.print(
            f"Sender {sender.id}: {sender.provider} {sender.address}, {sender.rate_per_s:g}/s, {sender.status}."
        )
