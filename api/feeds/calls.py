"""Why people call 311, as open data: counts by reason, zone and day, without small ones."""

from datetime import UTC, date, datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from api import etags
from api.console.kept import Kept, remembered
from notify.core.db import transaction
from notify.service311.calls import open_data

router = APIRouter(include_in_schema=False)
KEPT_S = 600.0  # whole days only: they change at midnight
CACHE = "public, max-age=300"
TYPES = {"csv": "text/csv; charset=utf-8; header=present", "json": "application/json"}


@router.get("/data/calls.{form}")
def calls(
    request: Request,
    form: Literal["csv", "json"],
    month: Annotated[str, Query(max_length=10)] = "",
) -> Response:
    """By default the last 90 days up to yesterday. An absent row is zero or withheld, and so are totals."""
    first, last = open_data.span(month, datetime.now(UTC))
    body = _file(form, first, last).get()
    headers = {
        "Cache-Control": CACHE,
        "Access-Control-Allow-Origin": "*",
        "Content-Disposition": f'inline; filename="calls-{first}-{last}.{form}"',
    }
    return etags.answer(request, body, TYPES[form], headers)


@remembered
def _file(form: str, first: date, last: date) -> Kept[bytes]:
    def read() -> bytes:
        with transaction() as s:
            found = list(open_data.rows(s, first, last))
        text = open_data.as_csv(found) if form == "csv" else open_data.as_json(found, first, last)
        return text.encode()

    return Kept(read, KEPT_S)
