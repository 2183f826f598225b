"""After-action reports as files, for the console and for programs."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import TypeVar

from sqlalchemy.orm import Session
from starlette.responses import Response

from api.auth import Caller
from notify.alerts.reporting import after_action, incident_files, incident_report, report_files
from notify.core.db import transaction
from notify.core.errors import NotFound
from notify.core.translation import gettext as _
from notify.models import Operator

T = TypeVar("T")


def report_file(alert_id: int, suffix: str, caller: Caller) -> Response:
    """Return the report of an alert in one of `report_files.FORMATS`."""
    return _file("alert", alert_id, suffix, caller, after_action.read, report_files.FORMATS)


def incident_report_file(incident_id: int, suffix: str, caller: Caller) -> Response:
    """Return the report of an incident in one of `incident_files.FORMATS`."""
    return _file("incident", incident_id, suffix, caller, incident_report.read, incident_files.FORMATS)


def _file(
    subject: str,
    number: int,
    suffix: str,
    caller: Caller,
    read: Callable[[Session, int, Operator | None, datetime], T],
    formats: Mapping[str, tuple[str, Callable[[T], bytes]]],
) -> Response:
    """Return a report, which is written after the transaction has ended. Raises NotFound for another suffix."""
    if suffix not in formats:
        raise NotFound(
            _("There is no report as %(kind)s.", kind=repr(suffix)),
            hint=_("Choose from: %(choices)s.", choices=", ".join(formats)),
        )
    media_type, write = formats[suffix]
    with transaction() as s:
        found = read(s, number, caller.acting, datetime.now(UTC))
    name = f'attachment; filename="{subject}-{number}-report.{suffix}"'
    return Response(write(found), media_type=media_type, headers={"Content-Disposition": name})
