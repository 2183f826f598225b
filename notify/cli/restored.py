"""`tocsin restored`."""

from dataclasses import asdict
from datetime import UTC, datetime

import typer
from sqlalchemy.orm import Session

from notify.cli import acting
from notify.cli.commands import Commands, Json, MaybeAs
from notify.cli.output import console, print_json
from notify.core.counting import counted
from notify.core.db import transaction
from notify.models import Operator
from notify.operations import heartbeat, restoring

commands = Commands()
WITHIN_S = heartbeat.BEAT_S + 2  # a running process connects within this time to write its heartbeat

LATER = (
    "Alerts written after the backup are not in it, and their messages cannot be seen here. Before you write one again,"
    " check the logs of Twilio and SendGrid, your own posts, copies of /alerts of the public page, and your own"
    " records: people may have it already."
)


def restored(
    operator: MaybeAs = None,
    as_json: Json = False,
) -> None:
    """After restoring a backup: hold all alerts, and ask the providers what was sent since.

    Run it before any other process starts. It takes a few seconds, and refuses if another process is connected. Exits
    with 1 if PostgreSQL refused to change some rows; all others are held.
    """
    with transaction() as s:
        restoring.require(_who(s, operator))
    restoring.refuse_while_connected(WITHIN_S)
    with transaction() as s:
        done = restoring.restored(s, datetime.now(UTC), _who(s, operator))
    if as_json:
        print_json(asdict(done))
    else:
        _show(done)
    if done.refused:
        raise typer.Exit(1)


def _show(done: restoring.Restored) -> None:
    console.print(
        f"Of the alerts in this backup, {counted(done.asked, 'message')} may have been sent since it was made; the"
        " providers will be asked.",
        soft_wrap=True,
    )
    console.print(LATER, soft_wrap=True)
    for alert in done.paused:
        console.print(f"Alert {alert} is paused. When no delivery is unknown: tocsin alert resume {alert} --as EMAIL")
    for alert in done.unscheduled:
        console.print(f"Alert {alert} was scheduled and is held: tocsin alert launch {alert} --as EMAIL")
    if done.refused:
        console.print(
            f"PostgreSQL refused to change {counted(done.refused, 'row')}: `tocsin alarms list` names them."
            " Correct them and run this again before anything starts.",
            soft_wrap=True,
        )
    else:
        console.print("Start the workers, the scheduler and the API now.")


def _who(s: Session, operator: str | None) -> Operator | None:
    return acting.required(s, operator) if operator else acting.administrator(s)


commands.add("restored", restored)
