"""Webhooks of the providers: the signature first, then the facts into PostgreSQL, then 2xx.

They are plain Starlette routes in front of the application, with threads and database connections of their own: a
busy console must not delay a STOP, and whoever sends rubbish must not delay either.
"""

from starlette.routing import Route, Router

from api.hooks import sendgrid, twilio
from api.metrics import Metrics

PREFIX = "/hooks/"


def router(metrics: Metrics) -> Router:
    """The webhooks of one process."""
    hooks = (*twilio.hooks(metrics), *sendgrid.hooks(metrics))
    return Router([Route(hook.path, hook) for hook in hooks], redirect_slashes=False)
