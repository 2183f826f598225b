"""Public pages, and the pages that messages to residents link to."""

from api.resident import alerts, join, me, unsubscribe

ROUTERS = (alerts.router, join.router, me.router, unsubscribe.router)
