"""The desk's search: who calls, and what the city has told them.

A search is a form that is posted, because a phone number in an address would stand in logs (law 9).
"""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Form, Request
from starlette.responses import Response

from api.auth import Caller, Viewer
from api.errors import tell
from api.rendering import page
from notify.accounts import operators
from notify.core.db import transaction
from notify.core.errors import Invalid
from notify.subscribers import serving
from notify.subscribers.record import Found

router = APIRouter(prefix="/desk", include_in_schema=False)
Text = Annotated[str, Form(max_length=320)]


@router.get("")
def ask(request: Request, caller: Viewer) -> Response:
    operators.require(caller.acting, "serve")
    return _page(request, caller)


@router.post("")
def search(request: Request, caller: Viewer, sought: Text = "") -> Response:
    operators.require(caller.acting, "serve")
    try:
        with transaction() as s:
            found = serving.find(s, sought, datetime.now(UTC), caller.acting)
    except Invalid as error:
        return _page(request, caller, sought, error=error)
    return _page(request, caller, sought, found)


def _page(
    request: Request, caller: Caller, sought: str = "", found: Found | None = None, error: Invalid | None = None
) -> Response:
    told = tell(error) if error else None
    return page(request, "desk/search.html", caller=caller, sought=sought, found=found, told=told)
