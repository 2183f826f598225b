"""Corridors, sides of streets, union and exclusion: in metres, held against geodesic distances."""

import json

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import Geod
from shapely.geometry import LineString, Point, box

from zones.areas import Side, beside, combined, corridor, doubt, read_line
from zones.errors import ZoneError
from zones.geometry import area_m2, circle

GEOD = Geod(ellps="WGS84")
SIDES: tuple[Side, ...] = ("left", "right", "both")
NORTHWARD = LineString([(-75.16, 39.95), (-75.16, 39.96)])  # 1,110 m


def metres_away(line: LineString, lon: float, lat: float) -> float:
    """Geodesic distance to the nearest of many points on the line."""
    on = shapely.get_coordinates(shapely.segmentize(line, 1e-5))
    return float(GEOD.inv(np.full(len(on), lon), np.full(len(on), lat), on[:, 0], on[:, 1])[2].min())


@settings(max_examples=60, deadline=None)
@given(st.floats(-75.18, -75.14), st.floats(39.94, 39.97), st.floats(20, 1_500))
def test_a_corridor_holds_what_is_nearer_than_its_reach(lon: float, lat: float, reach_m: float) -> None:
    line = LineString([(-75.17, 39.95), (-75.16, 39.955), (-75.15, 39.95)])
    away_m = metres_away(line, lon, lat)
    if abs(away_m - reach_m) > 2 + reach_m * 0.006:
        assert corridor(line, reach_m).covers(Point(lon, lat)) == (away_m < reach_m)


def test_a_side_is_left_or_right_as_the_line_runs() -> None:
    west, east = Point(-75.1602, 39.955), Point(-75.1598, 39.955)  # 17 m
    assert [beside([(NORTHWARD, side)], 30).covers(west) for side in SIDES] == [True, False, True]
    assert [beside([(NORTHWARD, side)], 30).covers(east) for side in SIDES] == [False, True, True]
    southward = NORTHWARD.reverse()
    assert beside([(southward, "left")], 30).covers(east)
    assert not beside([(NORTHWARD, "both")], 30).covers(Point(-75.16, 39.9604)), "it ends where the street ends"
    assert area_m2(beside([(NORTHWARD, "left")], 30)) == pytest.approx(1_110.3 * 30, rel=0.002)


METRE = 1 / 111_195  # in degrees, at the equator


def on_earth(xy: list[tuple[float, float]]) -> LineString:
    """A line in metres, put where the equator meets Greenwich."""
    return LineString([(x * METRE, y * METRE) for x, y in xy])


@pytest.mark.parametrize("degrees", [5, 20, 45, 90, 150])
@pytest.mark.parametrize("reversed_", [False, True], ids=["onward", "towards"])
def test_a_bend_between_two_blocks_has_no_gap(degrees: int, reversed_: bool) -> None:
    turn = np.radians(degrees)
    first, second = on_earth([(0, -100), (0, 0)]), on_earth([(0, 0), (100 * np.sin(turn), 100 * np.cos(turn))])
    outward = np.array([-np.cos(turn / 2), np.sin(turn / 2)])
    outside = [Point(*(outward * metres * METRE)) for metres in (1, 10, 20, 29)]
    onward: tuple[LineString, Side] = (second.reverse(), "right") if reversed_ else (second, "left")
    west: list[tuple[LineString, Side]] = [(first, "left"), onward]
    both: list[tuple[LineString, Side]] = [(first, "both"), (second, "both")]
    for lines in (both, west):
        strip = beside(lines, 30)
        assert [strip.covers(point) for point in outside] == [True] * 4
        assert not strip.covers(Point(*(outward * 31 * METRE)))
    assert not beside(west, 30).covers(Point(5 * METRE, -50 * METRE)), "that is the other side"


@pytest.mark.parametrize("radius_m", [20, 28, 100])
@pytest.mark.parametrize("side", ["left", "right"])
def test_no_house_on_a_loop_is_left_out(radius_m: float, side: Side) -> None:
    loop = [(radius_m * np.cos(angle), radius_m * np.sin(angle)) for angle in np.linspace(0, 6.0, 60)]
    strip = beside([(on_earth(loop), side)], 30)
    shapely.prepare(strip)
    inward = -1 if side == "left" else 1  # the line runs counter-clockwise
    for angle in np.linspace(0.1, 5.9, 200):
        for metres in (2, 5, 10, 15):
            away = radius_m + inward * metres
            assert strip.covers(Point(away * np.cos(angle) * METRE, away * np.sin(angle) * METRE))


@given(st.lists(st.sampled_from(["a", "b", "c", "d"]), min_size=1, max_size=4), st.lists(st.sampled_from("abcd")))
def test_union_and_exclusion_are_those_of_sets(include: list[str], exclude: list[str]) -> None:
    """Of cells that do not touch: a point in a cell is inside when the cell is included and not excluded."""
    cells = {name: box(n, 0, n + 0.5, 0.5) for n, name in enumerate("abcd")}
    expected = set(include) - set(exclude)
    if not expected:
        with pytest.raises(ZoneError, match="all of it is excluded"):
            combined([cells[x] for x in include], [cells[x] for x in exclude])
        return
    area = combined([cells[x] for x in include], [cells[x] for x in exclude])
    assert {name for name, cell in cells.items() if area.covers(cell.centroid)} == expected


def test_the_edge_of_what_is_excluded_is_inside() -> None:
    area = combined([box(0, 0, 2, 1)], [box(1, 0, 2, 1)])
    assert area.covers(Point(1, 0.5))
    assert not area.covers(Point(1.000001, 0.5))


NAD27 = {"type": "name", "properties": {"name": "EPSG:4267"}}


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ({"type": "Point", "coordinates": [1, 2]}, "a Point, not a line"),
        ({"type": "FeatureCollection", "features": []}, "no line"),
        ({"type": "Feature", "properties": {}, "geometry": None}, "nothing, not a line"),
        ("nonsense", "not JSON"),
        ({"type": "LineString", "coordinates": []}, "no line"),
        ({"type": "LineString", "coordinates": [[0, 0], [1, 1]], "crs": NAD27}, "in EPSG:4267"),
    ],
)
def test_what_is_no_line_is_refused(document: object, said: str) -> None:
    with pytest.raises(ZoneError, match=said):
        read_line(document)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("coordinates", "reach_m", "said"),
    [
        ([[0, 0], [0, 0]], 100, "without length"),
        ([[0, 0], [1, 1]], 0, "makes no area"),
        ([[0, 0], [1, 1]], float("nan"), "makes no area"),
        ([[0, 0], [0, 95]], 100, "outside the world"),
        ([[0, 1e308], [0, -1e308]], 100, "not all numbers"),
    ],
)
def test_a_corridor_that_cannot_be_is_refused(coordinates: list[list[float]], reach_m: float, said: str) -> None:
    line = read_line(json.dumps({"type": "LineString", "coordinates": coordinates}))
    with pytest.raises(ZoneError, match=said):
        corridor(line, reach_m)


CITY = (-75.28, 39.86, -74.95, 40.14)


def test_a_drawn_area_is_doubted_where_it_can_hardly_be_meant() -> None:
    inside = circle(-75.16, 39.95, 500)
    swapped = shapely.transform(inside, lambda xy: xy[:, ::-1])
    kinds = [
        found and found.kind
        for found in (doubt(area, CITY) for area in (inside, swapped, box(2, 48, 3, 49), box(-80, 35, -70, 45)))
    ]
    assert kinds == [None, "swapped", "outside-city", "whole-city"]
    assert doubt(box(2, 48, 3, 49), None) is None


def test_an_outline_of_the_city_is_the_whole_city_too() -> None:
    """Nobody draws to the corners of its bounds."""
    outline = circle(-75.115, 40.0, 16_500)
    found = doubt(outline, CITY)
    assert found
    assert found.kind == "whole-city"
    assert doubt(circle(-75.115, 40.0, 9_000), CITY) is None
