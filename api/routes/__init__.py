"""REST v1, one file per resource."""

from api.routes import alarms, alerts, senders, subscribers, zones

ROUTERS = (alerts.router, alarms.router, zones.router, senders.router, subscribers.router)
