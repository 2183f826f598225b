"""The map's tiles: what is drawn in them, when they change, and how layers come in."""

import gzip
from pathlib import Path
from typing import Any

import geopandas as gpd
import mapbox_vector_tile
import numpy as np
import pytest
from shapely.geometry import GeometryCollection, LineString, Point, Polygon, box
from shapely.geometry.base import BaseGeometry
from sqlalchemy import text
from sqlalchemy.orm import Session

from notify import training
from notify.city import basemap
from notify.city.basemap import Drawn, drawing, streets
from notify.core.db import transaction
from notify.core.errors import Invalid
from notify.training.city import TrainingCity
from tests import factories, maps
from tests.zones.real import real_file
from zones.drawable import drawable
from zones.errors import ZoneError
from zones.files.opening import Table
from zones.tiles import MAX_ZOOM, MIN_ZOOM, Tile, encode, tile_at

HOME = (-70.55, 37.95)


def table(shapes: list[BaseGeometry | None], **fields: list[Any]) -> Table:
    frame = gpd.GeoDataFrame(fields, geometry=shapes, crs="EPSG:4326")
    return Table(frame, tuple(fields), "EPSG:4326", {}, ())


def replaced(s: Session, layer: str, given: Table, name_field: str | None = None) -> basemap.LayerImport:
    """An import, without the quarantine that a file would go through."""
    shapes = drawable(given, layer, lines_too=basemap.has_lines(layer), name_field=name_field)
    return basemap.replace_layer(s, layer, shapes, factories.NOW, confirmed=True)


def read(tile: Tile) -> dict[str, list[dict[str, Any]]]:
    """The features of each layer of a tile, drawn now."""
    with transaction() as s:
        _, body = basemap.tile_now(s, tile, Drawn())
    decoded = mapbox_vector_tile.decode(gzip.decompress(body)) if body else {}
    return {name: layer["features"] for name, layer in decoded.items()}


def tag() -> str:
    with transaction() as s:
        return basemap.current(s).tag


def around(degrees: float) -> Polygon:
    return box(HOME[0] - degrees, HOME[1] - degrees, HOME[0] + degrees, HOME[1] + degrees)


def test_the_training_city_is_drawn(database: str) -> None:
    with transaction() as s:
        maps.training_city(s)
    drawn = read(tile_at(12, *HOME))
    assert set(drawn) >= {"water", "streets", "zones", "names"}
    assert {x["properties"]["kind"] for x in drawn["zones"]} == {"neighbourhood", "collection", "evacuation", "snow"}
    assert all(x["id"] == x["properties"]["id"] for x in drawn["zones"])
    assert {x["properties"]["rank"] for x in drawn["streets"]} == {2, 3}
    everywhere = [tile for x in range(2) for y in range(2) for tile in [Tile(12, 1244 + x, 1579 + y)]]
    named = [x["properties"]["name"] for tile in everywhere for x in read(tile).get("names", [])]
    assert named.count("Riverside") == 1, "a name stands in one tile only"


def test_who_sets_up_the_training_city_gets_its_river_and_limits(database: str) -> None:
    assert training.settle(20, factories.NOW)
    with transaction() as s:
        held = basemap.counts(s)
        city = TrainingCity()
        assert basemap.city_bounds(s, basemap.current(s)) == pytest.approx(city.bounds)
    assert (held["water"], held["boundary"]) == (1, 1)


def test_every_change_makes_a_new_edition(database: str) -> None:
    seen = [tag()]

    def changed() -> bool:
        seen.append(tag())
        return seen[-1] not in seen[:-1]

    with transaction() as s:
        maps.streets(s, [("A Street", 3, LineString([HOME, (HOME[0] + 0.01, HOME[1])]))])
    assert changed()
    with transaction() as s:
        basemap.keep_layer(s, "park", [("", around(0.01))])
    assert changed()
    with transaction() as s:
        basemap.keep_layer(s, "park", [("", around(0.01))])
    assert changed(), "the same park again has other ids"
    with transaction() as s:
        factories.zone(s, "Riverside", around(0.01))
    assert changed()
    with transaction() as s:
        factories.zone(s, "Riverside", around(0.02))
    assert changed()
    with transaction() as s:
        s.execute(text("UPDATE zones SET name = 'Seaside'"))
    assert changed()
    with transaction() as s:
        s.execute(text("UPDATE zones SET retired_at = now()"))
    assert changed()
    assert tag() == seen[-1]


def test_a_retired_zone_is_not_drawn_and_the_newest_version_is(database: str) -> None:
    tile = tile_at(13, *HOME)
    with transaction() as s:
        factories.zone(s, "Old", around(0.001))
        factories.zone(s, "Riverside", around(0.001))
    (before, *_) = (x for x in read(tile)["zones"] if x["properties"]["name"] == "Riverside")
    with transaction() as s:
        s.execute(text("UPDATE zones SET retired_at = now() WHERE name = 'Old'"))
        factories.zone(s, "Riverside", around(0.005))
    (after,) = read(tile)["zones"]
    size = [Polygon(one["geometry"]["coordinates"][0]).area for one in (before, after)]
    assert size[1] > 20 * size[0]


def test_segments_of_a_street_become_one_line() -> None:
    steps = [(HOME[0] + n / 1000, HOME[1]) for n in range(5)]
    pieces = np.array([LineString(steps[n : n + 2]) for n in range(4)] + [LineString([HOME, (0, 40)])], dtype=object)
    joined = streets.join(["N 19TH ST"] * 4 + ["OTHER RD"], [3, 3, 3, 3, 1], pieces)
    assert sorted(zip(joined.names, joined.ranks, strict=True)) == [("N 19th St", 3), ("Other Rd", 1)]
    assert len(joined.lines[0].coords) == 5
    assert joined.lengths_m[0] == pytest.approx(351, rel=0.005)  # 0.004 degrees at 38 north


def test_without_ranks_long_streets_are_main_streets() -> None:
    long, short = LineString([HOME, (HOME[0] + 0.1, HOME[1])]), LineString([HOME, (HOME[0], HOME[1] + 0.01)])
    both = np.array([long, short], dtype=object)
    assert streets.join(["Long", "Short"], [3, 3], both).ranks.tolist() == [2, 3]
    assert streets.join(["Long", "Short"], [3, 4], both).ranks.tolist() == [3, 4], "where a city has ranks, they hold"


def test_an_empty_city_has_empty_tiles_and_is_nowhere(database: str) -> None:
    with transaction() as s:
        assert basemap.city_bounds(s, basemap.current(s)) is None
        assert basemap.tile_now(s, tile_at(14, *HOME), Drawn())[1] == b""


def test_small_things_are_not_drawn_from_afar_and_buildings_only_from_near(database: str) -> None:
    with transaction() as s:
        basemap.keep_layer(s, "park", [("Pocket Park", around(0.0005))])
        basemap.keep_layer(s, "building", [("", around(0.0004))])
    assert "park" not in read(tile_at(9, *HOME))
    assert "park" in read(tile_at(14, *HOME))
    assert "building" not in read(tile_at(14, *HOME))
    assert "building" in read(tile_at(15, *HOME))


def test_a_tile_inside_of_a_lake_is_water_and_a_boundary_is_only_its_line(database: str) -> None:
    with transaction() as s:
        basemap.keep_layer(s, "water", [("Lake", around(0.5))])
        basemap.keep_layer(s, "boundary", [("City", around(0.5))])
    drawn = read(tile_at(14, *HOME))
    assert drawn["water"][0]["geometry"]["type"] == "Polygon"
    assert "boundary" not in drawn
    edge = read(tile_at(14, HOME[0] + 0.5, HOME[1]))
    assert edge["boundary"][0]["geometry"]["type"] == "LineString"


def test_tiles_make_room_for_newer_ones() -> None:
    held = Drawn(most_bytes=3_000)
    tiles = [Tile(10, 1, y) for y in range(4)]
    for tile in tiles[:3]:
        held.keep("a", tile, b"x" * 600)
    assert held.get("a", tiles[0])
    held.keep("a", tiles[3], b"x" * 600)
    assert [bool(held.get("a", tile)) for tile in tiles] == [True, False, True, True], "the one least asked for"
    assert held.get("b", tiles[0]) is None


def test_a_layer_is_replaced_as_a_whole(database: str) -> None:
    with transaction() as s:
        replaced(s, "water", table([around(0.1), around(0.2)], called=["Old", None]), "called")
        replaced(s, "park", table([around(0.1)]))
        done = replaced(s, "water", table([around(0.3)], called=["New"]), "called")
        assert (done.layer, done.kept, done.left_out) == ("water", 1, ())
        rows = s.execute(text("SELECT layer, name FROM map_features ORDER BY layer")).all()
    assert [tuple(row) for row in rows] == [("park", ""), ("water", "New")]


def test_what_cannot_be_drawn_is_told(database: str) -> None:
    bowtie = Polygon([HOME, (HOME[0] + 1, HOME[1] + 1), (HOME[0] + 1, HOME[1]), (HOME[0], HOME[1] + 1)])
    mixed = GeometryCollection([around(0.1), LineString([HOME, (HOME[0], 38)]), Point(HOME)])
    given = [around(0.1), None, Point(HOME), box(500, 0, 501, 1), bowtie, mixed, Polygon()]
    with transaction() as s:
        done = replaced(s, "water", table(given))
        kinds = s.execute(text("SELECT count(*) FROM map_features")).scalar_one()
    assert done.left_out == (
        "Feature 2: it has no geometry.",
        "Feature 3: a Point cannot be drawn as water.",
        "Feature 4: it does not lie on the earth.",
        "Feature 7: it has no geometry.",
    )
    assert (done.kept, kinds) == (4, 4), "the square, the mended bowtie, and the mixed one's polygon and line"
    assert read(tile_at(12, *HOME))["water"]


@pytest.mark.parametrize(
    ("layer", "field", "shapes", "said"),
    [
        ("streets", None, [around(0.1)], "no map layer 'streets'"),
        ("water", "nome", [around(0.1)], "no field 'nome'"),
        ("building", None, [LineString([HOME, (0, 0)])], "Nothing in it can be drawn"),
    ],
)
def test_an_import_that_fails_changes_nothing(
    database: str, layer: str, field: str | None, shapes: list[BaseGeometry | None], said: str
) -> None:
    with transaction() as s:
        basemap.keep_layer(s, "building", [("Town Hall", around(0.01))])
    before = tag()
    with pytest.raises((Invalid, ZoneError), match=said), transaction() as s:
        replaced(s, layer, table(shapes, name=["x"]), field)
    assert tag() == before


def test_philadelphia_fits_into_small_tiles(database: str) -> None:
    file: Path = real_file(maps.PHILADELPHIA)
    with transaction() as s:
        assert maps.philadelphia(s, file) == 40_449
        bounds = basemap.city_bounds(s, basemap.current(s))
        assert bounds is not None
        for z in range(MIN_ZOOM, MAX_ZOOM + 1):
            middle = tile_at(z, -75.155, 39.965)
            drawn = drawing.layers(s, basemap.current(s), middle)["streets"]
            assert drawn
            assert len(gzip.compress(encode({"streets": drawn}))) < 150_000
            named = {one.properties.get("name") for one in drawn}
            assert z not in (13, 14) or "N Broad St" in named
