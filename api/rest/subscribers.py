"""`/api/v1/subscribers`: the number of residents."""

from dataclasses import asdict
from typing import Any

from fastapi import APIRouter

from api.auth import Reader
from api.openapi import problems
from notify import subscribers
from notify.core.db import transaction

router = APIRouter(prefix="/api/v1/subscribers", tags=["subscribers"])


@router.get("/count", summary="How many residents, contacts and places", responses=problems())
def count_subscribers(caller: Reader) -> dict[str, Any]:
    with transaction() as s:
        return asdict(subscribers.count(s))
