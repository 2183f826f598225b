"""Shapes cut to tiles, and the tiles as a browser would read them."""

from typing import Any

import mapbox_vector_tile
import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from shapely.geometry import LineString, MultiPolygon, Point, Polygon, box
from shapely.geometry.base import BaseGeometry

from zones.tiles import BUFFER, EXTENT, MAX_LATITUDE, MAX_ZOOM, MIN_ZOOM, Feature, Tile, encode, tile_at

CITY_HALL = (-75.16353, 39.95258)


def shapes(*given: BaseGeometry) -> Any:
    return np.array(given, dtype=object)


def read(body: bytes) -> dict[str, Any]:
    decoded: dict[str, Any] = mapbox_vector_tile.decode(body, default_options={"y_coord_down": True})
    return decoded


def test_a_tile_is_where_the_web_map_has_it() -> None:
    """Two places from the tests of mercantile, the field's own library."""
    assert tile_at(9, 20.6852, 40.1222) == Tile(9, 285, 193)
    assert tile_at(10, -9.140624, 53.330872) == Tile(10, 486, 332)
    assert tile_at(10, -9.140626, 53.330874) == Tile(10, 485, 331)
    west, _, east, north = Tile(10, 486, 332).bounds
    margin = (east - west) * BUFFER / (EXTENT + 2 * BUFFER)
    assert west + margin == pytest.approx(-9.140625)
    assert north == pytest.approx(53.33087298 + margin * 0.597, abs=1e-4)  # the cosine of the latitude


@given(
    st.integers(MIN_ZOOM, MAX_ZOOM),
    st.floats(-180, 180),
    st.floats(-MAX_LATITUDE + 0.001, MAX_LATITUDE - 0.001),
)
def test_every_place_lies_in_its_tile(z: int, lon: float, lat: float) -> None:
    tile = tile_at(z, lon, lat)
    assert tile.exists
    (point,) = tile.fit(shapes(Point(lon, lat)))
    assert -BUFFER <= point.x <= EXTENT + BUFFER
    assert -BUFFER <= point.y <= EXTENT + BUFFER


@pytest.mark.parametrize(
    "tile",
    [
        Tile(MIN_ZOOM - 1, 1, 1),
        Tile(MAX_ZOOM + 1, 1, 1),
        Tile(10, -1, 5),
        Tile(10, 5, 1024),
        Tile(10, 1024, 5),
        Tile(10**9, 0, 0),
    ],
)
def test_a_tile_outside_of_the_world_does_not_exist(tile: Tile) -> None:
    assert not tile.exists


def test_what_lies_elsewhere_is_not_in_it_and_what_crosses_is_cut() -> None:
    tile = tile_at(14, *CITY_HALL)
    far, across = Point(0, 0).buffer(1), LineString([(-76, CITY_HALL[1]), (-74, CITY_HALL[1])])
    nothing, cut = tile.fit(shapes(far, across))
    assert nothing.is_empty
    assert cut.bounds[0] == -BUFFER
    assert cut.bounds[2] == EXTENT + BUFFER


def test_detail_that_is_not_seen_is_left_out() -> None:
    tile = tile_at(10, *CITY_HALL)
    round_ = Point(CITY_HALL).buffer(0.02, quad_segs=200)
    (simple,) = tile.fit(shapes(round_))
    assert len(simple.exterior.coords) < 60
    assert simple.area == pytest.approx(round_.area / (360 / 2**10 / EXTENT) ** 2 / np.cos(np.radians(40)), rel=0.02)


def test_a_map_reads_back_what_was_written() -> None:
    tile = tile_at(13, *CITY_HALL)
    x, y = CITY_HALL
    hole = box(x - 0.002, y - 0.002, x + 0.002, y + 0.002)
    park = box(x - 0.005, y - 0.005, x + 0.005, y + 0.005).difference(hole)
    polygon, line = tile.fit(shapes(park, LineString([(x, y), (x + 0.01, y + 0.01)])))
    layers = read(encode({"park": [Feature(polygon, {"name": "Parque"}, 7)], "streets": [Feature(line, {"rank": 2})]}))
    (one,) = layers["park"]["features"]
    assert (one["id"], one["properties"], layers["park"]["extent"]) == (7, {"name": "Parque"}, EXTENT)
    outer, inner = one["geometry"]["coordinates"]
    assert Polygon(outer).area == pytest.approx(polygon.area + Polygon(inner).area)
    assert layers["streets"]["features"][0]["properties"] == {"rank": 2}


def test_outer_rings_turn_as_the_specification_wants() -> None:
    """MVT 2.1, 4.3.4.4: positive area by the surveyor's formula in tile coordinates; holes negative."""
    tile = tile_at(13, *CITY_HALL)
    x, y = CITY_HALL
    clockwise = Polygon([(x, y), (x, y + 0.01), (x + 0.01, y + 0.01), (x + 0.01, y)])
    for given_ in (clockwise, clockwise.reverse(), MultiPolygon([clockwise])):
        (drawn,) = tile.fit(shapes(given_))
        for part in shapely.get_parts(drawn):
            assert part.exterior.is_ccw  # counter-clockwise where y goes up, so clockwise on the screen


def test_an_empty_tile_is_nothing() -> None:
    assert encode({"streets": [], "water": []}) == b""


def test_a_label_stands_in_one_tile_only() -> None:
    lon, lat = np.array([CITY_HALL[0]]), np.array([CITY_HALL[1]])
    home = tile_at(14, *CITY_HALL)
    around = [Tile(14, home.x + i, home.y + j) for i in (-1, 0, 1) for j in (-1, 0, 1)]
    assert [tile for tile in around if tile.holds(lon, lat)[0]] == [home]
