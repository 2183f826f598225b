"""Authenticate callers: a program by its API key, or an operator by the cookie of a session.

What an operator may do is decided by `operators.require`, not here.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import Depends, Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from sqlalchemy.orm import Session
from starlette.responses import Response

from api.errors import DESCRIPTION, Misdirected, NotSignedIn
from notify.accounts import operators, sessions
from notify.core.db import transaction
from notify.core.errors import NotAllowed
from notify.core.settings import settings
from notify.models import ApiKey, Operator

LOOPBACK = {"127.0.0.1", "::1", "localhost"}
HOW = f"Send `Authorization: Bearer tocsin_...`; `tocsin keys add` makes a key. {DESCRIPTION} describes the rest."
bearer = HTTPBearer(auto_error=False, scheme_name="key", description="A key made by `tocsin keys add`.")


@dataclass(frozen=True, slots=True)
class Caller:
    """A valid key and the operator for whom it acts; without one it may only read."""

    key_id: int
    operator: Operator | None
    scopes: frozenset[str] | None = None  # None: everything that the operator may do; without an operator, reading

    @property
    def acting(self) -> Operator:
        """The operator. Raises NotAllowed if there is none."""
        if self.operator is None:
            raise NotAllowed(
                "This key may only read.", hint="`tocsin keys add NAME --as EMAIL` makes one that acts for an operator."
            )
        return self.operator


class NeedsSignIn(Exception):
    """Nobody is signed in, so the browser is sent to the sign-in page and back."""


def by_key(request: Request, credentials: Annotated[HTTPAuthorizationCredentials | None, Security(bearer)]) -> Caller:
    """Return the caller of the REST API. Raises NotSignedIn, or NotAllowed for a key that may not read."""
    if credentials is None:
        raise NotSignedIn("This needs an API key.", hint=HOW)
    caller = with_secret(credentials.credentials)
    if caller is None:
        raise NotSignedIn("This API key is not valid.", hint="`tocsin keys add NAME --as EMAIL` makes a new one.")
    if request.method == "GET" and caller.scopes is not None and "read" not in caller.scopes:
        raise NotAllowed("This key may not read.", hint="`tocsin keys add NAME --scope read` makes one that may.")
    return caller


def by_cookie(request: Request) -> Caller:
    """Return the operator at the console. Raises NeedsSignIn, or NotAllowed for a form sent from another site."""
    require_own_host(request)
    with transaction() as s:
        key = sessions.find(s, request.cookies.get(cookie_name(), ""), datetime.now(UTC))
        caller = _caller(s, key)
    if caller is None:
        raise NeedsSignIn
    if request.method not in {"GET", "HEAD"}:
        require_own_form(request)
    return caller


def with_secret(secret: str) -> Caller | None:
    """Return the caller with this key, or None. The key is looked up by its hash, so the time reveals nothing of it."""
    with transaction() as s:
        return _caller(s, operators.find_key(s, secret.strip()))


def key_of_caller(s: Session, secret: str) -> ApiKey | None:
    """Return the valid key with this secret, unless its operator has left."""
    key = operators.find_key(s, secret.strip())
    return key if key is not None and _caller(s, key) is not None else None


def require_own_form(request: Request) -> None:
    """Raise NotAllowed when a form was sent by a page of another site (cross-site request forgery).

    Browsers send the origin of a form, and pages cannot change it. The cookie is also SameSite=Strict.
    """
    site = request.headers.get("sec-fetch-site")
    origin = urlsplit(request.headers.get("origin", "")).netloc
    if (site and site != "same-origin") or (origin and origin not in _ours(request)) or not (site or origin):
        raise NotAllowed("This form was not sent from our own page.", hint="Open the page again and send it there.")


def require_own_host(request: Request) -> None:
    """Raise Misdirected when the console was requested by a host name that is not ours.

    Another site could point its name to our address (DNS rebinding), and its pages would then count as ours.
    """
    if request.headers.get("host", "").lower() not in _ours(request):
        raise Misdirected(
            "The console does not answer to this name.", hint=f"Open {settings().public_url}/console instead."
        )


def sign_in(response: Response, token: str) -> None:
    """Set the token of a session as the browser's cookie."""
    response.set_cookie(
        cookie_name(),
        token,
        max_age=int(sessions.LIFE.total_seconds()),
        secure=_is_https(),
        httponly=True,
        samesite="strict",
    )


def sign_out(request: Request, response: Response) -> None:
    """Delete the cookie and end the session, so that a copy of the cookie is worthless."""
    with transaction() as s:
        sessions.end(s, request.cookies.get(cookie_name(), ""), datetime.now(UTC))
    response.delete_cookie(cookie_name(), secure=_is_https(), httponly=True, samesite="strict")


def cookie_name() -> str:
    """Return the cookie's name. Browsers accept the prefix only from this host and over HTTPS (RFC 6265bis)."""
    return "__Host-tocsin" if _is_https() else "tocsin"


def _ours(request: Request) -> set[str]:
    """Return the host names of the console: that of TOCSIN_PUBLIC_URL, and loopback names."""
    host = request.headers.get("host", "").lower()
    names = {urlsplit(settings().public_url).netloc.lower()}
    if _hostname(host) in LOOPBACK:
        names.add(host)
    return names


def _hostname(host: str) -> str:
    """Return a host without its port; "" if it is invalid."""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


def _caller(s: Session, key: ApiKey | None) -> Caller | None:
    """Return the caller of a key; None for no key or if its operator has left."""
    if key is None:
        return None
    scopes = None if key.scopes is None else frozenset(key.scopes)
    if key.operator_id is None:
        return Caller(key.id, None, scopes)
    operator = operators.of_key(s, key)
    if operator is None or operator.disabled_at is not None:
        return None
    operator.key_scopes = scopes
    return Caller(key.id, operator, scopes)


def _is_https() -> bool:
    return settings().public_url.startswith("https://")


Reader = Annotated[Caller, Depends(by_key)]
Viewer = Annotated[Caller, Depends(by_cookie)]
