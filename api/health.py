"""Endpoints for load balancers and monitoring: liveness, readiness and metrics."""

import hmac
from functools import cache

import redis
from fastapi import APIRouter, Request
from prometheus_client import CONTENT_TYPE_LATEST
from redis.backoff import NoBackoff
from redis.retry import Retry
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from starlette.responses import JSONResponse, PlainTextResponse, Response

from api.auth import LOOPBACK
from api.errors import NotSignedIn
from notify import migrations
from notify.core import keyring
from notify.core.db import transaction
from notify.core.errors import Unavailable, WrongKey
from notify.core.settings import settings

router = APIRouter(include_in_schema=False)
REDIS_TIMEOUT_S = 2.0


@router.get("/healthz")
async def healthz() -> Response:
    """Report that the process is alive. No server is checked: restarting us would not bring back a database."""
    return PlainTextResponse("ok\n")


@router.get("/readyz")
def readyz() -> Response:
    """Check that PostgreSQL answers with our schema and secret key, and that Redis answers. 503 says what is wrong."""
    checks = {"postgres": _postgres(), "redis": _redis()}
    ready = all(said == "ok" for said in checks.values())
    return JSONResponse({"ready": ready, **checks}, 200 if ready else 503)


@router.get("/metrics")
def metrics(request: Request) -> Response:
    """The metrics, for the bearer of TOCSIN_METRICS_TOKEN; if that is not set, for this machine only."""
    token = settings().metrics_token.get_secret_value()
    given = request.headers.get("authorization", "").removeprefix("Bearer ")
    if not (hmac.compare_digest(given.encode(), token.encode()) if token else _is_local(request)):
        raise NotSignedIn("This needs the token for metrics.", hint="Send TOCSIN_METRICS_TOKEN as a bearer token.")
    return Response(request.app.state.metrics.text(), media_type=CONTENT_TYPE_LATEST)


def _is_local(request: Request) -> bool:
    """Return whether a request comes from this machine and was not forwarded by a proxy."""
    forwarded = {"forwarded", "x-forwarded-for", "x-real-ip"} & set(request.headers.keys())
    return not forwarded and request.client is not None and request.client.host in LOOPBACK


def _postgres() -> str:
    try:
        with transaction() as s:
            if s.scalar(text("SELECT to_regclass('alembic_version')")) is None:
                return "has no schema: run `tocsin migrate`"
            found, needed = s.scalar(text("SELECT version_num FROM alembic_version")), migrations.head()
            if s.scalar(text("SELECT to_regclass('key_ring')")) is not None:
                keyring.verify(s)
    except WrongKey as error:
        return str(error)
    except (SQLAlchemyError, Unavailable):
        return "does not answer"
    return "ok" if found == needed else f"has schema {found}, not {needed}. {migrations.remedy(found)}"


def _redis() -> str:
    try:
        _client(settings().require_redis()).ping()
    except (redis.RedisError, Unavailable):
        return "does not answer"
    return "ok"


@cache
def _client(url: str) -> "redis.Redis":
    """Return a client that gives up soon, because the question is whether Redis answers now."""
    return redis.Redis.from_url(
        url,
        socket_timeout=REDIS_TIMEOUT_S,
        socket_connect_timeout=REDIS_TIMEOUT_S,
        retry=Retry(NoBackoff(), 0),
    )
