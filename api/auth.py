"""Who is at the door: a program with an API key, or an operator with the cookie of a session.

What an operator may do is decided behind the door (`operators.require`), not here.
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
    """A living key and the operator whom it acts for; without one it may only read."""

    key_id: int
    operator: Operator | None
    scopes: frozenset[str] | None = None  # None: all that the operator may do, or reading

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


def by_key(request: Request, credentials: Annotated[HTTPAuthorizationCredentials | None, Security(bearer)]) -> Caller:
    """The caller of the REST API. Raises NotSignedIn."""
    if credentials is None:
        raise NotSignedIn("This needs an API key.", hint=HOW)
    caller = with_secret(credentials.credentials)
    if caller is None:
        raise NotSignedIn("This API key is not valid.", hint="`tocsin keys add NAME --as EMAIL` makes a new one.")
    if request.method == "GET" and caller.scopes is not None and "read" not in caller.scopes:
        raise NotAllowed("This key may not read.", hint="`tocsin keys add NAME --scope read` makes one that may.")
    return caller


def by_cookie(request: Request) -> Caller:
    """The operator at the console. Raises NeedsSignIn; NotAllowed for a form that came from another site."""
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
    """Whose key this is. The key is looked up by its hash, so the time that it takes tells nothing about it."""
    with transaction() as s:
        return _caller(s, operators.find_key(s, secret.strip()))


def key_of_caller(s: Session, secret: str) -> ApiKey | None:
    """The living key with this secret, of an operator who has not left."""
    key = operators.find_key(s, secret.strip())
    return key if key is not None and _caller(s, key) is not None else None


def require_own_form(request: Request) -> None:
    """Raises NotAllowed when a form was sent by a page that is not ours (cross-site request forgery).

    Browsers say where a form comes from, and no page can change what they say; the cookie is SameSite=Strict besides.
    """
    site = request.headers.get("sec-fetch-site")
    origin = urlsplit(request.headers.get("origin", "")).netloc
    if (site and site != "same-origin") or (origin and origin not in _ours(request)) or not (site or origin):
        raise NotAllowed("This form was not sent from a page of ours.", hint="Open the page again and send it there.")


def require_own_host(request: Request) -> None:
    """Raises Misdirected when the console was asked for by another name than ours.

    A name of somebody else's that leads to our address (DNS rebinding) would make pages of theirs pages of ours.
    """
    if request.headers.get("host", "").lower() not in _ours(request):
        raise Misdirected(
            "The console does not answer to this name.", hint=f"Open {settings().public_url}/console instead."
        )


def sign_in(response: Response, token: str) -> None:
    """Give the browser the token of a session as its cookie."""
    response.set_cookie(
        cookie_name(),
        token,
        max_age=int(sessions.LIFE.total_seconds()),
        secure=_is_https(),
        httponly=True,
        samesite="strict",
    )


def sign_out(request: Request, response: Response) -> None:
    """End the session on our side, too: a copy of its cookie is worth nothing."""
    with transaction() as s:
        sessions.end(s, request.cookies.get(cookie_name(), ""), datetime.now(UTC))
    response.delete_cookie(cookie_name(), secure=_is_https(), httponly=True, samesite="strict")


def cookie_name() -> str:
    """With the prefix, browsers refuse one that another host or plain HTTP tries to set (RFC 6265bis)."""
    return "__Host-tocsin" if _is_https() else "tocsin"


def _ours(request: Request) -> set[str]:
    """The names that the console answers to: that of TOCSIN_PUBLIC_URL, and this machine's for itself."""
    host = request.headers.get("host", "").lower()
    names = {urlsplit(settings().public_url).netloc.lower()}
    if _hostname(host) in LOOPBACK:
        names.add(host)
    return names


def _hostname(host: str) -> str:
    """Without its port; "" for what is no host."""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


def _caller(s: Session, key: ApiKey | None) -> Caller | None:
    """None for no key, and for the key of an operator who has left."""
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
