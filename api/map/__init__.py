"""The city's map as browsers ask for it: its style, its tiles, and what a city may have set to be drawn below them."""

from api.map import files, tiles

ROUTERS = (tiles.router, files.router)
