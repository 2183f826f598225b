"""The operators' pages."""

from api.console import (
    alarms,
    audit,
    drills,
    incidents,
    message_load,
    now,
    outside_warnings,
    policies,
    presence,
    senders,
    warn_requests,
)
from api.console.alert import alerts, live, report, zones_reached
from api.console.people import (
    contacts,
    joining,
    language,
    operator_limits,
    operators,
    own_app,
    passkeys,
    place_checks,
    proof,
    roster,
    sign_in,
    signing_up,
    you,
)
from api.console.places import city_map, coverage, zones
from api.console.words import words
from api.console.writing import compose, compose_list, compose_saves

_PAGES = (
    sign_in,
    joining,
    proof,
    you,
    language,
    own_app,
    passkeys,
    operators,
    operator_limits,
    now,
    compose,
    compose_list,
    contacts,
    compose_saves,
    incidents,
    warn_requests,
    outside_warnings,
    alerts,
    live,
    presence,
    alarms,
    city_map,
    roster,
    report,
    zones,
    zones_reached,
    words,
    senders,
    policies,
    message_load,
    drills,
    audit,
    signing_up,
    place_checks,
    coverage,
)
ROUTERS = tuple(one.router for one in _PAGES)
