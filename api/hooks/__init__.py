"""Webhooks of the providers: check the signature, store the facts in PostgreSQL, then answer 2xx.

They are plain Starlette routes in front of the application, with threads and database connections of their own, so that
a busy console cannot delay a STOP and invalid requests cannot delay either.
"""

from starlette.routing import Route, Router

from api.hooks import sendgrid, twilio
from api.metrics import Metrics

PREFIX = "/hooks/"


def router(metrics: Metrics) -> Router:
    """The webhooks of one process."""
    hooks = (*twilio.hooks(metrics), *sendgrid.hooks(metrics))
    return Router([Route(hook.path, hook) for hook in hooks], redirect_slashes=False)
