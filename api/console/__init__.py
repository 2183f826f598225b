"""The operators' pages."""

from api.console import (
    alarms,
    alerts,
    city_map,
    compose,
    joining,
    live,
    now,
    proof,
    roster,
    senders,
    sign_in,
    you,
    zones,
)

_PAGES = (
    sign_in,
    joining,
    proof,
    you,
    now,
    compose,
    alerts,
    live,
    alarms,
    city_map,
    roster,
    zones,
    senders,
)
ROUTERS = tuple(one.router for one in _PAGES)
