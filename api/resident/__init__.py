"""Public pages, and the pages that messages to residents link to."""

from api.resident import alerts, choices, data, join, me, unsubscribe

ROUTERS = (alerts.router, data.router, join.router, me.router, choices.router, unsubscribe.router)
