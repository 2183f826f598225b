"""Turn errors into HTTP answers: problem documents (RFC 9457) for programs, a page for people."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Any

import psycopg
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import exc
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from api.language import FOR_PROGRAMS, start_of
from api.rendering import page
from notify.accounts.tries import TooManyTries
from notify.city import zone_words
from notify.core import db, translation
from notify.core.errors import Invalid, NotAllowed, NotFound, Refused, TocsinError, Unavailable
from notify.core.rewording import reworded
from notify.core.translation import gettext as _
from zones.errors import ZoneError

PROBLEM = "application/problem+json"
DESCRIPTION = "/api/v1/openapi.json"


class NotSignedIn(TocsinError):
    """The caller has no valid key or session."""

    code = "not-signed-in"


class Misdirected(TocsinError):
    """The request has a host name that is not ours (RFC 9110 section 15.5.20)."""

    code = "misdirected"


class TooMany(TocsinError):
    """Too many requests, or too many at once (RFC 6585 section 4)."""

    code = "too-many"

    def __init__(self, message: str, *, hint: str = "", wait_s: int = 0) -> None:
        super().__init__(message, hint=hint or _("Try again in %(wait_s)s s.", wait_s=wait_s))
        self.wait_s = wait_s


def too_often(wait_s: int) -> TooMany:
    return TooMany(_("Too many requests."), wait_s=wait_s)


class Problem(BaseModel):
    """A problem document: RFC 9457, with `hint` and `errors` as extension members."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "type": "urn:tocsin:problem:not-found",
                "title": "Not Found",
                "status": 404,
                "detail": "There is no zone named 'Rverside'.",
                "hint": "Did you mean Riverside?",
                "errors": [],
            }
        }
    )

    type: str = Field(description="A stable identifier of the kind of problem.")
    title: str
    status: int
    detail: str = Field(description="What is wrong, in a sentence.")
    hint: str = Field("", description="What to do next.")
    errors: list[str] = Field(default=[], description="The cases, if there are several.")


STATUS: dict[type[Exception], int] = {
    NotSignedIn: 401,
    Misdirected: 421,
    NotAllowed: 403,  # and its subclass BadSignature
    NotFound: 404,
    Refused: 409,
    TooMany: 429,
    TooManyTries: 429,
    Invalid: 422,
    ZoneError: 422,
    Unavailable: 503,
    TocsinError: 500,
}


@dataclass(frozen=True, slots=True)
class Told:
    """The answer to an error."""

    status: int
    code: str
    message: str
    hint: str = ""
    errors: Sequence[str] = ()

    def problem(self) -> dict[str, Any]:
        return Problem(
            type=f"urn:tocsin:problem:{self.code}",
            title=HTTPStatus(self.status).phrase,
            status=self.status,
            detail=self.message,
            hint=self.hint,
            errors=list(self.errors),
        ).model_dump()


def tell(error: Exception) -> Told:
    """Return the answer to any error. For an unforeseen one it reveals no details."""
    for kind, words in _TELLERS.items():
        if isinstance(error, kind):
            return words(error)
    return Told(
        500, "internal", _("Something went wrong on our side."), _("Try again. If it happens again, report it.")
    )


def retry_after(error: Exception | None) -> dict[str, str]:
    """Return the header that says when to try again, for an error that knows it (RFC 9110 section 10.2.3)."""
    wait_s = getattr(error, "wait_s", 0)
    return {"Retry-After": str(wait_s)} if wait_s else {}


def answer(request: Request, error: Exception) -> Response:
    """Answer with a problem document or, for people, with the error page."""
    told = tell(error)
    if told.code == "not-found" and not told.hint and f"{request.url.path}/".startswith("/api/"):
        told = replace(told, hint=f"{DESCRIPTION} describes the REST API; docs/rest.md shows how to use it.")
    headers = dict(getattr(error, "headers", None) or {}) | retry_after(error)
    if told.status == 401:
        headers["WWW-Authenticate"] = "Bearer"  # RFC 6750 section 3
    if f"{request.url.path}/".startswith(FOR_PROGRAMS):
        return JSONResponse(told.problem(), told.status, headers, media_type=PROBLEM)
    back = start_of(request.url.path)
    if told.code == "not-found" and back == "/console":  # hints name commands, but the reader has only a browser
        told = replace(told, hint=_("The console lists all alerts."))
    # The header of the console reads the database, which may be what is out of order.
    known = getattr(request.state, "caller", None) if told.status < 500 else None
    given = {"told": told, "back": back, "said_in": translation.language(), **({"caller": known} if known else {})}
    return page(request, "error.html", status=told.status, headers=headers, **given)


def install(app: FastAPI) -> None:
    def handle(request: Request, error: Exception) -> Response:
        return answer(request, error)

    kinds: tuple[type[Exception], ...] = (HTTPException, *_TELLERS)
    for kind in kinds:
        app.add_exception_handler(kind, handle)


def _tocsin(error: Any) -> Told:
    status = next(status for kind, status in STATUS.items() if isinstance(error, kind))
    return Told(status, getattr(error, "code", "invalid"), error.message, error.hint, error.details)


def _zone(error: Any) -> Told:
    return replace(
        _tocsin(error),
        message=zone_words.said(error.message),
        hint=zone_words.said(error.hint),
        errors=[*map(zone_words.said, error.details)],
    )


def _http(error: Any) -> Told:
    words = {
        404: _("There is no such page."),
        405: _("This method is not allowed here."),
        413: _("The request is too large."),
    }
    phrase = HTTPStatus(error.status_code).phrase
    code = phrase.lower().replace(" ", "-")
    return Told(error.status_code, code, words.get(error.status_code, f"{error.detail or phrase}."))


def _validation(error: Any) -> Told:
    """Say which fields are invalid and why, but not their values, which may be addresses (law 9)."""
    found = error.errors()
    if found and all(one["loc"][0] == "path" for one in found):
        return Told(404, "not-found", _("There is no such page."))
    cases = [f"{'.'.join(str(part) for part in one['loc'][1:]) or 'body'}: {reworded(one['msg'])}" for one in found]
    return Told(422, "invalid", _("The request is not valid."), _("Correct the fields in `errors`."), cases)


def _away(error: Exception) -> Told:
    away = db.unavailable(error)
    return Told(503, away.code, away.message, away.hint or _("Try again in a moment."))


def _cannot_be_kept(_error: Exception) -> Told:
    return Told(
        422, "invalid", _("Something in the request cannot be stored: a number too large, or a null character.")
    )


# The first match counts. psycopg's own errors come from COPY, all others through SQLAlchemy.
_TELLERS: dict[type[Exception], Callable[[Any], Told]] = {
    TocsinError: _tocsin,
    ZoneError: _zone,
    RequestValidationError: _validation,
    HTTPException: _http,
    exc.DataError: _cannot_be_kept,
    psycopg.DataError: _cannot_be_kept,
    exc.TimeoutError: _away,
    **dict.fromkeys(db.AWAY, _away),
}
