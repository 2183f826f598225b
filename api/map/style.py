"""The map's MapLibre style (https://maplibre.org/maplibre-style-spec), in a light and a dark theme.

It names no font files: the browser draws labels with the fonts of its own machine.
"""

from typing import Any

from api.map.colours import DARK, LIGHT, Colours
from api.map.outside import Outside
from zones.tiles import MAX_ZOOM, MIN_ZOOM

Layer = dict[str, Any]
Bounds = tuple[float, float, float, float]

PLAIN = ["Noto Sans Regular", "system-ui", "Arial", "sans-serif"]  # the last word of the first name is the weight
STRONG = ["Noto Sans Semibold", "system-ui", "Arial", "sans-serif"]
# Widths in pixels by zoom, for each rank. The wider casing is drawn below.
WIDTHS = {
    4: (14, 0.6, 18, 3),
    3: (9, 0.3, 11, 0.5, 13, 1, 15, 3.4, 18, 17),
    2: (9, 0.5, 11, 0.9, 13, 2.6, 15, 6, 18, 24),
    1: (8, 0.8, 11, 2, 13, 3.6, 15, 8, 18, 28),
}
FIRST_ZOOM = {4: 14, 3: 9, 2: 8, 1: 8}
WATER_NAMES = {"water", "ocean", "water_polygons", "waterway", "water_lines"}
GREEN_NAMES = {"park", "landcover", "landuse", "land", "parks"}
GROUND_NAMES = {"earth"}
BUILDING_NAMES = {"building", "buildings"}


def style(theme: str, tag: str, extent: Bounds | None, below: Outside | None) -> dict[str, Any]:
    """Return the style. `tag`: the edition of the tiles; `extent`: the initial view, west, south, east, north."""
    c = DARK if theme == "dark" else LIGHT
    tiles = [f"/tiles/{{z}}/{{x}}/{{y}}.mvt?v={tag}"]
    sources: dict[str, Any] = {"city": {"type": "vector", "tiles": tiles, "minzoom": MIN_ZOOM, "maxzoom": MAX_ZOOM}}
    if below is not None:
        sources["below"] = below.source
    return {
        "version": 8,
        "name": f"Tocsin, {theme}",
        "metadata": {"edition": tag, "extent": extent},
        "sources": sources,
        "layers": [
            {"id": "ground", "type": "background", "paint": {"background-color": c.ground}},
            *(_below(below, c) if below else []),
            *_land(c),
            *_zone_areas(c),
            *_streets(c),
            *_zone_lines(c),
            *_names(c),
        ],
    }


def _land(c: Colours) -> list[Layer]:
    areas = ["==", ["geometry-type"], "Polygon"]
    lines = ["==", ["geometry-type"], "LineString"]
    return [
        _layer("park", "fill", "park", {"fill-color": c.park}),
        _layer("water", "fill", "water", {"fill-color": c.water}, filter=areas),
        _layer("river", "line", "water", {"line-color": c.water, "line-width": _by_zoom(10, 1, 16, 6)}, filter=lines),
        _layer("building", "fill", "building", {"fill-color": c.building}, minzoom=14),
        _layer(
            "boundary", "line", "boundary",
            {"line-color": c.boundary, "line-width": _by_zoom(8, 1, 14, 2.5), "line-dasharray": [4, 2]},
        ),
    ]  # fmt: skip


def _streets(c: Colours) -> list[Layer]:
    """Return the layers of streets, minor ones first; all edges are below all streets, so that crossings are open."""
    edges, ways = [], []
    round_ = {"line-cap": "round", "line-join": "round"}
    for rank, stops in WIDTHS.items():
        only = {"filter": ["==", ["get", "rank"], rank], "layout": round_}
        colour, edge, hair, grown = (c.main_street, c.main_edge, c.main_edge, 11.5) if rank < 3 else (
            c.street, c.edge, c.hair, 13
        )  # fmt: skip
        wider = [value if n % 2 == 0 else value + 1.5 for n, value in enumerate(stops)]
        cased = {"line-color": edge, "line-width": _by_zoom(*wider)}
        edges.append(_layer(f"edge-{rank}", "line", "streets", cased, minzoom=grown, **only))
        # At low zooms a street is a thin line in the colour of its edge; its own colour would not be visible.
        growing = ["interpolate", ["linear"], ["zoom"], grown - 0.5, hair, grown + 1, colour]
        way = {"line-color": growing, "line-width": _by_zoom(*stops)}
        ways.append(_layer(f"street-{rank}", "line", "streets", way, minzoom=FIRST_ZOOM[rank], **only))
    return edges + ways


def _zone_areas(c: Colours) -> list[Layer]:
    """Return the fill of zones, below the streets. The chosen zone and the one at the pointer are highlighted by
    `feature-state`, which map.js sets."""
    paint = {"fill-color": _of_kind(c.zones), "fill-opacity": _state(0.3, 0.2, c.zone_fill)}
    return [_layer("zone-fill", "fill", "zones", paint)]


def _zone_lines(c: Colours) -> list[Layer]:
    paint = {"line-color": _of_kind(c.zones), "line-width": _state(4, 3, 1.6), "line-opacity": 0.9}
    return [_layer("zone-line", "line", "zones", paint, layout={"line-join": "round"})]


def _names(c: Colours) -> list[Layer]:
    halo = {"text-halo-color": c.halo, "text-halo-width": 1.6}
    along: dict[str, Any] = {
        "text-field": ["get", "name"], "text-font": PLAIN, "symbol-placement": "line", "text-max-angle": 30,
        "text-letter-spacing": 0.02, "text-padding": 6, "symbol-spacing": 320,
    }  # fmt: skip
    placed: dict[str, Any] = {"text-field": ["get", "name"], "text-max-width": 8, "text-padding": 6}
    main, lesser = ["<", ["get", "rank"], 3], ["==", ["get", "rank"], 3]
    return [
        _layer(
            "street-name", "symbol", "streets", {"text-color": c.name, **halo}, filter=lesser, minzoom=14,
            layout={**along, "text-size": _by_zoom(14, 10.5, 18, 15)},
        ),
        _layer(
            "main-street-name", "symbol", "streets", {"text-color": c.main_name, **halo}, filter=main, minzoom=12,
            layout={**along, "text-size": _by_zoom(12, 10.5, 18, 17)},
        ),
        _layer(
            "water-name", "symbol", "names", {"text-color": c.water_name, **halo},
            filter=["==", ["get", "of"], "water"],
            layout={**placed, "text-font": ["Noto Sans Italic", *PLAIN[1:]], "text-size": 13},
        ),
        _layer(
            "park-name", "symbol", "names", {"text-color": c.park_name, **halo},
            filter=["==", ["get", "of"], "park"], minzoom=12,
            layout={**placed, "text-font": PLAIN, "text-size": 12},
        ),
        _layer(
            "zone-name", "symbol", "names", {"text-color": _of_kind(c.zone_names), **halo, "text-halo-width": 2},
            filter=["==", ["get", "of"], "zone"],
            layout={**placed, "text-font": STRONG, "text-size": _by_zoom(10, 11.5, 15, 17), "symbol-sort-key": 0},
        ),
    ]  # fmt: skip


def _below(below: Outside, c: Colours) -> list[Layer]:
    """Return the layers of the base map: raster tiles dimmed, vector tiles in our own colours."""
    if below.source["type"] == "raster":
        return [{"id": "below", "type": "raster", "source": "below", "paint": c.raster}]
    drawn = []
    for name in below.layers:
        colour, filled = _role(name, c)
        shown = {"source": "below", "source-layer": name}
        if filled:
            areas = {"filter": ["==", ["geometry-type"], "Polygon"], "paint": {"fill-color": colour}}
            drawn.append({"id": f"below-{name}", "type": "fill", **shown, **areas})
        lines = {"filter": ["==", ["geometry-type"], "LineString"], "paint": {"line-color": colour, "line-width": 1}}
        drawn.append({"id": f"below-{name}-line", "type": "line", **shown, **lines})
    return drawn


def _role(layer: str, c: Colours) -> tuple[str, bool]:
    """Return a colour for a layer, judging by its name, and whether areas are filled with it."""
    for names, colour in (
        (GROUND_NAMES, c.ground), (WATER_NAMES, c.water), (GREEN_NAMES, c.park), (BUILDING_NAMES, c.building)
    ):  # fmt: skip
        if layer in names:
            return colour, True
    return c.hair, False


def _layer(name: str, kind: str, source_layer: str, paint: Layer, **more: Any) -> Layer:
    return {"id": name, "type": kind, "source": "city", "source-layer": source_layer, "paint": paint, **more}


def _by_zoom(*stops: float) -> list[Any]:
    return ["interpolate", ["exponential", 1.5], ["zoom"], *stops]


def _of_kind(colours: dict[str, str]) -> list[Any]:
    return ["match", ["get", "kind"], *(x for pair in colours.items() for x in pair), colours["custom"]]


def _state(chosen: float, pointed: float, else_: float) -> list[Any]:
    def is_(name: str) -> list[Any]:
        return ["boolean", ["feature-state", name], False]

    return ["case", is_("chosen"), chosen, is_("pointed"), pointed, else_]
