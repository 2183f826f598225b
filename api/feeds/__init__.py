"""Public data: alerts as feeds, for newsrooms, other sites and programs, and counts of calls."""

from api.feeds import calls, routes

ROUTERS = (routes.router, calls.router)
