"""`audience`: find who of a million residents is in an area, while it is drawn and at the launch."""

import json
import time
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from sqlalchemy import text

from notify.accounts import operators
from notify.audience import residents_inside
from notify.core import points
from notify.core.db import transaction
from notify.delivery import fanout
from notify.local import ports
from tests.bench.figures import Figure, Goal
from tests.bench.installation import Installation, installation
from tests.bench.size import Size
from tests.factories import move
from tests.waiting import until
from zones.geometry import circle, to_geojson
from zones.membership import Membership

CITY = {Size.SMOKE: (5_000, 1_000), Size.USUAL: (1_000_000, 200_000), Size.FULL: (1_000_000, 200_000)}  # and inside
VERTICES = {Size.SMOKE: (100, 1_000), Size.USUAL: (500, 100_000), Size.FULL: (500, 100_000)}
MOVED = 100  # residents
ASKED = 10  # requests, of which the median is reported
ROUGH = 1e-4  # how far its corners stick out, as a share of its size


def audience(size: Size) -> Iterator[Figure]:
    """A million points in a polygon; then the live count and the launch in a city of a million residents."""
    residents, inside = CITY[size]
    for vertices in VERTICES[size]:
        yield _membership(vertices, residents)
    with installation() as city:
        city.sender("sms", 1_000.0)
        square = city.settle(residents, "sms", inside=inside)
        lon, lat = _places()
        shapes = {vertices: _rough(square, vertices) for vertices in VERTICES[size]}
        yield from _live(city, shapes, lon, lat)
        yield from _launch(city, shapes, *_places())  # some have moved


def _membership(vertices: int, points: int) -> Figure:
    """Points in a polygon. Baseline: shapely without our grid."""
    rng = np.random.default_rng(1)
    lon, lat = rng.uniform(-0.1, 0.1, points), rng.uniform(-0.1, 0.1, points)
    area = circle(0, 0, 8_000)
    area = shapely.segmentize(area, area.length / vertices)
    began = time.perf_counter()
    Membership(area).inside(lon, lat)
    took_s = time.perf_counter() - began
    began = time.perf_counter()
    shapely.intersects_xy(area, lon, lat)
    bare_s = time.perf_counter() - began
    return Figure(f"points in {vertices:,} corners", points, took_s, {}, "shapely.intersects_xy", points, bare_s)


def _live(
    city: Installation, shapes: dict[int, shapely.Geometry], lon: NDArray[np.float64], lat: NDArray[np.float64]
) -> Iterator[Figure]:
    """Live counts over HTTP, from two API processes."""
    with transaction() as s:
        author = operators.find(s, "author@bench.example.org")
        key = operators.add_key(s, "bench", datetime.now(UTC), author)
    doors = [_Door(city, f"api-{number}", key) for number in (1, 2)]
    few = shapes[min(shapes)]
    before_mb = city.memory_mb()
    cold_s, first = doors[0].timed(few)
    doors[1].timed(few)
    bare_s, expected = _tree(few, lon, lat)
    more_mb = max(city.memory_mb()[door.name] - before_mb[door.name] for door in doors)
    yield Figure(
        "live count, cold", lon.size, cold_s, {}, "STRtree built and asked", lon.size, bare_s,
        goals=(
            Goal("cold, s", cold_s, 1.5),
            Goal("memory of the API process, MB more", more_mb, 400),
            Goal("difference from the tree's count", abs(first["residents"] - expected), 0),
        ),
    )  # fmt: skip
    for vertices, shape in shapes.items():
        asked = [doors[0].timed(shape)[0] for _ in range(ASKED)]
        warm_s = float(np.median(asked))
        yield Figure(
            f"live count, warm, {vertices:,} corners", lon.size, warm_s,
            goals=(Goal("warm, s", warm_s, 0.15),) if shape is few else (),
            notes={"slowest of ten, s": round(max(asked), 3)},
        )  # fmt: skip
    yield _moved(doors, few)


def _moved(doors: "list[_Door]", shape: shapely.Geometry) -> Figure:
    """The time until all processes count without a hundred residents who leave the area."""
    before = doors[0].timed(shape)[1]["residents"]
    with transaction() as s:
        left = residents_inside(s, Membership(shape), datetime.now(UTC))[:MOVED]
        for resident in left.tolist():
            move(s, resident, 100.0, 10.0)
    began = time.monotonic()
    for door in doors:
        until(lambda door=door: door.timed(shape)[1]["residents"] == before - len(left), 30, "they are gone")
    took_s = time.monotonic() - began
    return Figure(f"{MOVED} places moved", len(left), took_s, goals=(Goal("in both processes after s", took_s, 2.0),))


def _launch(
    city: Installation, shapes: dict[int, shapely.Geometry], lon: NDArray[np.float64], lat: NDArray[np.float64]
) -> Iterator[Figure]:
    """From the launch to the last delivery row and batch, by one resolver."""
    took: dict[int, float] = {}
    rows: dict[int, int] = {}
    for vertices, shape in (*shapes.items(), *shapes.items()):  # the first round warms PostgreSQL
        alert = city.approved(shape, "sms")
        city.begin(alert)
        began = time.perf_counter()
        for _ in fanout.resolve(alert, datetime.now(UTC)):
            pass
        took[vertices] = time.perf_counter() - began
        with transaction() as s:
            rows[vertices] = s.execute(
                text("SELECT count(*) FROM deliveries WHERE alert_id = :a"), {"a": alert}
            ).scalar_one()
    few, many = shapes
    for vertices in shapes:
        bare_s, expected = _tree(shapes[vertices], lon, lat)
        missed = abs(rows[vertices] - expected)
        goals = [Goal("resolved, s", took[vertices], 3.0), Goal("difference from the tree's count", missed, 0)]
        if vertices == many:
            goals.append(Goal("time against few corners", took[many] / took[few], 1.3))
        things = rows[vertices]
        yield Figure(
            f"launch, {vertices:,} corners", things, took[vertices], {}, "STRtree built and asked", things, bare_s,
            goals=goals,
        )  # fmt: skip


class _Door:
    """An API process."""

    def __init__(self, city: Installation, name: str, key: str) -> None:
        port = ports.free()
        city.start(name, "api", "--port", str(port), kind="api")
        self.name, self._url, self._key = name, f"http://{ports.HOST}:{port}", key
        until(lambda: not ports.is_free(port), 60, "the API answers")

    def timed(self, shape: shapely.Geometry) -> tuple[float, dict[str, Any]]:
        """Ask for a count. Return the seconds that it took, and the answer."""
        asked = {"include": [{"area": to_geojson(shape)}], "topic": "storm", "channels": ["sms", "email"]}
        headers = {"Authorization": f"Bearer {self._key}", "Content-Type": "application/json"}
        request = urllib.request.Request(f"{self._url}/api/v1/audience", json.dumps(asked).encode(), headers)
        began = time.perf_counter()
        with urllib.request.urlopen(request, timeout=60) as answer:
            said: dict[str, Any] = json.load(answer)
        return time.perf_counter() - began, said


def _places() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    with transaction() as s:
        rows = s.execute(text("SELECT subscriber_id, point_sealed FROM places")).all()
    lon, lat, readable = points.open_all(np.array([row[0] for row in rows]), points.blocks([row[1] for row in rows]))
    assert readable.all()
    return lon, lat


def _tree(shape: shapely.Geometry, lon: NDArray[np.float64], lat: NDArray[np.float64]) -> tuple[float, int]:
    """The baseline: return the seconds to build a tree of the points and query it, and how many are inside."""
    points = shapely.points(lon, lat)
    began = time.perf_counter()
    found = shapely.STRtree(points).query(shape, predicate="intersects")
    return time.perf_counter() - began, found.size


def _rough(square: shapely.Geometry, vertices: int) -> shapely.Geometry:
    """Return the square with this many corners, which stick out a little so that everybody inside stays inside."""
    xy = shapely.get_coordinates(shapely.segmentize(square, square.length / vertices))
    middle = np.array([square.centroid.x, square.centroid.y])
    out = (xy - middle) * (1 + ROUGH * np.random.default_rng(1).random((len(xy), 1))) + middle
    out[-1] = out[0]
    return shapely.make_valid(shapely.Polygon(out))
