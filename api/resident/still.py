"""`/still/TOKEN`: who was asked by email says that they still live there. To open the page changes nothing: programs
that check emails open links, too."""

from datetime import UTC, datetime

from fastapi import APIRouter, Request
from starlette.responses import Response

from api.auth import require_own_form
from api.rendering import page
from notify.core.db import transaction
from notify.subscribers import address_checks

router = APIRouter(prefix="/still", include_in_schema=False)


@router.get("/{token}")
def ask(request: Request, token: str) -> Response:
    with transaction() as s:
        asked = address_checks.describe(s, token, datetime.now(UTC))
    return _page(request, asked, done=False)


@router.post("/{token}")
def confirm(request: Request, token: str) -> Response:
    require_own_form(request)
    with transaction() as s:
        asked = address_checks.confirm(s, token, datetime.now(UTC))
    return _page(request, asked, done=True)


def _page(request: Request, asked: address_checks.Asked, *, done: bool) -> Response:
    """In the language of the resident, unless another one is asked for."""
    language = request.query_params.get("lang") or asked.language
    return page(request, "still.html", language=language, asked=asked, done=done)
