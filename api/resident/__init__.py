"""Pages that everybody may see, and those that a resident comes to from a message."""

from api.resident import alerts, unsubscribe

ROUTERS = (alerts.router, unsubscribe.router)
