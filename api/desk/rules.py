"""The holidays, rules and exceptions of the collection calendars: what they do to a year, what would change against the
published edition, and the forms that add, remove and publish. Nothing is public before it is published."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Form, Request
from sqlalchemy.orm import Session
from starlette.responses import RedirectResponse, Response

from api.auth import Caller, Viewer
from api.desk import rules_view
from api.errors import Told, tell
from api.ids import Id
from api.rendering import page
from notify.core.db import transaction
from notify.core.errors import TocsinError
from notify.service311 import calendars, editions, next_edition, rule_store
from notify.service311.next_edition import NextEdition
from notify.service311.outputs import households, rule_findings

router = APIRouter(prefix="/desk/rules", include_in_schema=False)


@router.get("")
def overview(request: Request, caller: Viewer, year: int = 0) -> Response:
    return show(request, caller, year=year)


@router.post("/{rule_id}/remove")
def remove(rule_id: Id, request: Request, caller: Viewer) -> Response:
    return act(request, caller, lambda s, now: rule_store.remove(s, rule_id, now, caller.acting))


@router.post("/{rule_id}/keep")
def keep(rule_id: Id, request: Request, caller: Viewer) -> Response:
    return act(request, caller, lambda s, now: rule_store.keep(s, rule_id, now, caller.acting))


@router.post("/{rule_id}/up")
def move_up(rule_id: Id, request: Request, caller: Viewer) -> Response:
    return act(request, caller, lambda s, now: rule_store.move_up(s, rule_id, now, caller.acting))


@router.post("/publish")
def publish(
    request: Request,
    caller: Viewer,
    note: Annotated[str, Form(max_length=1000)] = "",
    seen: Annotated[str, Form(max_length=64)] = "",
) -> Response:
    """Publish what was shown. `seen`: the changes that were."""
    return act(request, caller, lambda s, now: editions.publish(s, note, now, caller.acting, seen), note=note)


def act(request: Request, caller: Caller, change: Callable[[Session, datetime], object], note: str = "") -> Response:
    """Make a change, and show what it does to the calendars."""
    try:
        with transaction() as s:
            change(s, datetime.now(UTC))
    except TocsinError as error:
        return show(request, caller, tell(error), note=note)
    return RedirectResponse("/desk/rules#changes", 303)


def show(request: Request, caller: Caller, told: Told | None = None, year: int = 0, note: str = "") -> Response:
    now = datetime.now(UTC)
    this = calendars.today(now).year
    try:
        with transaction() as s:
            found = _of_year(s, year, now)
            zones = rule_findings.zone_names(s)
            rows, published = rules_view.rows(s, zones, now, found.findings.hidden), editions.all_editions(s)
            behind = households.behind(s, found.published) if found.published else []
    except TocsinError as error:
        if year:
            return show(request, caller, tell(error))
        raise
    return page(
        request,
        "desk/rules.html",
        caller=caller,
        found=found,
        rows=rows,
        year=rules_view.year(found),
        changes=rules_view.changes(found),
        findings=rule_findings.sentences(found.findings, zones),
        years=range(this, this + 3),
        editions=published[:10],
        behind=behind,
        note=note,
        may_change=caller.may("collections"),
        told=told,
    )


def _of_year(s: Session, year: int, now: datetime) -> NextEdition:
    """Return the year that was asked for; without one this year, or the next where only that one changes."""
    this = calendars.today(now).year
    found = next_edition.read(s, year or this, now)
    if not year and found.pending.any and not found.changes:
        following = next_edition.read(s, this + 1, now)
        return following if following.changes else found
    return found
