"""REST v1, one file per resource."""

from api.routes import alerts, senders, subscribers, zones

ROUTERS = (alerts.router, zones.router, senders.router, subscribers.router)
