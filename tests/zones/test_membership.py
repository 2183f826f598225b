"""Who is inside: exactly what shapely says, whatever the size of the polygon and the number of points."""

import functools

import geopandas as gpd
import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray
from pyproj import Geod
from shapely.geometry import Polygon, box
from shapely.geometry.base import BaseGeometry

from tests.zones.real import real_file
from zones.importing import read_zones
from zones.membership import GRID_POINTS, GRID_VERTICES, Membership

DONUT = box(0, 0, 10, 10).difference(box(4, 4, 6, 6))


def points(*pairs: tuple[float, float]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    lon, lat = np.array(pairs, dtype=np.float64).T
    return lon, lat


def rough_coast(vertices: int) -> BaseGeometry:
    """A bay with islands and a lake, of many vertices."""
    turn = np.linspace(0, 2 * np.pi, vertices, endpoint=False)
    reach = (
        0.1 + 0.02 * np.sin(7 * turn) + 0.004 * np.sin(61 * turn) + 0.0005 * np.random.default_rng(4).random(vertices)
    )
    coast = Polygon(np.column_stack([-75 + reach * np.cos(turn), 40 + reach * np.sin(turn)])).buffer(0)
    lake = shapely.transform(coast, lambda xy: (xy - (-75, 40)) * 0.3 + (-74.99, 40.01))
    island = shapely.transform(coast, lambda xy: (xy - (-75, 40)) * 0.1 + (-74.85, 40.0))
    return shapely.union_all([coast.difference(lake), island])


def test_the_boundary_is_inside_and_a_hole_is_not() -> None:
    lon, lat = points((5, 5), (4, 5), (4, 4), (0, 0), (10, 3), (2, 2), (10.000001, 3), (-1, -1))
    assert Membership(DONUT).inside(lon, lat).tolist() == [False, True, True, True, True, True, False, False]


def test_no_points_and_no_numbers() -> None:
    member = Membership(DONUT)
    assert member.inside(np.array([]), np.array([]), np.array([])).tolist() == []
    nothing = np.array([np.nan, np.inf])
    assert member.inside(nothing, nothing, np.array([10.0, 10.0])).tolist() == [False, False]
    assert member.bounds == (0, 0, 10, 10)


coordinate = st.integers(-1, 9).map(lambda n: n / 8)


@given(
    st.lists(st.tuples(coordinate, coordinate), min_size=3, max_size=8),
    st.lists(st.tuples(coordinate, coordinate), min_size=1, max_size=30),
)
def test_it_is_what_shapely_says(corners: list[tuple[float, float]], asked: list[tuple[float, float]]) -> None:
    """Coarse coordinates, so that many points fall on corners and edges."""
    area = shapely.make_valid(Polygon(corners)).buffer(0)
    if area.is_empty:
        return
    lon, lat = points(*asked)
    expected = shapely.covers(area, shapely.points(lon, lat))
    assert Membership(area).inside(lon, lat).tolist() == expected.tolist()


@pytest.fixture(scope="module")
def coast() -> BaseGeometry:
    area = rough_coast(4_000)
    assert area.is_valid
    assert shapely.get_num_coordinates(area) > GRID_VERTICES
    return area


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_the_grid_decides_like_shapely(coast: BaseGeometry, seed: int) -> None:
    """Random points, all corners, points on edges, and points on the lines of the grid itself."""
    rng = np.random.default_rng(seed)
    west, south, east, north = coast.bounds
    corners = shapely.get_coordinates(coast)
    on_edges = shapely.get_coordinates(shapely.line_interpolate_point(coast.boundary, rng.random(500), normalized=True))
    lines = np.column_stack(
        [rng.choice(np.linspace(west, east, 97), 2_000), rng.choice(np.linspace(south, north, 97), 2_000)]
    )
    anywhere = rng.uniform((west - 0.01, south - 0.01), (east + 0.01, north + 0.01), (GRID_POINTS + 5_000, 2))
    lon, lat = np.vstack([corners, on_edges, lines, anywhere]).T
    expected = shapely.intersects_xy(coast, lon, lat)
    inside = Membership(coast).inside(lon, lat)
    assert (inside == expected).all()
    assert inside[: len(corners)].all()
    assert 0.2 < inside.mean() < 0.9


@pytest.mark.parametrize("vertices", [20, 500, 20_000, pytest.param(400_000, marks=pytest.mark.long)])
@settings(max_examples=3, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_any_number_of_corners_decides_like_shapely(vertices: int, seed: int) -> None:
    """Corners, edges, holes and anywhere; shapely's own answer is asked of the bare shape, point by point."""
    coast = _coast_of(vertices)
    rng = np.random.default_rng(seed)
    west, south, east, north = coast.bounds
    corners = rng.choice(shapely.get_coordinates(coast), 500)
    on_edges = shapely.get_coordinates(shapely.line_interpolate_point(coast.boundary, rng.random(200), normalized=True))
    anywhere = rng.uniform((west - 0.01, south - 0.01), (east + 0.01, north + 0.01), (GRID_POINTS + 2_000, 2))
    lon, lat = np.vstack([corners, on_edges, anywhere]).T
    inside = Membership(coast).inside(lon, lat)
    assert (inside == shapely.covers(_prepared(vertices), shapely.points(lon, lat))).all()
    assert inside[:500].all()
    assert 0.2 < inside.mean() < 0.9


@functools.cache
def _coast_of(vertices: int) -> BaseGeometry:
    area = rough_coast(vertices // 3)
    assert shapely.get_num_coordinates(area) > vertices * 0.8
    return area


@functools.cache
def _prepared(vertices: int) -> BaseGeometry:
    copied = shapely.from_wkb(shapely.to_wkb(_coast_of(vertices)))
    shapely.prepare(copied)
    return copied


def test_real_evacuation_zones_with_holes_agree_with_projected_data() -> None:
    """Florida's state plane, in feet, of 30,955 corners and 26 holes: the same residents as geopandas finds there."""
    zones = read_zones(real_file("zones/fl_manatee_evac.kml")).zones
    rng = np.random.default_rng(5)
    west, south, east, north = shapely.total_bounds([zone.geometry for zone in zones])
    lon, lat = rng.uniform(west, east, 40_000), rng.uniform(south, north, 40_000)
    residents = gpd.GeoDataFrame(geometry=gpd.points_from_xy(lon, lat), crs="EPSG:4326").to_crs(2236)
    # Edges are straight in degrees: cut short, so that the projection bends them where they run.
    areas = gpd.GeoDataFrame(
        geometry=[shapely.segmentize(zone.geometry, 0.0005) for zone in zones], crs="EPSG:4326"
    ).to_crs(2236)
    joined = gpd.sjoin(residents, areas, predicate="intersects")
    for number, zone in enumerate(zones):
        expected = np.sort(joined.index[joined["index_right"] == number].to_numpy())
        assert np.flatnonzero(Membership(zone.geometry).inside(lon, lat)).tolist() == expected.tolist(), zone.name


def test_the_grid_spares_most_tests(coast: BaseGeometry) -> None:
    _, whole, undecided = Membership(coast)._cells
    assert undecided.mean() < 0.25
    assert whole.mean() > 0.25


@settings(max_examples=30, deadline=None)
@given(
    hnp.arrays(np.float64, 40, elements=st.floats(-75.2, -74.8)),
    hnp.arrays(np.float64, 40, elements=st.floats(39.8, 40.2)),
    hnp.arrays(np.float64, 40, elements=st.floats(0, 5_000)),
)
def test_a_disc_that_touches_is_inside(
    lon: NDArray[np.float64], lat: NDArray[np.float64], radius_m: NDArray[np.float64]
) -> None:
    """Against the geodesic distance to a box, whose nearest point is known without any projection."""
    area = box(-75.05, 39.95, -74.95, 40.05)
    near_lon, near_lat = np.clip(lon, -75.05, -74.95), np.clip(lat, 39.95, 40.05)
    _, _, metres = Geod(ellps="WGS84").inv(lon, lat, near_lon, near_lat)
    clear = np.abs(metres - radius_m) > 1 + 0.001 * metres  # a corner of degrees is not quite the nearest point
    expected = metres <= radius_m
    assert (Membership(area).inside(lon, lat, radius_m) == expected)[clear].all()


def test_radius_reaches_over_the_boundary_by_metres() -> None:
    area = box(-75.05, 39.95, -74.95, 40.05)
    lon, lat = points((-75, 40.051), (-75, 40.051), (-75, 40.051))  # 111 m north of its edge
    assert Membership(area).inside(lon, lat, np.array([0.0, 110.0, 112.0])).tolist() == [False, False, True]


def test_a_radius_that_is_no_number_hides_no_other_resident() -> None:
    area = box(-75.05, 39.95, -74.95, 40.05)
    lon, lat = points((-75, 40.051), (-75, 40), (-75, 40.051), (-75, 40.051))
    radius_m = np.array([np.nan, np.nan, 112.0, np.inf])
    assert Membership(area).inside(lon, lat, radius_m).tolist() == [False, True, True, True]


def test_many_discs_are_found_as_few_are(coast: BaseGeometry) -> None:
    """Beyond some number, a coarse look comes before the measuring: it must not lose any."""
    rng = np.random.default_rng(8)
    lon, lat = rng.uniform(-75.13, -74.83, GRID_POINTS * 6), rng.uniform(39.87, 40.13, GRID_POINTS * 6)
    radius_m = rng.choice([0.0, 30.0, 800.0], lon.size)
    member = Membership(coast)
    assert ((radius_m > 0) & ~member.inside(lon, lat)).sum() > GRID_POINTS
    at_once = member.inside(lon, lat, radius_m)
    in_slices = [member.inside(lon[i : i + 5_000], lat[i : i + 5_000], radius_m[i : i + 5_000])
                 for i in range(0, lon.size, 5_000)]  # fmt: skip
    assert (at_once == np.concatenate(in_slices)).all()
    assert at_once.sum() > member.inside(lon, lat).sum() + 1_000


def test_real_neighbourhoods_agree_with_a_spatial_join() -> None:
    zones = read_zones(real_file("zones/phl_neighborhoods.geojson")).zones
    rng = np.random.default_rng(2)
    lon, lat = rng.uniform(-75.29, -74.95, 60_000), rng.uniform(39.86, 40.14, 60_000)
    residents = gpd.GeoDataFrame(geometry=gpd.points_from_xy(lon, lat), crs="EPSG:4326")
    areas = gpd.GeoDataFrame(geometry=[zone.geometry for zone in zones], crs="EPSG:4326")
    joined = gpd.sjoin(residents, areas, predicate="intersects")
    for number, zone in enumerate(zones):
        expected = np.sort(joined.index[joined["index_right"] == number].to_numpy())
        assert np.flatnonzero(Membership(zone.geometry).inside(lon, lat)).tolist() == expected.tolist(), zone.name
    whole_city = shapely.union_all([zone.geometry for zone in zones])
    assert set(np.flatnonzero(Membership(whole_city).inside(lon, lat))) >= set(joined.index)


def test_the_disc_of_a_place_near_a_zone_that_is_cut_at_the_180th_meridian() -> None:
    zone = shapely.MultiPolygon([shapely.box(179.9, -17, 180, -16.9), shapely.box(-180, -17, -179.9, -16.9)])
    west, east = (
        Geod(ellps="WGS84").fwd(lon, -16.95, bearing, 50)[:2] for lon, bearing in ((179.9, 270), (-179.9, 90))
    )
    lon, lat = np.array([west[0], east[0]]), np.array([west[1], east[1]])
    assert Membership(zone).inside(lon, lat, np.array([100.0, 100.0])).all()
    assert not Membership(zone).inside(lon, lat, np.array([40.0, 40.0])).any()
