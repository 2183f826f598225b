"""Entity tags: whoever has an answer already is told so, and gets it once."""

import hashlib
from collections.abc import Mapping

from fastapi import Request
from starlette.responses import Response


def of(body: bytes) -> str:
    return f'"{hashlib.sha256(body).hexdigest()[:24]}"'


def matches(known: bytes, tag: bytes) -> bool:
    """Compare If-None-Match weakly (RFC 9110 section 13.1.2)."""
    return known.strip() == b"*" or tag in {one.strip().removeprefix(b"W/") for one in known.split(b",")}


def answer(request: Request, body: bytes, media_type: str, headers: Mapping[str, str]) -> Response:
    """Return the body with its tag, or 304 without it."""
    tag = of(body)
    headers = {**headers, "ETag": tag}
    if matches(request.headers.get("if-none-match", "").encode("latin-1"), tag.encode()):
        return Response(None, 304, headers)
    return Response(body, 200, headers, media_type)
