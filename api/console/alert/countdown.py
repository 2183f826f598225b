"""The last question before the launch of an emergency or its all-clear, for browsers in which `countdown.js` has not
counted."""

from collections.abc import Mapping
from datetime import UTC, datetime

from fastapi import Request
from starlette.responses import Response

from api.auth import Caller
from api.rendering import page
from notify.accounts import operators
from notify.alerts.approving import two_people
from notify.alerts.reporting import reports
from notify.core import states
from notify.core.db import transaction


def ask(request: Request, alert_id: int, caller: Caller, fields: Mapping[str, str]) -> Response | None:
    """Return the page that asks again, with a form of the same fields; None when the alert needs none.

    It needs one when it is an emergency, or ends one, and would leave at once. An exercise is confirmed by its word
    alone. Raises NotFound.
    """
    if caller.operator is None or not operators.may(caller.operator, "launch"):
        return None  # the domain refuses it
    now = datetime.now(UTC)
    with transaction() as s:
        alert = reports.find_alert(s, alert_id)
    later = alert.launch_at is not None and alert.launch_at > now
    if not two_people.is_grave(alert) or alert.status != "Actual" or later or alert.state not in states.BEFORE_LAUNCH:
        return None
    return page(
        request,
        "console/countdown.html",
        caller=caller,
        alert=alert,
        action=request.url.path,
        fields=fields,
        now=now,
    )
