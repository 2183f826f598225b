"""THE DOOR: pages, REST, webhooks. Nothing is decided here; what is asked is handed to `notify`, and said back.

uvicorn api.app:create_app --factory
"""

import gc
import logging
from pathlib import Path

from fastapi import FastAPI
from starlette.staticfiles import StaticFiles

from api import auth, console, errors, health, hooks, openapi, resident, rest
from api import map as city_map
from api.console.sign_in import to_sign_in
from api.map.tiles import Desk
from api.metrics import Metrics
from api.middleware import BodyLimit, HeadAsGet, RequestLog, SecurityHeaders
from api.rates import RateLimit
from notify.inbound import intent

# Objects made before the collector looks again. Most of what a request makes is freed by its own counts.
GARBAGE_THRESHOLDS = (50_000, 20, 100)
STATIC = Path(__file__).parent / "static"
PARTS = (rest, city_map, resident, console)


def create_app() -> FastAPI:
    """The application of one process."""
    app = openapi.Door(
        title="Tocsin",
        version="1",
        summary="Crisis mass notification that a city can run by itself.",
        description=openapi.DESCRIPTION,
        openapi_url=errors.DESCRIPTION,
        docs_url=None,  # they load scripts from elsewhere, which our Content-Security-Policy forbids
        redoc_url=None,
        openapi_tags=openapi.TAGS,
        # What the environment may switch on for us would carry paths with tokens in them (law 9).
        telemetry={"tracing": False, "metrics": False, "logs": False, "auto_configure": False},
    )
    app.state.metrics = Metrics()
    app.state.map_desk = Desk()
    errors.install(app)
    app.add_exception_handler(auth.NeedsSignIn, to_sign_in)
    for router in (*(router for part in PARTS for router in part.ROUTERS), health.router):
        app.include_router(router)
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    # uvicorn's own lines show paths and queries, with tokens in them (law 9); `RequestLog` writes better ones.
    logging.getLogger("uvicorn.access").disabled = True
    app.add_middleware(BodyLimit)
    app.add_middleware(RateLimit)
    app.add_middleware(HeadAsGet)
    app.add_middleware(SecurityHeaders)
    app.add_middleware(RequestLog, metrics=app.state.metrics)  # added last: the outermost
    app.hooks = hooks.router(app.state.metrics)
    return app


def create_process() -> FastAPI:
    """`create_app`, for a process that does nothing else: what is loaded by now stays, and is not looked at again.

    A fifth of the time of a status callback went into looking.
    """
    app = create_app()
    intent.load_rules()
    gc.freeze()
    gc.set_threshold(*GARBAGE_THRESHOLDS)
    return app
