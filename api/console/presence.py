"""Who else is here: a part of the pages of alerts, incidents and working drafts, asked for every few seconds."""

from datetime import UTC, datetime
from typing import Literal

from fastapi import APIRouter
from starlette.responses import HTMLResponse, Response

from api.auth import Caller, Viewer
from api.console.writing.compose_labels import names_of
from api.ids import Id
from api.rendering import render
from notify.accounts import presence
from notify.alerts import incidents
from notify.alerts.reporting import reports
from notify.alerts.writing import working_drafts
from notify.core.db import transaction
from notify.models import WorkingDraft
from notify.operations import tasks

router = APIRouter(prefix="/console/presence", include_in_schema=False)
Kind = Literal["alert", "incident", "draft"]


@router.get("/{kind}/{number}")
def who_is_here(kind: Kind, number: Id, caller: Viewer) -> Response:
    """Say who else is here, and note that the caller is. Raises NotFound or NotAllowed as the page itself does."""
    now = datetime.now(UTC)
    with transaction() as s:
        match kind:
            case "alert":
                reports.find_alert(s, number)
            case "incident":
                incidents.find(s, number)
            case "draft":
                working_drafts.find(s, number, caller.acting)
        names = names_of(s)
    place, by = f"{kind}:{number}", caller.acting.id
    presence.note(tasks.redis_client(), place, by, now.timestamp())
    found = presence.others(tasks.redis_client(), place, by, now.timestamp())
    return HTMLResponse(
        render(
            "console/presence_words.html",
            writing=[names[one.operator] for one in found if one.writing and one.operator in names],
            looking=[names[one.operator] for one in found if not one.writing and one.operator in names],
        )
    )


def note_writing(draft: WorkingDraft, caller: Caller, now: datetime) -> None:
    """Note that the caller writes a draft, and so on its incident."""
    places = [f"draft:{draft.id}", *([f"incident:{draft.incident_id}"] if draft.incident_id else [])]
    for place in places:
        presence.note(tasks.redis_client(), place, caller.acting.id, now.timestamp(), writing=True)
