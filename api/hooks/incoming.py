"""A webhook as the providers' adapters read it."""

from typing import Annotated
from urllib.parse import parse_qsl

from fastapi import Depends, Request

from notify.channels.contract import HookRequest
from notify.settings import settings

MOST_FIELDS = 200


async def incoming(request: Request) -> HookRequest:
    """The body as it came; the URL as the provider knows it, for that is what it signs."""
    body = await request.body()
    path = request.scope["raw_path"].decode("ascii")
    query = request.scope["query_string"].decode("ascii")
    content_type = request.headers.get("content-type", "")
    is_form = content_type.startswith("application/x-www-form-urlencoded")
    return HookRequest(
        url=f"{settings().public_url}{path}{'?' if query else ''}{query}",
        headers={name.lower(): value for name, value in request.headers.items()},
        body=body,
        form=_fields(body) if is_form else (),
    )


def _fields(body: bytes) -> list[tuple[str, str]]:
    try:
        return parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=MOST_FIELDS)
    except ValueError:
        return []  # more fields than any provider sends: the signature will not fit


Incoming = Annotated[HookRequest, Depends(incoming)]
