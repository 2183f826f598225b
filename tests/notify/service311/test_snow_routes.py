"""The routes of a city: Philadelphia's own file, and small ones."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from shapely.geometry import LineString, Point

from notify.core.db import transaction
from notify.core.errors import Invalid, NotAllowed
from notify.service311.snow import routes
from notify.service311.snow.routes import OnRoute
from tests import factories
from zones.addresses.rows import BadRow, StreetRow
from zones.files import quarantine
from zones.files.rowfile import STREETS

NOW = datetime(2027, 1, 12, 15, tzinfo=UTC)
PHILADELPHIA = Path(__file__).parents[3].parent / "shared/data/zones/phl_snow_emergency_routes.geojson"


def block(street: str, *points: tuple[float, float], route_class: str = "") -> StreetRow:
    return StreetRow(None, street, None, None, "", "", 2, LineString(points), route_class)


@pytest.mark.skipif(not PHILADELPHIA.exists(), reason="the shared data are absent")
def test_philadelphias_file(database: str) -> None:
    options = {"given": {"class": "class"}, "layer": None, "crs": None, "encoding": None}
    with quarantine.read_rows(STREETS, PHILADELPHIA, options) as rows, transaction() as s:
        kept = routes.keep(s, rows, "city", NOW)
    assert (kept.kept, kept.bad_count, kept.classes["2"]) == (2220, 0, 1516)
    girard = -75.16645, 39.97236  # 1810 W Girard Ave
    with transaction() as s:
        assert routes.at(s, *girard, "W GIRARD AVE") == OnRoute("W GIRARD AVE", "2")
        assert routes.at(s, *girard, "Girard Avenue") == OnRoute("W GIRARD AVE", "2")
        assert routes.at(s, *girard, "N 18th St") is None, "a house at the corner is on its own street"
        assert routes.at(s, -75.30, 39.90, "W GIRARD AVE") is None
        areas = routes.corridors(s)
    assert set(areas) == {"1", "2", "3", "4", "5", "9", "14"}
    assert areas["2"].intersects(Point(girard))


def test_an_import_replaces_that_of_its_source(database: str) -> None:
    with transaction() as s:
        routes.keep(s, [block("MAIN ST", (0, 0), (0.01, 0)), BadRow(2, "name: there is none.")], "city", NOW)
        kept = routes.keep(s, [block("OAK ST", (0, 0), (0.01, 0), route_class="night")], "city", NOW, None, "day")
        assert (kept.kept, kept.replaced, kept.classes) == (1, 1, {"night": 1})
        routes.keep(s, [block("ELM ST", (1, 0), (1.01, 0))], "county", NOW, None, "day")
        assert list(routes.classes(s)) == ["day", "night"]
        with pytest.raises(Invalid, match="none can be used"):
            routes.keep(s, [BadRow(1, "It has no line.")], "city", NOW)
        with pytest.raises(NotAllowed):
            routes.keep(s, [], "city", NOW, factories.operator(s, "author"))


@pytest.mark.parametrize(
    ("street", "point", "found"),
    [
        ("Main St", (0.005, 0.0022), "MAIN ST"),  # 245 m away: a deep lot, or a rough point
        ("Main St", (0.005, 0.0023), ""),
        ("Main Ct", (0.005, 0.0001), ""),
        ("Oak St", (0.005, 0.0001), ""),
        ("", (0.005, 0.0001), "MAIN ST"),  # a landmark
        ("", (0.005, 0.0003), ""),
    ],
)
def test_a_street_is_a_route_where_its_line_runs(
    database: str, street: str, point: tuple[float, float], found: str
) -> None:
    with transaction() as s:
        routes.keep(s, [block("MAIN ST", (0, 0), (0.01, 0))], "city", NOW)
        known = routes.at(s, *point, street)
    assert (known.street if known else "") == found
