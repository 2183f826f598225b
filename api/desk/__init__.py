"""The desk of 311: answer callers, post notices, keep the collection days."""

from api.desk import (
    answers,
    calls,
    notices,
    outage_reports,
    outages,
    requests,
    residents,
    rule_forms,
    rules,
    search,
    signing_up,
    snow,
    storm,
    tickets,
)
from api.desk.menu import PLACES

_PAGES = (
    search,
    signing_up,
    residents,
    calls,
    answers,
    requests,
    rule_forms,
    rules,
    storm,
    notices,
    tickets,
    snow,
    outages,
    outage_reports,
)
ROUTERS = tuple(one.router for one in _PAGES)
_SERVED = {route.path for router in ROUTERS for route in router.routes if hasattr(route, "path")}
MENU = {address: act for address, act in PLACES.items() if address in _SERVED}  # those that there are
