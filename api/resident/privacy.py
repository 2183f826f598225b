"""`/privacy`: what is kept of residents, how long, why, and who sees it."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from api.rendering import page
from notify.operations.kept_data import KINDS

router = APIRouter(include_in_schema=False)


@router.get("/privacy")
def show(request: Request) -> Response:
    return page(request, "privacy.html", kinds=[(kind, kind.kept and kind.kept().days) for kind in KINDS])
