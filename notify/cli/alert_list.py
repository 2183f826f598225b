"""`tocsin alert list`, apart from the other commands because it needs neither geometry, workers nor SQLAlchemy."""

from collections.abc import Sequence
from dataclasses import asdict

from psycopg import DataError

from notify.alerts import listing
from notify.alerts.listing import Listed
from notify.cli.commands import Commands, Json, keep_logs
from notify.cli.output import moment, print_json, table
from notify.core import connection

commands = Commands(light=True)
KEYS = (
    "id", "incident", "event", "phase", "status", "lane", "state", "area_description",
    "created_at", "launch_at", "launched_at", "audience",
)  # fmt: skip


@commands.named("list")
def list_(as_json: Json = False) -> None:
    """List the newest alerts."""
    alerts = _newest()
    if as_json:
        print_json([{key: value for key, value in asdict(a).items() if key in KEYS} for a in alerts])
        return
    table(
        ("id", "incident", "event", "phase", "status", "state", "audience", "where", "written", "planned", "launched"),
        [
            (
                a.id, a.incident, a.event, a.phase, a.status, a.state, a.audience,
                a.area_description, moment(a.created_at), moment(a.launch_at), moment(a.launched_at),
            )
            for a in alerts
        ],
    )  # fmt: skip


def _newest() -> Sequence[Listed]:
    try:
        with connection.reading() as opened:
            return listing.newest(opened)
    except DataError:  # one row is damaged: the console's query leaves it out and raises an alarm
        keep_logs()
        from notify.alerts.reporting import reports
        from notify.core.db import transaction

        with transaction() as s:
            return reports.recent_alerts(s)
