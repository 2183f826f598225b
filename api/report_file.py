"""The after-action report as a file, for the console and for programs."""

from datetime import UTC, datetime

from starlette.responses import Response

from api.auth import Caller
from notify.alerts import after_action, report_files
from notify.core.db import transaction


def report_file(alert_id: int, suffix: str, caller: Caller) -> Response:
    """Return the report in one of `report_files.FORMATS`, which is written after the transaction has ended."""
    media_type, write = report_files.FORMATS[suffix]
    with transaction() as s:
        found = after_action.read(s, alert_id, caller.acting, datetime.now(UTC))
    name = f'attachment; filename="alert-{alert_id}-report.{suffix}"'
    return Response(write(found), media_type=media_type, headers={"Content-Disposition": name})
