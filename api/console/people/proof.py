"""Ask operators to prove again who they are (`auth.require_fresh`), and continue what they were doing."""

from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Query, Request
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile
from starlette.responses import RedirectResponse, Response

from api.auth import Viewer
from api.console.people.sign_in import within
from api.errors import retry_after, tell
from api.proving import CONTINUES, NeedsProof
from api.rendering import page
from notify.accounts import passkeys

router = APIRouter(prefix="/console", include_in_schema=False)
PAGE = f"/console/prove?{CONTINUES}"


@router.get("/prove")
def ask(request: Request, caller: Viewer, next: Annotated[str, Query(max_length=2_000)] = "") -> Response:  # noqa: A002
    return _page(request, NeedsProof(caller.live), PAGE, [("next", within(next))])


@router.post("/prove")
def prove(caller: Viewer, next: Annotated[str, Form(max_length=2_000)] = "") -> Response:  # noqa: A002
    """Lead on. `Viewer` has checked the proof."""
    return RedirectResponse(within(next), 303)


async def to_proof(request: Request, error: Exception) -> Response:
    """Handle `auth.NeedsProof`: show a page that asks for the proof and then sends the same form again.

    What was typed stands on that page in hidden fields; a file cannot, so a form with one has to be sent again by hand.
    """
    assert isinstance(error, NeedsProof)  # noqa: S101  it is installed for this one
    if request.method != "POST":
        back = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        return RedirectResponse(f"/console/prove?{urlencode({'next': back})}", 303)
    fields = [(name, value) for name, value in (await request.form()).multi_items() if not name.startswith("proof-")]
    if any(isinstance(value, UploadFile) for _, value in fields):
        return await run_in_threadpool(_page, request, error, PAGE, [("next", _came_from(request))], by_hand=True)
    query = "&".join(part for part in request.url.query.split("&") if part and part != CONTINUES)
    to = f"{request.url.path}?{query}{'&' if query else ''}{CONTINUES}"
    return await run_in_threadpool(_page, request, error, to, [(name, str(value)) for name, value in fields])


def _came_from(request: Request) -> str:
    """Return the page that a form was on, from `Referer`, which our own pages send."""
    referer = request.headers.get("referer", "")
    return within(referer.removeprefix(f"{request.url.scheme}://{request.headers.get('host', '')}"))


def _page(
    request: Request, needs: NeedsProof, to: str, fields: list[tuple[str, str]], *, by_hand: bool = False
) -> Response:
    told = tell(needs.problem) if needs.problem else None
    return page(
        request,
        "console/proof.html",
        status=told.status if told else 403 if request.method == "POST" else 200,
        headers=retry_after(needs.problem),
        live=needs.live,
        to=to,
        fields=fields,
        told=told,
        by_hand=by_hand,
        has_passkeys=passkeys.site() is not None and not needs.live.training,
    )
