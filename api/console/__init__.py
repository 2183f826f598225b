"""The operators' pages."""

from api.console import (
    alarms,
    alerts,
    audit,
    city_map,
    compose,
    compose_saves,
    incidents,
    live,
    now,
    roster,
    senders,
    sign_in,
    warn_requests,
    zones,
)

_PAGES = (
    sign_in,
    now,
    compose,
    compose_saves,
    incidents,
    warn_requests,
    alerts,
    live,
    alarms,
    city_map,
    roster,
    zones,
    senders,
    audit,
)
ROUTERS = tuple(one.router for one in _PAGES)
