"""The HTTP application: pages, REST and webhooks. It decides nothing; requests are passed on to `notify`.

uvicorn api.app:create_app --factory
"""

import gc
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

from anyio import CapacityLimiter
from fastapi import FastAPI
from starlette.staticfiles import StaticFiles

from api import auth, console, desk, errors, feeds, health, openapi, resident, rest
from api import map as city_map
from api.console.people.proof import to_proof
from api.console.people.sign_in import to_sign_in
from api.language import ReadersLanguage
from api.map.tiles import Desk
from api.metrics import Metrics
from api.middleware import BodyLimit, HeadAsGet, RequestLog, SecurityHeaders
from api.proving import NeedsProof
from api.rates import RateLimit
from api.resident.me import to_sign_in as to_own_sign_in
from api.resident.session import NeedsCode
from notify.inbound import intent

# Thresholds of the garbage collector. Reference counts free most of the objects that a request makes.
GARBAGE_THRESHOLDS = (50_000, 20, 100)
JOINS_AT_ONCE = 8  # for each of them PostgreSQL is waited for most of the time
STATIC = Path(__file__).parent / "static"
PARTS = (rest, city_map, resident, feeds, console, desk)


def create_app() -> openapi.Door:
    """Make the application of one process."""
    app = openapi.Door(
        title="Tocsin",
        version="1",
        summary="Crisis mass notification that a city can run by itself.",
        description=openapi.DESCRIPTION,
        openapi_url=errors.DESCRIPTION,
        docs_url=None,  # FastAPI's pages load scripts from elsewhere, which our Content-Security-Policy forbids
        redoc_url=None,
        openapi_tags=openapi.TAGS,
        # Telemetry that the environment could switch on would contain paths with tokens (law 9).
        telemetry={"tracing": False, "metrics": False, "logs": False, "auto_configure": False},
    )
    app.state.metrics = Metrics()
    app.state.map_desk = Desk()
    app.state.desk_menu = desk.MENU
    app.state.join_turns = CapacityLimiter(JOINS_AT_ONCE)
    errors.install(app)
    app.add_exception_handler(auth.NeedsSignIn, to_sign_in)
    app.add_exception_handler(NeedsProof, to_proof)
    app.add_exception_handler(NeedsCode, to_own_sign_in)
    for router in (*(router for part in PARTS for router in part.ROUTERS), health.router):
        app.include_router(router)
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    # uvicorn's own log lines contain paths and queries with tokens (law 9); `RequestLog` writes lines without them.
    logging.getLogger("uvicorn.access").disabled = True
    app.add_middleware(BodyLimit)
    app.add_middleware(RateLimit)
    app.add_middleware(HeadAsGet)
    app.add_middleware(SecurityHeaders)
    app.add_middleware(RequestLog, metrics=app.state.metrics)
    app.add_middleware(ReadersLanguage)  # added last: the outermost
    app.put_in_front(app.state.metrics)
    return app


def warm(app: openapi.Door) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    """Return what renders the first public pages before the server listens, and begins to collect garbage then.

    All that was made until then is excluded from the collection, which took a fifth of the time of a status callback.
    """

    @asynccontextmanager
    async def warmed(_app: FastAPI) -> AsyncIterator[None]:
        if app.front is not None:
            await app.front.warm()
        gc.freeze()
        gc.set_threshold(*GARBAGE_THRESHOLDS)
        gc.enable()
        yield

    return warmed


def create_process() -> FastAPI:
    """Make the application for a process that does nothing else. No garbage is collected before `warm`: half a million
    objects are made that stay, and to look through them over and over again took a third of the start.
    """
    gc.disable()
    app = create_app()
    app.router.lifespan_context = warm(app)
    intent.load_rules()
    return app
