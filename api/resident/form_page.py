"""A page with a form: as it was filled in, and what was wrong with it."""

from collections.abc import Mapping
from typing import Any

from fastapi import Request
from starlette.responses import Response

from api.errors import retry_after, tell
from api.rendering import page
from notify.core.errors import TocsinError


def form_page(
    request: Request,
    name: str,
    error: TocsinError | None = None,
    given: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
    **shown: Any,
) -> Response:
    """Return the page with its form. `given`: what was filled in. The status is that of the error."""
    told = tell(error) if error else None
    return page(request, name, given=given or {}, told=told, headers={**(headers or {}), **retry_after(error)}, **shown)
