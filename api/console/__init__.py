"""The operators' pages."""

from api.console import (
    alarms,
    alerts,
    audit,
    city_map,
    compose,
    live,
    now,
    roster,
    senders,
    sign_in,
    zones,
)

_PAGES = (
    sign_in,
    now,
    compose,
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
