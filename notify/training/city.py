"""The training city, Bellhaven, generated from a seed. Every street, person and number is invented.

A river runs through it from north to south. Avenues run along it, streets across it. Neighbourhoods are belts of the
city cut by the river, so every point of the city is in exactly one of them.
"""

import csv
import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import compress
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry import LineString, MultiPolygon, Polygon, box
from shapely.geometry.base import BaseGeometry

from notify.training import names
from zones.geometry import to_geojson

# In the open Atlantic, 300 km from land, where nobody lives and no map shows a real street.
WEST, SOUTH = -70.60, 37.90
WIDTH_M, HEIGHT_M = 9_600.0, 12_000.0
M_PER_DEGREE_LAT = 111_000.0
M_PER_DEGREE_LON = M_PER_DEGREE_LAT * math.cos(math.radians(SOUTH + 0.054))
BLOCK_M = 240.0
RIVER_HALF_WIDTH_M = 90.0
FLOOD_M = {"Evacuation Zone A": 400.0, "Evacuation Zone B": 900.0, "Evacuation Zone C": 1_600.0}  # from mid-river
SNOW_ROUTE_EVERY = 5  # every fifth avenue and street
SNOW_ROUTE_HALF_WIDTH_M = 40.0
DENSE_M = 3_500.0  # from the centre to where the houses thin out
COLUMNS = ("phone", "email", "language", "topics", "lon", "lat", "address", "label", "consent_at", "consent_how")
TOPICS = ("outage", "snow", "storm", "collection", "flood", "heat", "water", "road", "health", "evacuation", "general")
TOPIC_SHARES = (0.72, 0.55, 0.86, 0.62, 0.30, 0.22, 0.35, 0.28, 0.25, 0.40, 0.33)
PHONE_SHARE, EMAIL_SHARE, BOTH_SHARE = 0.25, 0.30, 0.45  # only a phone, only an email, both
SPANISH_SHARE, CONSENT_SHARE, SECOND_PLACE_SHARE = 0.22, 0.96, 0.12


@dataclass(frozen=True, slots=True)
class CityZone:
    """A zone of the city: a valid (multi)polygon, WGS 84."""

    kind: str
    name: str
    external_id: str | None
    geometry: BaseGeometry


@dataclass(frozen=True, slots=True)
class Street:
    name: str
    line: BaseGeometry  # WGS 84; in pieces where it meets the river without a bridge


@dataclass(frozen=True, slots=True)
class AddressPoints:
    """Houses, as arrays of the same length. `street` is an index into the city's streets."""

    number: NDArray[np.int32]
    street: NDArray[np.int32]
    lon: NDArray[np.float64]
    lat: NDArray[np.float64]


class TrainingCity:
    """The same seed always gives the same city."""

    name = "Bellhaven"

    def __init__(self, seed: int = 1) -> None:
        self._seed = seed
        rng = np.random.Generator(np.random.PCG64(seed))
        self._phases = rng.uniform(0, 2 * math.pi, 3)
        self._columns = int(WIDTH_M // BLOCK_M)
        self._rows = int(HEIGHT_M // BLOCK_M)

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """West, south, east, north."""
        east, north = _to_degrees(WIDTH_M, HEIGHT_M)
        return WEST, SOUTH, float(east), float(north)

    @cached_property
    def river(self) -> BaseGeometry:
        return _degrees(self._course.buffer(RIVER_HALF_WIDTH_M).intersection(_CITY))

    @cached_property
    def streets(self) -> tuple[Street, ...]:
        """Avenues from south to north, then streets from west to east. Only snow routes have bridges."""
        lines = []
        for column in range(1, self._columns):
            x = column * BLOCK_M
            lines.append(LineString([(x, 0), (x, HEIGHT_M)]))
        for row in range(1, self._rows):
            y = row * BLOCK_M
            lines.append(LineString([(0, y), (WIDTH_M, y)]))
        called = [*names.avenues(self._columns - 1), *names.streets(self._rows - 1)]
        water = self._course.buffer(RIVER_HALF_WIDTH_M)
        dry = [line if _is_snow_route(index) else line.difference(water) for index, line in enumerate(lines)]
        return tuple(Street(name, _degrees(line)) for name, line in zip(called, dry, strict=True))

    @cached_property
    def addresses(self) -> AddressPoints:
        """Houses about every 20 m on both sides of each street, fewer at the edges of the city, none in the river."""
        rng = np.random.Generator(np.random.PCG64([self._seed, 2]))
        street, number, x, y = [], [], [], []
        for index in range(len(self.streets)):
            avenue = index < self._columns - 1
            length_m = HEIGHT_M if avenue else WIDTH_M
            across_m = (index + 1) * BLOCK_M if avenue else (index - self._columns + 2) * BLOCK_M
            along = np.arange(15.0, length_m, 20.0)
            kept = rng.random(along.size) < _built_up(across_m, along, avenue)
            along = along[kept] + rng.uniform(-3, 3)
            side = np.where(np.arange(along.size) % 2 == 0, 1.0, -1.0)
            offset = across_m + side * 12.0
            street.append(np.full(along.size, index))
            number.append(100 + 2 * (along / 10).astype(int) + (side > 0))
            x.append(offset if avenue else along)
            y.append(along if avenue else offset)
        xs, ys = np.concatenate(x), np.concatenate(y)
        dry = ~shapely.intersects_xy(self._course.buffer(RIVER_HALF_WIDTH_M + 20), xs, ys)
        lon, lat = _to_degrees(xs[dry], ys[dry])
        return AddressPoints(
            np.concatenate(number)[dry].astype(np.int32), np.concatenate(street)[dry].astype(np.int32), lon, lat
        )

    def zones(self) -> tuple[CityZone, ...]:
        """12 neighbourhoods and 5 collection zones, each set covering the city; 3 evacuation zones; snow routes."""
        return (*self._neighbourhoods(), *self._collection(), *self._evacuation(), *self._snow())

    def residents(self, count: int) -> Iterator[dict[str, str]]:
        """Yield rows of a subscriber CSV (columns `COLUMNS`) for `count` people; some have a second row and place.

        The first n people are the same for every count. See `names.phone` for the numbers; emails are at example.org.
        """
        for start in range(0, count, 1_000):
            yield from self._thousand(start, min(1_000, count - start))

    def write_residents_csv(self, path: Path, count: int) -> None:
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, COLUMNS)
            writer.writeheader()
            writer.writerows(self.residents(count))

    def write_zones_geojson(self, folder: Path) -> tuple[Path, ...]:
        """Write a file for each kind, `<kind>.geojson`, with the fields `name` and `id`."""
        paths = []
        for kind in dict.fromkeys(zone.kind for zone in self.zones()):
            features = [
                {
                    "type": "Feature",
                    "properties": {"name": zone.name, "id": zone.external_id},
                    "geometry": to_geojson(zone.geometry),
                }
                for zone in self.zones()
                if zone.kind == kind
            ]
            path = folder / f"{kind}.geojson"
            path.write_text(json.dumps({"type": "FeatureCollection", "features": features}) + "\n", encoding="utf-8")
            paths.append(path)
        return tuple(paths)

    @cached_property
    def _course(self) -> LineString:
        """The middle of the river, in metres from the south-west corner. It begins and ends outside the city."""
        y = np.linspace(-600, HEIGHT_M + 600, 160)
        a, b, c = self._phases
        x = WIDTH_M * 0.46 + 900 * np.sin(y / 2_600 + a) + 330 * np.sin(y / 1_050 + b) + 120 * np.sin(y / 420 + c)
        return LineString(np.column_stack([x, y]))

    @cached_property
    def _banks(self) -> tuple[BaseGeometry, BaseGeometry]:
        """The parts of the city west and east of the middle of the river."""
        points = list(self._course.coords)
        west = Polygon([(-600, -600), *points, (-600, HEIGHT_M + 600)]).intersection(_CITY)
        return west, _CITY.difference(west)

    def _neighbourhoods(self) -> list[CityZone]:
        """Six belts from south to north, each with a west and an east bank."""
        zones: list[CityZone] = []
        for belt in range(6):
            strip = box(0, belt * HEIGHT_M / 6, WIDTH_M, (belt + 1) * HEIGHT_M / 6)
            for bank in self._banks:
                name = names.NEIGHBOURHOODS[len(zones)]
                zones.append(_zone("neighbourhood", name, f"N{len(zones) + 1:02}", bank.intersection(strip)))
        return zones

    def _collection(self) -> list[CityZone]:
        """A zone for each working day: belts at an angle to the neighbourhoods."""
        days = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday")
        edges = [(i / 5 * WIDTH_M - 700, i / 5 * WIDTH_M + 700) for i in range(6)]
        edges[0], edges[5] = (-3 * WIDTH_M, -3 * WIDTH_M), (4 * WIDTH_M, 4 * WIDTH_M)
        return [
            _zone(
                "collection",
                f"{day} collection",
                f"C{i + 1}",
                Polygon(
                    [(edges[i][0], 0), (edges[i + 1][0], 0), (edges[i + 1][1], HEIGHT_M), (edges[i][1], HEIGHT_M)]
                ).intersection(_CITY),
            )
            for i, day in enumerate(days)
        ]

    def _evacuation(self) -> list[CityZone]:
        """Bands along the river, zone A nearest. They do not overlap."""
        zones, nearer = [], Polygon()
        for name, reach_m in FLOOD_M.items():
            reach = self._course.buffer(reach_m).intersection(_CITY)
            zones.append(_zone("evacuation", name, name[-1], reach.difference(nearer)))
            nearer = reach
        return zones

    def _snow(self) -> list[CityZone]:
        routes: list[CityZone] = []
        for index in filter(_is_snow_route, range(len(self.streets))):
            avenue = index < self._columns - 1
            at_m = (index + 1) * BLOCK_M if avenue else (index - self._columns + 2) * BLOCK_M
            half = SNOW_ROUTE_HALF_WIDTH_M
            strip = box(at_m - half, 0, at_m + half, HEIGHT_M) if avenue else box(0, at_m - half, WIDTH_M, at_m + half)
            routes.append(_zone("snow", f"{self.streets[index].name} snow route", f"S{len(routes) + 1}", strip))
        return routes

    def _thousand(self, start: int, count: int) -> Iterator[dict[str, str]]:
        """Yield `count` people from `start` on. Each thousand has its own generator, so memory use does not grow."""
        rng = np.random.Generator(np.random.PCG64([self._seed, 3, start // 1_000]))
        # Lists, because reading NumPy arrays one number at a time takes twice as long as all the rest.
        kind = rng.choice(3, 1_000, p=[PHONE_SHARE, EMAIL_SHARE, BOTH_SHARE]).tolist()
        spanish = (rng.random(1_000) < SPANISH_SHARE).tolist()
        consents = (rng.random(1_000) < CONSENT_SHARE).tolist()
        second = (rng.random(1_000) < SECOND_PLACE_SHARE).tolist()
        wants = (rng.random((1_000, len(TOPICS))) < np.array(TOPIC_SHARES)).tolist()
        house = rng.integers(0, self.addresses.number.size, (1_000, 2)).tolist()
        days = rng.integers(1, 900, 1_000).tolist()
        how = rng.integers(0, len(names.CONSENT_HOW), 1_000).tolist()
        who = rng.integers(0, 1_000_000, (1_000, 2)).tolist()
        for i in range(count):
            person = start + i
            first, last = names.person(*who[i])
            topics = list(compress(TOPICS, wants[i])) or ["general"]
            row = {
                "phone": names.phone(person) if kind[i] != 1 else "",
                "email": f"{first}.{last}.{person}@example.org".lower() if kind[i] != 0 else "",
                "language": "es" if spanish[i] else "en",
                "topics": " ".join(topics),
            }
            consent = {
                "consent_at": names.moment(days[i], person) if consents[i] else "",
                "consent_how": names.CONSENT_HOW[how[i]] if consents[i] else "",
            }
            yield row | self._places[house[i][0]] | {"label": "home"} | consent
            if second[i]:
                yield row | self._places[house[i][1]] | {"label": "work" if person % 3 else "school"} | consent

    @cached_property
    def _places(self) -> list[dict[str, str]]:
        """The columns of the CSV for each house."""
        points, called = self.addresses, [street.name for street in self.streets]
        columns = (points.lon.tolist(), points.lat.tolist(), points.number.tolist(), points.street.tolist())
        return [
            {"lon": f"{lon:.6f}", "lat": f"{lat:.6f}", "address": f"{number} {called[street]}"}
            for lon, lat, number, street in zip(*columns, strict=True)
        ]


def _is_snow_route(index: int) -> bool:
    return index % SNOW_ROUTE_EVERY == SNOW_ROUTE_EVERY - 1


def _built_up(across_m: float, along_m: NDArray[np.float64], avenue: bool) -> NDArray[np.float64]:
    """Return the share of lots with a house: nearly all in the centre of the city, a quarter at its edges."""
    x, y = (across_m, along_m) if avenue else (along_m, across_m)
    far = np.hypot(x - WIDTH_M * 0.5, y - HEIGHT_M * 0.45) / DENSE_M
    share: NDArray[np.float64] = 0.25 + 0.7 * np.exp(-(far**2))
    return share


_CITY = box(0, 0, WIDTH_M, HEIGHT_M)


def _to_degrees(x: Any, y: Any) -> tuple[Any, Any]:
    return WEST + x / M_PER_DEGREE_LON, SOUTH + y / M_PER_DEGREE_LAT


def _degrees(shape: BaseGeometry) -> BaseGeometry:
    moved: BaseGeometry = shapely.transform(shape, lambda xy: np.column_stack(_to_degrees(xy[:, 0], xy[:, 1])))
    return moved


def _zone(kind: str, name: str, external_id: str, shape: BaseGeometry) -> CityZone:
    parts = [part for part in shapely.get_parts(shape).tolist() if part.geom_type == "Polygon"]
    return CityZone(kind, name, external_id, _degrees(parts[0] if len(parts) == 1 else MultiPolygon(parts)))
