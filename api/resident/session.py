"""Who a resident's own page is shown to: whoever entered a code that came to their phone or email, for a while."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from starlette.requests import Request
from starlette.responses import Response

from api.cookies import is_https
from notify.core import crypto
from notify.core.errors import Invalid

LIFE = timedelta(minutes=30)
PURPOSE = "resident"


@dataclass(frozen=True, slots=True)
class Resident:
    """`contact_id`: that which the code came to."""

    subscriber_id: int
    contact_id: int


class NeedsCode(Exception):
    """Nobody has entered a code in this browser lately."""


def begin(response: Response, whose: Resident, now: datetime) -> None:
    response.set_cookie(
        name(), token(whose, now), int(LIFE.total_seconds()), secure=is_https(), httponly=True, samesite="lax", path="/"
    )


def token(whose: Resident, now: datetime) -> str:
    return crypto.sign_token(PURPOSE, f"{whose.subscriber_id}.{whose.contact_id}.{int((now + LIFE).timestamp())}")


def end(response: Response) -> None:
    response.delete_cookie(name(), path="/", secure=is_https(), httponly=True, samesite="lax")


def resident(request: Request) -> Resident:
    """Return whose page it is. Raises NeedsCode."""
    try:
        subscriber, contact, ends = crypto.read_token(PURPOSE, request.cookies.get(name(), "")).split(".")
    except Invalid:
        raise NeedsCode from None
    if int(ends) < datetime.now(UTC).timestamp():
        raise NeedsCode
    return Resident(int(subscriber), int(contact))


def is_open(request: Request) -> bool:
    try:
        resident(request)
    except NeedsCode:
        return False
    return True


def name() -> str:
    return "__Host-tocsin-me" if is_https() else "tocsin-me"
