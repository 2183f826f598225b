"""The page of the audit: who did what and who looked at whom, and its export."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Query, Request
from pydantic import BaseModel
from starlette.responses import Response, StreamingResponse

from api.auth import Caller, Viewer, require_fresh
from api.console.forms import whole_number
from api.errors import Told, tell
from api.rendering import page
from notify.accounts import audit_export, audit_trail, operators
from notify.accounts.audit_trail import PAGE, TOCSIN, Filter, Format
from notify.core import audit_seals
from notify.core.db import transaction
from notify.core.errors import Invalid, TocsinError
from notify.core.settings import settings
from notify.core.translation import gettext as _
from notify.core.translation import gettext_noop

router = APIRouter(prefix="/console/audit", include_in_schema=False)

LONGEST = 200  # characters of a field
SOON = timedelta(seconds=30)  # after the act, by when its row is usually sealed


class Fields(BaseModel):
    """The fields of the form, as somebody typed them. `before`: the page of older rows than this id."""

    operator: str = ""
    action: str = ""
    subject: str = ""
    subject_id: str = ""
    since: str = ""
    until: str = ""
    before: str = ""

    def read(self) -> Filter:
        """Raises Invalid, which names the field."""
        if too_long := [name for name, value in self if len(value) > LONGEST or "\0" in value]:
            raise Invalid(
                _("%(field)s: this is not a value of the audit.", field=too_long[0]),
                hint=_("Choose one from the list."),
            )
        since, until = audit_trail.times(self.since, self.until, settings().tz)
        number = _number("number", self.subject_id)
        return Filter(self.operator.strip().lower(), self.action, self.subject, number, since, until)

    def query(self, **changed: object) -> str:
        """The query string of a link to other rows: of these fields, without those that are empty."""
        return urlencode({name: value for name, value in (self.model_dump() | changed).items() if value})


class ExportFields(Fields):
    format: str = ""


@router.get("")
def show(request: Request, caller: Viewer, fields: Annotated[Fields, Query()]) -> Response:
    return _page(request, caller, fields)


@router.post("/export")
def export(request: Request, caller: Viewer, fields: Annotated[ExportFields, Form()]) -> Response:
    """The rows of the filter as a file, streamed, oldest first."""
    require_fresh(caller)
    try:
        kind = _format(fields.format)
        pieces = audit_export.export(fields.read(), kind, datetime.now(UTC), caller.acting)
    except TocsinError as error:
        return _page(request, caller, fields, tell(error))
    return _download(pieces, kind)


def _page(request: Request, caller: Caller, fields: Fields, told: Told | None = None) -> Response:
    try:
        wanted, before = fields.read(), _number("before", fields.before)
    except Invalid as error:
        wanted, before, told = Filter(), None, told or tell(error)
    with transaction() as s:
        entries = audit_trail.find(s, wanted, caller.acting, before)
        given: dict[str, Any] = {
            "people": {one.id: one.email for one in operators.all_operators(s)},
            "actions": audit_trail.actions(s),
            "subjects": audit_trail.subjects(s),
            "head": audit_seals.head(s),
        }
    return page(
        request,
        "console/audit.html",
        caller=caller,
        fields=fields,
        entries=entries[:PAGE],
        older=fields.query(before=entries[PAGE - 1].id) if len(entries) > PAGE else "",
        newest=fields.query(before="") if before is not None else "",
        may_export=operators.may(caller.acting, "administer"),
        sealed_until=datetime.now(UTC) - SOON,
        tocsin=TOCSIN,
        told=told,
        **given,
    )


def _download(pieces: Iterator[str], kind: Format) -> Response:
    name = f"audit-{datetime.now(settings().tz):%Y-%m-%d-%H%M}.{kind}"
    return StreamingResponse(
        pieces,
        media_type=audit_export.MEDIA_TYPES[kind],
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


def _format(word: str) -> Format:
    if word not in audit_export.MEDIA_TYPES:
        raise Invalid(_("format: %(word)s is not a format.", word=repr(word)), hint=_("Formats are: csv, jsonl."))
    return "csv" if word == "csv" else "jsonl"


def _number(name: str, words: str) -> int | None:
    return whole_number(
        words,
        gettext_noop("%(name)s: %(given)s is not a number of the audit."),
        gettext_noop("Give a whole number, such as 12."),
        name=name,
    )
