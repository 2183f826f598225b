"""The city's map for browsers: its style, its tiles, and a base map that a city may have configured."""

from api.map import files, tiles

ROUTERS = (tiles.router, files.router)
