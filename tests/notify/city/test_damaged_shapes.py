"""A stored shape that cannot be read hides no other (law 15)."""

from typing import Any

import pytest
import shapely
from sqlalchemy import text

from notify.city import basemap, zone_import
from notify.city import zones as city_zones
from notify.city.basemap import areas, streets
from notify.core.db import transaction
from tests.notify.city.geocoder.town import avenue, found, settle, street
from tests.notify.city.test_zone_import import file, take
from tests.owner import as_owner
from zones.tiles import Tile

pytestmark = pytest.mark.usefixtures("database")

NOISE = b"\x01\x03\x00\x00\x00noise"


def damage(table: str, where: str) -> None:
    as_owner(f"ALTER TABLE {table} DISABLE TRIGGER USER")
    as_owner(f"UPDATE {table} SET geometry = :noise WHERE {where}", noise=NOISE)
    as_owner(f"ALTER TABLE {table} ENABLE TRIGGER USER")


def rings() -> list[Any]:
    with transaction() as s:
        return [tuple(row) for row in s.execute(text("SELECT kind, message FROM alarms WHERE resolved_at IS NULL"))]


def test_a_damaged_zone_hides_no_other_and_rings_at_the_next_import() -> None:
    take(file("A", "B", "C"))
    damage("zone_versions", "zone_id = (SELECT id FROM zones WHERE name = 'B')")
    with transaction() as s:
        assert city_zones.bounds(s) is not None
        assert [about["name"] for about in areas.read_zones(s).about] == ["A", "C"]
    report = take(file("A", "C", "D"), others="keep")
    assert (report.imported.added, report.imported.unchanged) == (("D",), ("A", "C"))
    assert rings() == [
        ("unreadable-row", "The areas of zones cannot be read: B. No alert can be sent there; import them again.")
    ]
    mended = take(file("A", "B", "C"), accepted=zone_import.Accepted(warnings=True))
    assert "B" in mended.imported.changed


def test_a_damaged_street_hides_no_other() -> None:
    settle([avenue("N 5TH ST", 0), avenue("N 6TH ST", 1), street("ELM ST", 0)])
    damage("streets", "name = 'N 5TH ST'")
    assert found("150 N 6th St").certain
    assert not found("150 N 5th St").certain
    assert found("N 6th & Elm").matches
    with transaction() as s:
        assert set(streets.read(s).names.tolist()) == {"N 6th St", "Elm St"}


def test_a_damaged_pond_hides_no_other() -> None:
    with transaction() as s:
        pond = shapely.box(-75, 40, -74.9, 40.1)
        basemap.keep_layer(s, "water", [("One", pond), ("Two", pond)])
    damage("map_features", "name = 'One'")
    with transaction() as s:
        assert areas.features(s, Tile(10, 298, 387), areas.widest(s))["water"]
