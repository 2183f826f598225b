"""Public pages, and the pages that messages to residents link to."""

from api.resident import alerts, data, join, me, unsubscribe

ROUTERS = (alerts.router, data.router, join.router, me.router, unsubscribe.router)
