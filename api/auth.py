"""Who is at the door: a program with an API key, or an operator with a signed cookie.

What an operator may do is decided behind the door (`operators.require`), not here.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import Depends, Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from sqlalchemy.orm import Session
from starlette.responses import Response

from api.errors import NotSignedIn
from notify import crypto, operators
from notify.db import transaction
from notify.errors import Invalid, NotAllowed
from notify.models import ApiKey, Operator
from notify.settings import settings

SESSION = timedelta(hours=12)
bearer = HTTPBearer(auto_error=False, scheme_name="key", description="A key made by `tocsin keys add`.")


@dataclass(frozen=True, slots=True)
class Caller:
    """A living key and the operator whom it acts for; without one it may only read."""

    key_id: int
    operator: Operator | None

    @property
    def acting(self) -> Operator:
        """Raises NotAllowed."""
        if self.operator is None:
            raise NotAllowed(
                "This key may only read.", hint="`tocsin keys add NAME --as EMAIL` makes one that acts for an operator."
            )
        return self.operator


class NeedsSignIn(Exception):
    """A page of the console, and nobody is signed in: to the sign-in page, and back."""


def by_key(credentials: Annotated[HTTPAuthorizationCredentials | None, Security(bearer)]) -> Caller:
    """The caller of the REST API. Raises NotSignedIn."""
    if credentials is None:
        raise NotSignedIn("This needs an API key.", hint="Send `Authorization: Bearer tocsin_...`.")
    caller = with_secret(credentials.credentials)
    if caller is None:
        raise NotSignedIn("This API key is not valid.", hint="`tocsin keys add NAME --as EMAIL` makes a new one.")
    return caller


def by_cookie(request: Request) -> Caller:
    """The operator at the console. Raises NeedsSignIn; NotAllowed for a form that came from another site."""
    caller = _of_session(request.cookies.get(cookie_name(), ""), datetime.now(UTC))
    if caller is None:
        raise NeedsSignIn
    if request.method not in {"GET", "HEAD"}:
        require_own_form(request)
    return caller


def with_secret(secret: str) -> Caller | None:
    """Whose key this is. The key is looked up by its hash, so the time that it takes tells nothing about it."""
    with transaction() as s:
        return _caller(s, operators.find_key(s, secret.strip()))


def require_own_form(request: Request) -> None:
    """Raises NotAllowed when a form was sent by a page that is not ours (cross-site request forgery).

    Browsers say where a form comes from, and no page can change what they say; the cookie is SameSite=Strict besides.
    """
    site = request.headers.get("sec-fetch-site")
    origin = urlsplit(request.headers.get("origin", "")).netloc
    ours = {request.headers.get("host", ""), urlsplit(settings().public_url).netloc}
    if (site and site != "same-origin") or (origin and origin not in ours) or not (site or origin):
        raise NotAllowed("This form was not sent from a page of ours.", hint="Open the page again and send it there.")


def sign_in(response: Response, key_id: int, now: datetime) -> None:
    """Give the browser a cookie for twelve hours; revoking the key ends it at once."""
    response.set_cookie(
        cookie_name(),
        crypto.sign_token("session", f"{key_id}.{int(now.timestamp())}"),
        max_age=int(SESSION.total_seconds()),
        secure=_is_https(),
        httponly=True,
        samesite="strict",
    )


def sign_out(response: Response) -> None:
    response.delete_cookie(cookie_name(), secure=_is_https(), httponly=True, samesite="strict")


def cookie_name() -> str:
    """With the prefix, browsers refuse one that another host or plain HTTP tries to set (RFC 6265bis)."""
    return "__Host-tocsin" if _is_https() else "tocsin"


def _of_session(cookie: str, now: datetime) -> Caller | None:
    try:
        key_id, _, issued = crypto.read_token("session", cookie).partition(".")
    except Invalid:
        return None
    if now.timestamp() - int(issued) > SESSION.total_seconds():
        return None
    with transaction() as s:
        return _caller(s, operators.living_key(s, int(key_id)))


def _caller(s: Session, key: ApiKey | None) -> Caller | None:
    """None for no key, and for the key of an operator who has left."""
    if key is None:
        return None
    if key.operator_id is None:
        return Caller(key.id, None)
    operator = s.get(Operator, key.operator_id)
    return Caller(key.id, operator) if operator is not None and operator.disabled_at is None else None


def _is_https() -> bool:
    return settings().public_url.startswith("https://")


Reader = Annotated[Caller, Depends(by_key)]
Viewer = Annotated[Caller, Depends(by_cookie)]
