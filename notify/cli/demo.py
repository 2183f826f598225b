"""The main job: one storm alert to one zone of the training city, through the real pipeline, with its report."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import select

from notify import alerts, logs, operators, tasks, training
from notify.cli import alert as alert_commands
from notify.cli.output import console
from notify.db import transaction
from notify.local.stack import StackInfo
from notify.models import ApiKey, Operator
from notify.settings import settings

RESIDENTS = 20_000
KEY = "console of the training city"


def run(info: StackInfo, residents: int = RESIDENTS, *, as_json: bool = False) -> None:
    """Settle the city if it is new, send the alert, wait, and print what happened."""
    logs.configure("WARNING", settings().log_format)
    now = datetime.now(UTC)
    with console.status(f"Making a city of {residents:,} residents"):
        training.settle(residents, now)
    alert_id = _launch()
    if as_json:
        alert_commands.show(alert_id, watch=True, as_json=True)
    else:
        alert_commands.follow(alert_id)


def say_where(info: StackInfo) -> None:
    """Where to look, and how to stop."""
    console.print(f"\nConsole      {_console_link(info)}", soft_wrap=True)
    console.print(f"Residents    {info.url}/", soft_wrap=True)
    if info.simulator_url:
        console.print(
            f"Phones       {info.simulator_url}/   (the simulator: nothing leaves this machine)", soft_wrap=True
        )
    console.print("Ctrl-C stops everything; the data stays for the next time.")


def _console_link(info: StackInfo) -> str:
    """In the training city a link that signs in, good for a quarter of an hour; elsewhere the door."""
    now = datetime.now(UTC)
    with transaction() as s:
        approver = s.scalar(select(Operator).where(Operator.email == training.APPROVER))
        if approver is None:
            return f"{info.url}/console"
        key = s.scalar(select(ApiKey).where(ApiKey.name == KEY, ApiKey.revoked_at.is_(None)))
        if key is None:
            key = operators.find_key(s, operators.add_key(s, KEY, now, approver))
        assert key is not None  # noqa: S101  it was just made
        return f"{info.url}/console/enter?ticket={operators.ticket(key, now)}"


def _launch() -> int:
    now = datetime.now(UTC)
    wanted = alerts.Draft(
        event="storm",
        zones=(training.ZONE,),
        blanks={"hazard": "thunderstorm", "wind_mph": "70"},
        status="Exercise",
        expires_at=now + timedelta(hours=6),
    )
    with transaction() as s:
        author, approver = operators.find(s, training.AUTHOR), operators.find(s, training.APPROVER)
        alert = alerts.draft(s, wanted, author, now, settings())
        alerts.approve(s, alert.id, approver, datetime.now(UTC), settings())
        alert = alerts.launch(s, alert.id, approver, datetime.now(UTC))
    tasks.ring_alert(alert)
    return alert.id
