"""REST v1, one file per resource."""

from api.rest import (
    addresses,
    alarms,
    alerts,
    approvals,
    audience,
    incidents,
    jobs,
    lint,
    outside,
    residents,
    roster,
    senders,
    subscribers,
    zone_import,
    zones,
)

ROUTERS = (
    alerts.router,
    approvals.router,
    lint.router,
    audience.router,
    incidents.router,
    alarms.router,
    jobs.router,
    zones.router,
    zone_import.router,
    addresses.router,
    senders.router,
    outside.router,
    roster.router,
    subscribers.router,
    residents.router,
)
