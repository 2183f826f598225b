"""The operators' pages."""

from api.console import (
    alarms,
    alerts,
    audit,
    city_map,
    compose,
    compose_saves,
    incidents,
    joining,
    live,
    now,
    operators,
    proof,
    roster,
    senders,
    sign_in,
    warn_requests,
    you,
    zones,
)

_PAGES = (
    sign_in,
    joining,
    proof,
    you,
    operators,
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
