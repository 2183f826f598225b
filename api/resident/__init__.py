"""Public pages, and the pages that messages to residents link to."""

from api.resident import alerts, unsubscribe

ROUTERS = (alerts.router, unsubscribe.router)
