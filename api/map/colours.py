"""The map's colours, light and dark. Labels have a contrast of at least 4.5:1; zones also differ in lightness."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Colours:
    ground: str
    water: str
    park: str
    building: str
    boundary: str
    street: str
    edge: str
    hair: str  # minor streets at low zooms
    main_street: str
    main_edge: str
    name: str
    main_name: str
    water_name: str
    park_name: str
    halo: str
    zone_fill: float  # opacity
    zones: dict[str, str]
    zone_names: dict[str, str]
    raster: dict[str, Any]


LIGHT = Colours(
    ground="#f2f2ec",
    water="#bcd6e3",
    park="#d9e6cf",
    building="#e3e1d8",
    boundary="#8a8f86",
    street="#ffffff",
    edge="#d3d4cb",
    hair="#d3d4cb",
    main_street="#fffdf5",
    main_edge="#b9b8ac",
    name="#5b6469",
    main_name="#3d474d",
    water_name="#2c5f78",
    park_name="#3f6233",
    halo="#f7f7f3",
    zone_fill=0.07,
    zones={
        "neighbourhood": "#0b6d75",
        "collection": "#7a4fb5",
        "snow": "#1f66c1",
        "evacuation": "#c0391b",
        "utility": "#8a6500",
        "custom": "#a3306f",
    },
    zone_names={
        "neighbourhood": "#07474d",
        "collection": "#4f2e80",
        "snow": "#123f7c",
        "evacuation": "#86240e",
        "utility": "#5c4300",
        "custom": "#6d1c49",
    },
    raster={"raster-opacity": 0.8, "raster-saturation": -0.4},
)

DARK = Colours(
    ground="#161d22",
    water="#1d3a4a",
    park="#1a2b22",
    building="#222b31",
    boundary="#6b7780",
    street="#36434b",
    edge="#1b2429",
    hair="#2b363d",
    main_street="#4b5a64",
    main_edge="#333f47",
    name="#a9b4ba",
    main_name="#ccd4d8",
    water_name="#8fc0d8",
    park_name="#97bd9f",
    halo="#12181c",
    zone_fill=0.1,
    zones={
        "neighbourhood": "#5fb8c0",
        "collection": "#b598e6",
        "snow": "#79aef2",
        "evacuation": "#ff8a70",
        "utility": "#e0b44e",
        "custom": "#ec8bbf",
    },
    zone_names={
        "neighbourhood": "#a8e0e4",
        "collection": "#d6c6f5",
        "snow": "#bcd6fa",
        "evacuation": "#ffc4b5",
        "utility": "#f4d896",
        "custom": "#f7c3df",
    },
    raster={"raster-opacity": 0.55, "raster-saturation": -0.6, "raster-brightness-max": 0.55},
)
