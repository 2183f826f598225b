"""Authenticate callers: a program by its API key, or an operator by the cookie of a session.

What an operator may do is decided by `operators.require`, not here. `api/proving.py` checks passwords and codes.
"""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Annotated
from urllib.parse import SplitResult, urlsplit

from fastapi import Depends, Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from sqlalchemy.orm import Session
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from api import proving
from api.cookies import cookie_name, is_https
from api.errors import DESCRIPTION, Misdirected, NotSignedIn
from api.proving import NeedsProof, Proof, proof_in_form
from notify.accounts import devices, operators, sessions
from notify.core import translation
from notify.core.db import transaction
from notify.core.errors import NotAllowed
from notify.core.settings import settings
from notify.core.translation import gettext as _
from notify.models import ApiKey, Operator

LOOPBACK = {"127.0.0.1", "::1", "localhost"}
HOW = f"Send `Authorization: Bearer tocsin_...`; `tocsin keys add` makes a key. {DESCRIPTION} describes the rest."
bearer = HTTPBearer(auto_error=False, scheme_name="key", description="A key made by `tocsin keys add`.")


@dataclass(frozen=True, slots=True)
class Caller:
    """A program with a valid key and the operator for whom it acts, without whom it may only read; or an operator with
    a session at the console."""

    operator: Operator | None
    key_id: int | None = None  # None at the console
    scopes: frozenset[str] | None = None  # None: everything that the operator may do; without an operator, reading
    session: sessions.Live | None = None

    @property
    def program(self) -> int:
        """The id of the key of a program: every caller of the REST API has one."""
        assert self.key_id is not None  # noqa: S101  `by_key` sets it
        return self.key_id

    @property
    def is_training(self) -> bool:
        """Whether it was signed in by a link of the training city, without a password."""
        return self.session is not None and self.session.training

    @property
    def live(self) -> sessions.Live:
        """The session: every caller of the console has one."""
        assert self.session is not None  # noqa: S101  `by_cookie` sets it
        return self.session

    def may(self, *acts: str) -> bool:
        """Whether the caller acts for an operator who may do one of these."""
        return self.operator is not None and any(operators.may(self.operator, act) for act in acts)

    @property
    def acting(self) -> Operator:
        """The operator. Raises NotAllowed if there is none."""
        if self.operator is None:
            raise NotAllowed(
                "This key may only read.",
                hint="`tocsin keys add NAME --as EMAIL` makes one that acts for an operator.",
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
        live = sessions.find(s, session_token(request), datetime.now(UTC), active=not _refreshes_itself(request))
    if live is None:
        raise NeedsSignIn
    caller = Caller(live.operator, session=live)
    request.state.caller = caller  # for the page of an error
    request.state.exercising = live.operator.exercising  # every page shows it, that of an error too
    if request.method not in {"GET", "HEAD"}:
        require_own_form(request)
    return caller


async def at_console(request: Request) -> Caller:
    """Do the same, and speak the operator's language from here on. Not in a thread, which would forget it."""
    caller = await run_in_threadpool(by_cookie, request)
    if language := caller.acting.language:
        translation.speak(language)
    return caller


async def viewer(request: Request, proof: Annotated[Proof | None, Depends(proof_in_form)]) -> Caller:
    """Do the same, and check the proof of a form that is sent again with one (`require_fresh`). Raises NeedsProof."""
    caller = await at_console(request)
    if proof is None or caller.session is None:
        return caller
    now = datetime.now(UTC)
    await run_in_threadpool(proving.again, caller.session, proof, now)
    return replace(caller, session=replace(caller.session, proven_at=now))


def require_fresh(caller: Caller) -> None:
    """Raise NeedsProof unless the operator proved within the last 15 minutes who they are.

    For acts that cannot be taken back or that change who may do what: launching an emergency, exporting, changing
    roles and accounts. A session lasts for hours, so it may be another who sits at the desk; 15 minutes is long enough
    to check an alert and launch it with one proof, and shorter than most absences from a desk that was left unlocked.
    A program has proved itself with its key. The form that was sent is continued after the proof.
    """
    if caller.session is not None and not caller.session.is_fresh(datetime.now(UTC)):
        raise NeedsProof(caller.session)


def with_secret(secret: str) -> Caller | None:
    """Return the caller with this key, or None. The key is looked up by its hash, so the time reveals nothing of it."""
    with transaction() as s:
        return _caller(s, operators.find_key(s, secret.strip()))


def require_own_form(request: Request) -> None:
    """Raise NotAllowed when a form was sent by a page of another site (cross-site request forgery).

    Browsers send the origin of a form, and pages cannot change it. The cookie is also SameSite=Strict.
    """
    site = request.headers.get("sec-fetch-site")
    sent_from = request.headers.get("origin", "")
    origin = parts_of(sent_from).netloc or sent_from  # "null", or one that cannot be read, is not ours
    if (site and site != "same-origin") or (origin and origin not in _ours(request)) or not (site or origin):
        raise NotAllowed(
            _("This form was not sent from our own page."), hint=_("Open the page again and send it there.")
        )


def require_own_host(request: Request) -> None:
    """Raise Misdirected when the console was requested by a host name that is not ours.

    Another site could point its name to our address (DNS rebinding), and its pages would then count as ours.
    """
    if request.headers.get("host", "").lower() not in _ours(request):
        raise Misdirected(
            _("The console does not answer to this name."),
            hint=_("Open %(public_url)s/console instead.", public_url=settings().public_url),
        )


def sign_in(response: Response, token: str, device: str = "") -> None:
    """Set the token of a session as the browser's cookie, and that of the device, which outlives it."""
    set_cookie(response, cookie_name(), token, int(sessions.LIFE.total_seconds()))
    if device:
        set_cookie(response, device_cookie_name(), device, int(devices.LIFE.total_seconds()))


def sign_out(request: Request, response: Response) -> None:
    """Delete the cookie and end the session, so that a copy of the cookie is worthless."""
    with transaction() as s:
        sessions.end(s, session_token(request), datetime.now(UTC))
    response.delete_cookie(cookie_name(), secure=is_https(), httponly=True, samesite="strict")


def session_token(request: Request) -> str:
    return request.cookies.get(cookie_name(), "")


def device_token(request: Request) -> str:
    """Return the token of the browser, or a new one for a browser that has none."""
    return request.cookies.get(device_cookie_name(), "") or devices.new_token()


def device_cookie_name() -> str:
    return f"{cookie_name()}-device"


def set_cookie(response: Response, name: str, value: str, max_age: int) -> None:
    response.set_cookie(name, value, max_age=max_age, secure=is_https(), httponly=True, samesite="strict")


def _refreshes_itself(request: Request) -> bool:
    """Return whether a page asks for a part of itself, which nobody needs to be there for."""
    return request.method == "GET" and ("hx-request" in request.headers or request.url.path.endswith("/events"))


def _ours(request: Request) -> set[str]:
    """Return the host names of the console: that of TOCSIN_PUBLIC_URL, and loopback names."""
    host = request.headers.get("host", "").lower()
    names = {urlsplit(settings().public_url).netloc.lower()}
    if _hostname(host) in LOOPBACK:
        names.add(host)
    return names


def _hostname(host: str) -> str:
    """Return a host without its port; "" if it is invalid."""
    return parts_of(f"//{host}").hostname or ""


def parts_of(url: str) -> SplitResult:
    """Return the parts of a URL that a browser sent, all of them empty if it is invalid."""
    try:
        return urlsplit(url)
    except ValueError:
        return urlsplit("")


def _caller(s: Session, key: ApiKey | None) -> Caller | None:
    """Return the caller of a key; None for no key or if its operator has left."""
    if key is None:
        return None
    scopes = None if key.scopes is None else frozenset(key.scopes)
    if key.operator_id is None:
        return Caller(None, key.id, scopes)
    operator = operators.of_key(s, key)
    if operator is None or operator.disabled_at is not None:
        return None
    operator.key_scopes = scopes
    return Caller(operator, key.id, scopes)


Reader = Annotated[Caller, Depends(by_key)]
Viewer = Annotated[Caller, Depends(viewer)]
