"""Compose: working drafts, their form, and the alert that is made of one. Everything works without scripts."""

import json
import secrets
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Form, Query, Request
from starlette.datastructures import FormData
from starlette.responses import RedirectResponse, Response

from api.auth import Caller, NeedsSignIn, Viewer, at_console, require_own_form, require_own_host
from api.console.writing import compose_labels, compose_view
from api.errors import Told, tell
from api.ids import Id
from api.map import outside
from api.rendering import page
from api.seats import area_seat
from notify.alerts.writing import drafting, working_drafts, working_fields
from notify.alerts.writing.working_drafts import Change, Saved
from notify.core.db import transaction
from notify.core.errors import Invalid, Refused, TocsinError, hint_for_page
from notify.core.settings import settings
from notify.core.translation import gettext as _

router = APIRouter(prefix="/console/compose", include_in_schema=False)

FILE_BYTES = 500_000
MOST_FIELDS = 10_000


@dataclass(frozen=True, slots=True)
class Sent:
    """A form as it arrived. `caller`: None when the session has ended in the meantime."""

    caller: Caller | None
    form: FormData


async def sent(request: Request) -> AsyncIterator[Sent]:
    """Read a form after the sign-in was checked. One from somebody whose session has ended is given back to them."""
    caller: Caller | None = None
    try:
        caller = await at_console(request)
    except NeedsSignIn:
        require_own_host(request)
        require_own_form(request)
    async with request.form(max_fields=MOST_FIELDS, max_files=2) as form:
        yield Sent(caller, form)


Posted = Annotated[Sent, Depends(sent)]


@router.get("/{draft_id}")
def show_draft(
    draft_id: Id,
    request: Request,
    caller: Viewer,
    find: Annotated[str, Query(max_length=100)] = "",
    kind: Annotated[str, Query(max_length=100)] = "",
) -> Response:
    with transaction() as s:
        draft = working_drafts.find(s, draft_id, caller.acting)
    if draft.alert_id is not None:
        return RedirectResponse(f"/console/alerts/{draft.alert_id}", 303)
    return _draft_page(request, draft_id, caller, find=find, kind=kind)


@router.post("/{draft_id}")
def send_form(draft_id: Id, request: Request, posted: Posted) -> Response:
    """Save the whole form, and with `do=review` make the alert."""
    if posted.caller is None:
        return _given_back(request, posted.form)
    caller, form = posted.caller, posted.form
    try:
        saved = _save_form(draft_id, caller, form)
        if form.get("do") == "review":
            _require_seen(saved, form, caller)
            return RedirectResponse(f"/console/alerts/{_make(draft_id, saved.draft.version, caller)}", 303)
    except TocsinError as error:
        return _refused(request, draft_id, caller, error)
    find = str(form.get("find", ""))[:100]
    query = {"find": find if form.get("do") == "find" else "", "kind": str(form.get("kind", ""))[:100]}
    query = {name: value for name, value in query.items() if value}
    anchor = "#conflicts" if saved.set_aside else "#where" if form.get("do") == "find" else "#saved"
    return RedirectResponse(f"/console/compose/{draft_id}{'?' if query else ''}{urlencode(query)}{anchor}", 303)


@router.post("/{draft_id}/choose")
def choose(
    draft_id: Id,
    request: Request,
    caller: Viewer,
    value: Annotated[int, Form(ge=1, lt=2**63)],
    seen: Annotated[int, Form(ge=0, lt=2**63)],
    use: Annotated[str, Form(max_length=10)] = "",
) -> Response:
    """Settle two values of one field."""
    try:
        with transaction() as s:
            now = datetime.now(UTC)
            working_drafts.choose(s, draft_id, value, caller.acting, now, use=bool(use), seen=seen)
    except TocsinError as error:
        return _refused(request, draft_id, caller, error)
    return RedirectResponse(f"/console/compose/{draft_id}", 303)


@router.post("/{draft_id}/drop")
def drop(draft_id: Id, request: Request, caller: Viewer) -> Response:
    try:
        with transaction() as s:
            working_drafts.drop(s, draft_id, caller.acting, datetime.now(UTC))
    except TocsinError as error:
        return _refused(request, draft_id, caller, error)
    return RedirectResponse("/console/compose", 303)


def _draft_page(
    request: Request,
    draft_id: int,
    caller: Caller,
    *,
    find: str = "",
    kind: str = "",
    told: Told | None = None,
) -> Response:
    try:
        shown = compose_view.view(draft_id, caller, secrets.token_hex(8), find, kind)
    except TocsinError as error:
        return page(
            request,
            "console/compose_gone.html",
            caller=caller,
            told=tell(error),
            draft_id=draft_id,
        )
    return page(
        request,
        "console/compose.html",
        headers=outside.policy(),
        caller=caller,
        v=shown,
        told=told,
    )


def _refused(request: Request, draft_id: int, caller: Caller, error: TocsinError) -> Response:
    """Show the draft again, with the reason on top; the alert, if it was made meanwhile."""
    with transaction() as s:
        draft = working_drafts.find(s, draft_id, caller.acting)
    if draft.alert_id is not None:
        return RedirectResponse(f"/console/alerts/{draft.alert_id}", 303)
    told = tell(error)
    return _draft_page(request, draft_id, caller, told=replace(told, hint=hint_for_page(told.hint)))


def _given_back(request: Request, form: FormData) -> Response:
    """The form of somebody whose session has ended, to be sent again after signing in: nothing of it is lost."""
    fields = [(name, value) for name, value in form.multi_items() if isinstance(value, str) and name != "do"]
    return page(request, "console/compose_signed_out.html", status=401, fields=fields)


def shown_in(form: Mapping[str, Any]) -> dict[str, tuple[int, str]]:
    """What a form says that it has shown: version and digest of each field. Raises Invalid."""
    try:
        seen = json.loads(str(form.get("seen") or "{}"))
        return {str(name): (range(2**63)[version], str(known)) for name, (version, known) in seen.items()}
    except (ValueError, TypeError, AttributeError, IndexError, RecursionError):
        raise Invalid(_("The form was not sent by our page."), hint=_("Open the draft again.")) from None


def _save_form(draft_id: int, caller: Caller, form: FormData) -> Saved:
    """Save what the sender changed: values that differ from what the form showed. A box that is not sent is empty."""
    changes = {}
    for name, (version, known) in shown_in(form).items():
        value = working_fields.canonical(str(form.get(name) or ""))
        if working_fields.digest(value) != known:
            changes[name] = Change(value, version)
    if uploaded := _uploaded(form):
        changes["area"] = Change(uploaded, shown_in(form).get("area", (0, ""))[0])
    with transaction() as s:
        tab = str(form.get("tab", ""))[:32]
        return working_drafts.save(s, draft_id, changes, caller.acting, datetime.now(UTC), tab=tab)


def _uploaded(form: FormData) -> str:
    file = form.get("file")
    if file is None or isinstance(file, str) or not file.filename:
        return ""
    read = file.file.read(FILE_BYTES + 1)
    if len(read) > FILE_BYTES:
        raise Invalid(
            _(
                "The file %(filename)s is larger than %(size)s kB.",
                filename=repr(file.filename[:60]),
                size=FILE_BYTES // 1000,
            ),
            hint="Import it as a zone instead: `tocsin zones import`.",
        )
    try:
        return str(read.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise Invalid(
            _("The file %(filename)s is not GeoJSON.", filename=repr(file.filename[:60])),
            hint=_("Save it as GeoJSON in UTF-8."),
        ) from None


def _require_seen(saved: Saved, form: FormData, caller: Caller) -> None:
    """Raise Refused when somebody else has changed a field that this form showed, so that it is looked at first."""
    if saved.set_aside:
        raise Refused(
            _("Somebody else changed the same fields while this page was open."), hint=_("Choose one of each below.")
        )
    tab, draft = str(form.get("tab", ""))[:32], saved.draft
    event = compose_view.in_catalogue(draft)
    seen = shown_in(form)
    with transaction() as s:
        names = compose_labels.names_of(s)
        zones = compose_labels.zone_names(s)
    changed = [
        f"{compose_labels.label(event, draft.phase, name, zones)}: by "
        f"{'you, in another window' if there['by'] == caller.acting.id else names.get(there['by'], 'a colleague')}"
        for name, there in draft.fields.items()
        if there["tab"] != tab and there["version"] > seen.get(name, (0, ""))[0]
    ]
    if changed:
        raise Refused(
            _("This draft was changed since your page showed it."),
            hint=_("Look at it as it is now, then press Review again."),
            details=changed,
        )


def _make(draft_id: int, seen: int, caller: Caller) -> int:
    """Make the alert of the version that its author has seen, once. Its area is computed in no transaction."""
    by = caller.acting
    with transaction() as s:
        draft = working_drafts.find(s, draft_id, by)
        if draft.alert_id is not None:
            return draft.alert_id
        compose_view.in_catalogue(draft)
        reading = working_drafts.read(s, draft, settings())
    if problems := [said for section in reading.problems.values() for said in section]:
        raise Invalid(_("The draft is not complete."), hint=_("Mend what is listed."), details=problems)
    with area_seat(f"operator {by.id}"):
        located = drafting.located(reading.wanted, by)
    with transaction() as s:
        return working_drafts.make(s, draft_id, seen, located, by, datetime.now(UTC), settings())
