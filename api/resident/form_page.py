"""A page with a form: as it was filled in, and what was wrong with it."""

from collections.abc import Mapping
from typing import Any

from fastapi import Request
from starlette.responses import Response

from api.errors import retry_after, tell
from api.rendering import page
from notify.core.errors import TocsinError
from notify.subscribers.pressed_twice import form_token


def form_page(
    request: Request,
    name: str,
    error: TocsinError | None = None,
    given: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
    **shown: Any,
) -> Response:
    """Return the page with its form. `given`: what was filled in. The status is that of the error. `once` in the
    template: for a form that asks for a code, so that a double click sends one."""
    told = tell(error) if error else None
    given, headers = given or {}, {**(headers or {}), **retry_after(error)}
    return page(request, name, given=given, told=told, once=form_token(), headers=headers, **shown)
