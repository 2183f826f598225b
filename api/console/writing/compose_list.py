"""The first page of Compose: templates, incidents to follow up, and the working drafts of all authors."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Form, Query, Request
from pydantic import Field
from starlette.responses import RedirectResponse, Response

from api.auth import Caller, Viewer
from api.console.forms import whole_number
from api.errors import Told, tell
from api.rendering import page
from notify.alerts.reporting import reports
from notify.alerts.writing import working_drafts, working_start
from notify.content import compose, titles
from notify.core.db import transaction
from notify.core.errors import Invalid, TocsinError
from notify.core.translation import gettext as _
from notify.core.translation import gettext_noop

router = APIRouter(prefix="/console/compose", include_in_schema=False)
MOST_ZONES = 1_000
NUMBERS = gettext_noop("The list of alerts shows the numbers.")
WARNINGS = gettext_noop("The page Now shows them.")
REQUESTS = gettext_noop("The page of requests shows the numbers.")


@router.get("")
def list_drafts(
    request: Request,
    caller: Viewer,
    incident: Annotated[int, Query(ge=0, lt=2**63)] = 0,
    zones_of: Annotated[int, Query(ge=0, lt=2**63)] = 0,
    asked: Annotated[int, Query(ge=0, lt=2**63)] = 0,
    outside: Annotated[int, Query(ge=0, lt=2**63)] = 0,
) -> Response:
    """`asked`: the request to warn that the alert will answer; `outside`: another agency's warning, for its area."""
    return _list_page(request, caller, incident, zones_of, asked, outside)


@router.post("")
def start(
    request: Request,
    caller: Viewer,
    template: Annotated[str, Form(max_length=100)] = "",
    incident: Annotated[str, Form(max_length=20)] = "",
    zones_of: Annotated[str, Form(max_length=20)] = "",
    asked: Annotated[str, Form(max_length=20)] = "",
    outside: Annotated[str, Form(max_length=20)] = "",
    correct: Annotated[str, Form(max_length=10)] = "",
    zone: Annotated[list[Annotated[int, Field(ge=1, lt=2**63)]] | None, Form(max_length=MOST_ZONES)] = None,
) -> Response:
    """Open a new draft. `template`: an event and a phase, `storm issue`; `correct`: it says the last one again; `zone`:
    more zones to tick."""
    event, _space, phase = template.partition(" ")
    try:
        if not event:
            raise Invalid(_("No template is chosen."), hint=_("Choose what happened."))
        with transaction() as s:
            draft = working_start.start(
                s,
                event,
                phase or "issue",
                caller.acting,
                datetime.now(UTC),
                incident=whole_number(incident, gettext_noop("%(given)s is not the number of an incident."), NUMBERS),
                zones_of=whole_number(zones_of, gettext_noop("%(given)s is not the number of an alert."), NUMBERS),
                request=whole_number(asked, gettext_noop("%(given)s is not the number of a request."), REQUESTS),
                outside=whole_number(outside, gettext_noop("%(given)s is not the number of a warning."), WARNINGS),
                correct=bool(correct),
                values={f"zone.{number}": "on" for number in zone or ()},
            )
    except TocsinError as error:
        return _list_page(request, caller, told=tell(error))
    return RedirectResponse(f"/console/compose/{draft.id}", 303)


def _list_page(
    request: Request,
    caller: Caller,
    incident: int = 0,
    zones_of: int = 0,
    asked: int = 0,
    outside: int = 0,
    told: Told | None = None,
) -> Response:
    by = caller.acting
    with transaction() as s:
        drafts = working_drafts.open_drafts(s, by)
        recent = reports.recent_alerts(s, 50)
    events = [event for event in compose.catalogue().forms if working_drafts.may_write(event.name, by)]
    return page(
        request,
        "console/compose_list.html",
        caller=caller,
        drafts=drafts,
        events=events,
        recent=[one for one in recent if working_drafts.may_write(one.event, by)],
        incident=incident,
        zones_of=zones_of,
        asked=asked,
        outside=outside,
        names={draft.id: titles.name(draft.event, working_drafts.blanks_of(draft)) for draft, _email in drafts},
        told=told,
    )
