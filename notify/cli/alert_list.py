"""`tocsin alert list`, apart from the other commands: it needs neither geometry nor workers."""

from notify import reports
from notify.cli.commands import Commands, Json
from notify.cli.output import moment, print_json, table
from notify.db import transaction

commands = Commands()
KEYS = (
    "id", "incident_id", "event", "phase", "status", "lane", "state", "area_description",
    "created_at", "launched_at",
)  # fmt: skip


@commands.named("list")
def list_(as_json: Json = False) -> None:
    """The newest alerts."""
    with transaction() as s:
        alerts = reports.recent_alerts(s)
    if as_json:
        print_json([{key: getattr(a, key) for key in KEYS} | {"audience": a.audience_total} for a in alerts])
        return
    table(
        ("id", "incident", "event", "phase", "status", "state", "audience", "where", "written", "launched"),
        [
            (
                a.id, a.incident_id, a.event, a.phase, a.status, a.state, a.audience_total,
                a.area_description, moment(a.created_at), moment(a.launched_at),
            )
            for a in alerts
        ],
    )  # fmt: skip
