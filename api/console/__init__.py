"""The operators' pages."""

from api.console import alarms, alerts, city_map, live, now, roster, sign_in

ROUTERS = (sign_in.router, now.router, alerts.router, live.router, alarms.router, city_map.router, roster.router)
