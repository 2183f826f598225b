"""The map of the city, drawn from its own streets, water, parks, boundaries and zones without any other server.

`edition` identifies its state, `streets` and `areas` select what is in a tile, `drawing` draws and caches tiles,
`importing` imports layers.
"""

from notify.city.basemap.areas import LAYERS, Zones
from notify.city.basemap.drawing import Drawn, city_bounds, tile_now, zone_boxes, zones_now
from notify.city.basemap.edition import Edition, current
from notify.city.basemap.importing import LayerImport, check_layer, counts, has_lines, keep_layer, replace_layer

__all__ = [
    "LAYERS",
    "Drawn",
    "Edition",
    "LayerImport",
    "Zones",
    "check_layer",
    "city_bounds",
    "counts",
    "current",
    "has_lines",
    "keep_layer",
    "replace_layer",
    "tile_now",
    "zone_boxes",
    "zones_now",
]
