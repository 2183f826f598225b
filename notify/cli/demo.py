"""The demonstration: a storm alert to a zone of the training city, through the real pipeline, with its report."""

from datetime import UTC, datetime, timedelta

from notify import training
from notify.accounts import operators
from notify.alerts import lifecycle
from notify.alerts.writing import drafting
from notify.cli import alert as alert_commands
from notify.cli.output import console
from notify.cli.processes import RESIDENTS
from notify.core import logs
from notify.core.counting import counted
from notify.core.db import transaction
from notify.core.settings import settings
from notify.local.stack import StackInfo
from notify.operations import tasks


def run(info: StackInfo, residents: int = RESIDENTS, *, as_json: bool = False) -> None:
    """Create the city if it is new, send the alert, wait, and print what happened."""
    logs.configure("WARNING", settings().log_format)
    now = datetime.now(UTC)
    with console.status(f"Making a city of {counted(residents, 'resident')}"):
        training.settle(residents, now)
    alert_id = _launch()
    if as_json:
        alert_commands.show(alert_id, watch=True, as_json=True)
    else:
        alert_commands.follow(alert_id)


def _launch() -> int:
    now = datetime.now(UTC)
    wanted = drafting.Draft(
        event="storm",
        zones=(training.ZONE,),
        blanks={"hazard": "thunderstorm", "wind_mph": "70"},
        status="Exercise",
        expires_at=now + timedelta(hours=6),
    )
    with transaction() as s:
        author, approver = operators.find(s, operators.TRAINING_AUTHOR), operators.find(s, operators.TRAINING_APPROVER)
        alert = drafting.draft(s, wanted, author, now, settings())
        lifecycle.approve(s, alert.id, approver, datetime.now(UTC), settings())
        alert = lifecycle.launch(s, alert.id, approver, datetime.now(UTC))
    tasks.ring_alert(alert)
    return alert.id
