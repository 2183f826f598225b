"""`tocsin alert ask` and `tocsin alert break-glass`: ask somebody to approve, or launch without."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated

import typer

from notify.alerts.approving import approval_asks, audience_size, break_glass, sent_to
from notify.alerts.approving.approval_asks import Person
from notify.alerts.reporting import reports
from notify.alerts.words import linting
from notify.cli import acting
from notify.cli.commands import As, Json
from notify.cli.output import console, moment, print_json
from notify.core.counting import counted
from notify.core.db import transaction
from notify.core.settings import settings
from notify.operations import tasks

Id = Annotated[int, typer.Argument(metavar="ID", help="The alert's number.")]


def ask(alert_id: Id, operator: As, as_json: Json = False) -> None:
    """Ask for its approval: who is on duty, then the deputy, then everybody else. An emergency has asked already."""
    now = datetime.now(UTC)
    with transaction() as s:
        approval_asks.ask(s, alert_id, acting.required(s, operator), now)
        waiting = approval_asks.waiting(s, reports.find_alert(s, alert_id), now, settings())
    assert waiting is not None  # noqa: S101  somebody was asked, or `ask` has refused
    if as_json:
        asked, following = ([one._asdict() for one in people] for people in (waiting.asked, waiting.next))
        print_json({"asked": asked, "next": following, "next_at": waiting.next_at})
        return
    console.print(f"Alert {alert_id} waits for {_names(waiting.asked)}.")
    if waiting.next_at:
        console.print(f"Next, at {moment(waiting.next_at)}: {_names(waiting.next)}.")


def launch_alone(
    alert_id: Id,
    operator: As,
    reason: Annotated[str, typer.Option(help="Why nobody else can be waited for.")],
    messages: Annotated[
        str | None, typer.Option(metavar="N", help="How many messages it sends; without, this is asked.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Launch an emergency that nobody else has approved. It rings an alarm, and somebody else must review it."""
    with transaction() as s:
        alert = reports.find_alert(s, alert_id)
        reach, area, seen = sent_to.contacts(s, alert, datetime.now(UTC)), alert.area_description, alert.area_hash
    if messages is None:
        what = f"Alert {alert_id} sends {counted(reach, 'message')} to {area}. Type the number of messages"
        messages = typer.prompt(what, err=True, default="", show_default=False)
    now = datetime.now(UTC)
    with transaction() as s:
        sent = audience_size.sent_now(s, alert_id, messages, now)
    with transaction() as s:
        by = acting.required(s, operator)
        launched = break_glass.launch(
            s, alert_id, by, now, settings(), reason=reason, area_hash=seen, messages=messages, sent=sent
        )
        overridden = linting.overridden(s, launched, settings())
    tasks.ring_alert(launched)
    if as_json:
        print_json({"id": alert_id, "state": launched.state, "overridden": [one.rule for one in overridden]})
        return
    console.print(f"Alert {alert_id}: {launched.state}. Somebody else must review that you launched it alone.")
    for one in overridden:
        console.print(f"Overridden, {one.channel}, {one.language}: {one.wrong}", markup=False, soft_wrap=True)


def _names(people: Sequence[Person]) -> str:
    return ", ".join(f"{one.email} ({one.duty})" if one.duty else one.email for one in people)
