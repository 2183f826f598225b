"""Public pages, and the pages that messages to residents link to."""

from api.resident import alerts, choices, confirm, data, join, me, tablet, unsubscribe, verify, why

ROUTERS = (
    alerts.router,
    data.router,
    join.router,
    confirm.router,
    tablet.router,
    me.router,
    choices.router,
    unsubscribe.router,
    why.router,
    verify.router,
)
