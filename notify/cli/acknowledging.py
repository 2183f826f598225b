"""`tocsin alert acknowledge`: let findings on an alert's words stand."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from notify.alerts.reporting import reports
from notify.alerts.words import linting
from notify.alerts.words.linting import Checked
from notify.cli import acting
from notify.cli.commands import As, Json
from notify.cli.output import console, print_json
from notify.core.db import transaction
from notify.core.errors import Invalid
from notify.core.settings import settings
from notify.models import StoredContent


def acknowledge(
    alert_id: Annotated[int, typer.Argument(metavar="ID", help="The alert's number.")],
    operator: As,
    key: Annotated[
        list[str] | None, typer.Option(help="Of a finding, from `alert lint --json`; without, each is shown and asked.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Let warnings stand, and confirm that translations older than their original were read and may be sent."""
    if key is None and as_json:
        raise Invalid("--json asks nothing.", hint="Name the findings with --key.")
    chosen = _ask(alert_id) if key is None else key
    with transaction() as s:
        by, now = acting.required(s, operator), datetime.now(UTC)
        for one in chosen:
            linting.acknowledge(s, alert_id, one, by, now, settings())
    if as_json:
        print_json({"id": alert_id, "acknowledged": chosen})
    else:
        console.print(f"Alert {alert_id}: {len(chosen)} acknowledged.")


def _ask(alert_id: int) -> list[str]:
    """Show each finding with its words, and return the keys of those that may stand."""
    with transaction() as s:
        found = linting.findings(s, reports.find_alert(s, alert_id), settings())
        texts = {
            (row.wording, row.channel, row.language): f"{row.subject}\n{row.text}".strip()
            for row in s.query(StoredContent).filter_by(alert_id=alert_id)
        }
    open_ones = [one for one in found if one.acknowledged_at is None and (one.level == "warning" or one.to_be_read)]
    return [one.key for one in open_ones if _may_stand(one, texts[one.wording, one.channel, one.language])]


def _may_stand(one: Checked, words: str) -> bool:
    console.print(f"{one.channel}, {one.language}: {one.wrong}", markup=False, soft_wrap=True)
    console.print(words, markup=False, soft_wrap=True)
    return typer.confirm("Send it as it is?", err=True)
