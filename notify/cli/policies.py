"""`tocsin policies ...`."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from notify.alerts.readiness import channel_policies
from notify.alerts.readiness.channel_policies import Wanted
from notify.channels.channel import CHANNELS
from notify.cli import acting
from notify.cli.commands import As, Commands, Json
from notify.cli.output import console, print_json, table
from notify.core.db import transaction
from notify.models import ChannelPolicy

commands = Commands(help="Channel policies: decisions not to use a channel.", no_args_is_help=True)
COLUMNS = ("id", "channel", "topic", "owner", "reason", "review_on")


@commands.named("list")
def list_(as_json: Json = False) -> None:
    """List the policies that stand. New alerts that name no channels leave these out."""
    with transaction() as s:
        rows = [_row(one) for one in channel_policies.standing(s)]
    if as_json:
        print_json({"policies": rows})
    else:
        table(COLUMNS, [(*row.values(),) for row in rows])


@commands.named("add")
def add(
    channel: Annotated[str, typer.Argument(help=f"{', '.join(CHANNELS)}.")],
    operator: As,
    owner: Annotated[str, typer.Option(help="Who has decided it and answers for it.")],
    reason: Annotated[str, typer.Option(help="Why the channel is not used.")],
    review_on: Annotated[str, typer.Option(metavar="DAY", help="When it is looked at again: 2027-06-30.")],
    topic: Annotated[str, typer.Option(help="Only for this topic, such as snow; without, for all.")] = "",
    as_json: Json = False,
) -> None:
    """Decide not to use a channel."""
    with transaction() as s:
        by = acting.required(s, operator)
        made = channel_policies.add(s, Wanted(channel, topic, owner, reason, review_on), by, datetime.now(UTC))
    if as_json:
        print_json(_row(made))
    else:
        console.print(f"Policy {made.id}: no {channel} for {topic or 'any topic'}, to be reviewed on {made.review_on}.")


@commands.named("end")
def end(
    policy_id: Annotated[int, typer.Argument(metavar="ID", help="`tocsin policies list` shows it.")],
    operator: As,
    as_json: Json = False,
) -> None:
    """End a policy: new alerts use the channel again."""
    with transaction() as s:
        channel_policies.end(s, policy_id, acting.required(s, operator), datetime.now(UTC))
    if as_json:
        print_json({"ended": policy_id})
    else:
        console.print(f"Policy {policy_id} has ended.")


def _row(policy: ChannelPolicy) -> dict[str, object]:
    return {column: getattr(policy, column) for column in COLUMNS}
