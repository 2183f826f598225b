"""The desk of 311: answer callers, post notices, keep the collection days."""

from api.desk import search

_PAGES = (search,)
ROUTERS = tuple(one.router for one in _PAGES)
# The menu of the desk lists those of its places that are here.
ADDRESSES = frozenset(route.path for router in ROUTERS for route in router.routes if hasattr(route, "path"))
