"""The operators' pages."""

from api.console import alarms, alerts, city_map, live, sign_in

ROUTERS = (sign_in.router, alerts.router, live.router, alarms.router, city_map.router)
