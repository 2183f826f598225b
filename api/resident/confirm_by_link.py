"""`/confirm/TOKEN` and `/still/TOKEN`: somebody says yes to an email of ours, who was signed up by staff or is asked
whether they still live there. To open the page changes nothing: programs that check emails open links, too."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Protocol

from fastapi import APIRouter, Request
from sqlalchemy.orm import Session
from starlette.responses import Response

from api.auth import require_own_form
from api.rendering import page
from notify.core.db import transaction
from notify.subscribers import address_checks, entering


class Asked(Protocol):
    """What a page shows; `language`: the resident's."""

    @property
    def language(self) -> str: ...


Act = Callable[[Session, str, datetime], Asked]


def _pages(name: str, describe: Act, confirm: Act) -> APIRouter:
    """Return the two routes of a question: its page, and the button on it."""
    router = APIRouter(prefix=f"/{name}", include_in_schema=False)

    @router.get("/{token}")
    def ask(request: Request, token: str) -> Response:
        return answer(request, token, describe, done=False)

    @router.post("/{token}")
    def press(request: Request, token: str) -> Response:
        require_own_form(request)
        return answer(request, token, confirm, done=True)

    def answer(request: Request, token: str, act: Act, *, done: bool) -> Response:
        """In the language of the resident, unless another one is asked for."""
        with transaction() as s:
            asked = act(s, token, datetime.now(UTC))
        language = request.query_params.get("lang") or asked.language
        return page(request, f"{name}.html", language=language, asked=asked, done=done)

    return router


ROUTERS = (
    _pages("confirm", entering.describe, entering.confirm),
    _pages("still", address_checks.describe, address_checks.confirm),
)
