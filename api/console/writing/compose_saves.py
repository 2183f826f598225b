"""Compose with scripts: fields are saved as they are typed, and the parts of the page that follow from them."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.responses import HTMLResponse, JSONResponse, Response

from api.auth import Viewer
from api.console import presence
from api.console.writing import compose_area, compose_labels, compose_view
from api.errors import tell
from api.ids import Id
from api.rendering import SECOND, on_clock, render, tally
from api.rest.tallies import by_language, exactly, sum_told, told
from notify.accounts import operators
from notify.alerts.writing import working_drafts, working_fields
from notify.alerts.writing.working_drafts import Change
from notify.core.db import transaction
from notify.core.errors import Invalid, TocsinError
from notify.core.settings import settings
from notify.core.translation import gettext as _
from notify.models import WorkingDraft

router = APIRouter(prefix="/console/compose", include_in_schema=False)


class Patch(BaseModel):
    """The fields that changed, and the version of every field that this window knows."""

    model_config = ConfigDict(extra="forbid", strict=True)

    tab: str = Field(max_length=32)
    changes: dict[str, str] = Field(default={}, max_length=5_000)
    seen: dict[str, Annotated[int, Field(ge=0, lt=2**63)]] = Field(default={}, max_length=10_000)


async def patch(request: Request, caller: Viewer) -> Patch:
    """Read the body, only from somebody who is signed in."""
    try:
        return Patch.model_validate_json(await request.body())
    except ValidationError as error:
        where = ".".join(str(part) for part in error.errors()[0]["loc"]) or "body"
        raise Invalid(
            _("The changes were not sent by our page: %(where)s is wrong.", where=where), hint=_("Open it again.")
        ) from None


@router.post("/{draft_id}/fields")
def save_fields(draft_id: Id, caller: Viewer, sent: Annotated[Patch, Depends(patch)]) -> Response:
    """Save some fields. Answers with the version of each, and with what others have changed since."""
    changes = {name: Change(value, sent.seen.get(name, 0)) for name, value in sent.changes.items()}
    try:
        with transaction() as s:
            saved = working_drafts.save(s, draft_id, changes, caller.acting, datetime.now(UTC), tab=sent.tab)
            names = compose_labels.names_of(s)
    except TocsinError as error:
        answer = tell(error)
        return JSONResponse({"message": answer.message, "hint": answer.hint}, answer.status)
    if changes:
        presence.note_writing(saved.draft, caller, datetime.now(UTC))
    kept = {name: _seen(saved.draft, name) for name in sent.changes if name not in saved.set_aside}
    return JSONResponse(
        {
            "version": saved.draft.version,
            "saved_at": on_clock(saved.draft.updated_at, SECOND),
            "kept": kept,
            "set_aside": saved.set_aside,
            "others": _others(saved.draft, sent, saved.set_aside, names),
        }
    )


@router.get("/{draft_id}/parts")
def parts(draft_id: Id, caller: Viewer, tab: Annotated[str, Query(max_length=32)] = "") -> Response:
    """The parts of the page that follow from the fields, each to be swapped into its place by htmx."""
    shown = compose_view.view(draft_id, caller, tab)
    return HTMLResponse(render("console/compose_live.html", v=shown))


class Drawing(BaseModel):
    """An area that is being drawn, with all that was drawn before: GeoJSON."""

    model_config = ConfigDict(extra="forbid", strict=True)

    area: str = Field(max_length=working_fields.LONGEST_AREA)


async def drawing(request: Request, caller: Viewer) -> Drawing:
    """Read the body, only from somebody who is signed in."""
    try:
        return Drawing.model_validate_json(await request.body())
    except ValidationError:
        raise Invalid(_("The drawing was not sent by our page."), hint=_("Open it again.")) from None


@router.post("/{draft_id}/count")
def count_drawing(draft_id: Id, caller: Viewer, sent: Annotated[Drawing, Depends(drawing)]) -> Response:
    """Count the residents of a draft as if its drawn area were this one. Nothing is saved; the audit records it."""
    try:
        operators.require(caller.acting, "count")
        with transaction() as s:
            draft = working_drafts.find(s, draft_id, caller.acting)
            event = compose_view.in_catalogue(draft)
            values = working_drafts.values_of(draft) | {"area": working_fields.canonical(sent.area)}
            reading = working_drafts.read(s, draft, settings(), values)
        looked = compose_area.look(draft, reading, event, caller, briefly=True)
    except TocsinError as error:
        return JSONResponse({"message": tell(error).message}, tell(error).status)
    if looked.audience is None:
        return JSONResponse({"words": looked.problem or " ".join(reading.problems.get("where", ()))})
    found = looked.audience
    parts = {
        f"{channel} {language}": number
        for channel in found.by_channel
        for language, number in by_language(found, channel).items()
    }
    words = _(
        "%(residents)s residents, %(messages)s messages; %(without)s get nothing",
        residents=tally(exactly(found.residents)),
        messages=tally(sum_told(parts)),
        without=tally(told(found.without)),
    )
    return JSONResponse({"words": words})


def _seen(draft: WorkingDraft, name: str) -> list[Any]:
    there = draft.fields.get(name)
    return [there["version"], working_fields.digest(there["value"])] if there else [0, ""]


def _others(draft: WorkingDraft, sent: Patch, set_aside: list[str], names: Mapping[int, str]) -> dict[str, Any]:
    """Fields that another window has changed since this one saw them, with their values."""
    return {
        name: {"value": there["value"], "seen": _seen(draft, name), "by": names.get(there["by"], "")}
        for name, there in draft.fields.items()
        if name in set_aside or (there["version"] > sent.seen.get(name, 0) and there["tab"] != sent.tab)
    }
