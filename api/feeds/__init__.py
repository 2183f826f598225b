"""Public alerts as feeds: for newsrooms, other sites and programs."""

from api.feeds import routes

ROUTERS = (routes.router,)
