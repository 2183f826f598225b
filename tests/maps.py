"""Cities to draw: streets as an import leaves them, from the training city, or from Philadelphia's own file.

with transaction() as s:
    training_city(s)
"""

from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path

import psycopg
import pyogrio
import shapely
from shapely.geometry.base import BaseGeometry
from sqlalchemy.orm import Session

from notify import training
from notify.city import zones as city_zones
from notify.training.city import SNOW_ROUTE_EVERY, TrainingCity
from tests.factories import NOW

PHILADELPHIA = "basemap/philadelphia_streets_with_ranges.gpkg"


def streets(s: Session, drawn: Iterable[tuple[str, int, BaseGeometry]]) -> int:
    """Streets by name, rank and line; how many rows that were."""
    connection = s.connection().connection.driver_connection
    assert isinstance(connection, psycopg.Connection)
    into = "COPY streets (name, rank, geometry, west, south, east, north) FROM STDIN"
    with connection.cursor() as cursor, cursor.copy(into) as copy:
        rows = [(name, rank, shapely.to_wkb(line), *line.bounds) for name, rank, line in _parts(drawn)]
        for row in rows:
            copy.write_row(row)
    return len(rows)


def _parts(drawn: Iterable[tuple[str, int, BaseGeometry]]) -> Iterator[tuple[str, int, BaseGeometry]]:
    for name, rank, shape in drawn:
        yield from ((name, rank, line) for line in shapely.get_parts(shape))


def training_city(s: Session, now: datetime = NOW) -> TrainingCity:
    """Its streets, river, limits and zones, without anybody who lives there."""
    city = TrainingCity()
    for kind in dict.fromkeys(zone.kind for zone in city.zones()):
        city_zones.keep(s, kind, [zone for zone in city.zones() if zone.kind == kind], "training city", now)
    training.draw(s, city)
    streets(s, ((x.name, 3 if (n + 1) % SNOW_ROUTE_EVERY else 2, x.line) for n, x in enumerate(city.streets)))
    return city


def philadelphia(s: Session, file: Path) -> int:
    """Every segment of the real file."""
    frame = pyogrio.read_dataframe(file, columns=["stname"])
    return streets(s, ((name, 3, line) for name, line in zip(frame["stname"], frame.geometry, strict=True)))


def square(lon: float, lat: float, side: float) -> BaseGeometry:
    """Degrees, around a point."""
    return shapely.box(lon - side / 2, lat - side / 2, lon + side / 2, lat + side / 2)
