"""Areas: read, mended, hashed, measured."""

import json
from typing import Any

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from pyproj import CRS, Geod
from shapely.geometry import MultiPolygon, Point, Polygon, box, mapping
from shapely.geometry.base import BaseGeometry

from zones.errors import ZoneError
from zones.geometry import (
    area_hash,
    area_m2,
    circle,
    clean,
    from_wkb,
    in_metres,
    metric_crs,
    parse_area,
    read_area,
    readable_areas,
    to_geojson,
    to_wkb,
    union,
)
from zones.overlaps import meet, minus, without_slivers

TOWN = box(-75.2, 39.9, -75.1, 40.0)
SQUARE = [[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0], [0.0, 0.0]]
BOWTIE = [[0.0, 0.0], [1.0, 1.0], [1.0, 0.0], [0.0, 1.0], [0.0, 0.0]]


def polygon(*rings: object) -> dict[str, Any]:
    return {"type": "Polygon", "coordinates": list(rings)}


def feature(geometry: object) -> dict[str, Any]:
    return {"type": "Feature", "properties": {}, "geometry": geometry}


def collection(*features: object, **members: object) -> dict[str, Any]:
    return {"type": "FeatureCollection", "features": list(features), **members}


def named_crs(name: str) -> dict[str, Any]:
    return {"type": "name", "properties": {"name": name}}


@pytest.mark.parametrize(
    "document",
    [
        polygon(SQUARE),
        feature(polygon(SQUARE)),
        collection(feature(polygon(SQUARE))),
        {"type": "GeometryCollection", "geometries": [polygon(SQUARE)]},
        {"type": "MultiPolygon", "coordinates": [[SQUARE]]},
        collection(feature(polygon(SQUARE)), crs=named_crs("urn:ogc:def:crs:OGC:1.3:CRS84")),
        collection(feature(polygon(SQUARE)), crs=named_crs("urn:ogc:def:crs:EPSG::4326")),
        polygon([[*position, 12.5] for position in SQUARE]),
    ],
)
def test_every_form_of_geojson_is_the_same_area(document: dict[str, Any]) -> None:
    for form in (document, json.dumps(document), b"\xef\xbb\xbf" + json.dumps(document).encode()):
        assert area_hash(parse_area(form)) == area_hash(Polygon(SQUARE))
    assert read_area(document).mended == ()


def test_the_parts_of_a_collection_are_united() -> None:
    beside = [[x + 1, y] for x, y in SQUARE]
    area = parse_area(collection(feature(polygon(SQUARE)), feature(polygon(beside))))
    assert area.equals(box(0, 0, 2, 1))
    assert isinstance(area, Polygon)


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ("", "empty"),
        (b"\xff\xfe", "UTF-8"),
        ("{", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ("null", "not an object"),
        ("[]", "not an object"),
        ({}, "type is missing"),
        ({"type": "Circle"}, "'Circle'"),
        ({"type": "Topology", "objects": {}}, "TopoJSON"),
        (collection(), "no polygon"),
        ({"type": "FeatureCollection"}, "no list of features"),
        (collection(7), "Feature 1 is not"),
        (feature(None), "no geometry"),
        (collection(feature(polygon(SQUARE)), feature(None)), "Feature 2 has no geometry"),
        ({"type": "Point", "coordinates": [0, 0]}, "a Point, not a polygon"),
        ({"type": "LineString", "coordinates": SQUARE}, "a LineString, not a polygon"),
        (collection(feature(polygon(SQUARE)), feature({"type": "Point", "coordinates": [0, 0]})), "a Point"),
        (polygon(), "empty"),
        ({"type": "MultiPolygon", "coordinates": []}, "empty"),
        ({"type": "Polygon"}, "cannot be read"),
        (polygon([[0, 0], [1, 1]]), "cannot be read"),
        (polygon([["0", "0"], ["1", "0"], ["1", "1"], ["0", "0"]]), "cannot be read"),
        (polygon([[True, 0], [1, 0], [1, 1], [True, 0]]), "cannot be read"),
        (polygon([[0], [1, 0], [1, 1], [0]]), "cannot be read"),
        (polygon([[0, 0], [10**400, 0], [1, 1], [0, 0]]), "cannot be read"),
        (polygon([[0, 0], [1, 1], [2, 2], [0, 0]]), "no area"),
        (polygon([[0, 0], [180.1, 0], [1, 1], [0, 0]]), "outside the world"),
        (polygon([[0, 0], [0, -90.1], [1, 1], [0, 0]]), "outside the world"),
        (polygon([[2_700_000, 230_000], [2_700_500, 230_000], [2_700_500, 230_500], [2_700_000, 230_000]]), "outside"),
        ('{"type": "Polygon", "coordinates": [[[0, 0], [NaN, 0], [1, 1], [0, 0]]]}', "not JSON"),
        ('{"type": "Polygon", "coordinates": [[[0, 0], [1e999, 0], [1, 1], [0, 0]]]}', "not all numbers"),
        (collection(feature(polygon(SQUARE)), crs=named_crs("EPSG:2272")), "EPSG:2272"),
        (collection(feature(polygon(SQUARE)), crs={"type": "link", "properties": {"href": "http://x"}}), "not name"),
        (collection(feature(polygon(SQUARE)), crs="EPSG:4326"), "does not name"),
    ],
)  # fmt: skip
def test_what_is_no_area_is_refused_with_a_reason(document: Any, words: str) -> None:
    with pytest.raises(ZoneError) as refused:
        parse_area(document)
    assert words in refused.value.message


def test_a_nest_of_collections_is_refused_before_the_stack_ends() -> None:
    nest: dict[str, Any] = polygon(SQUARE)
    for _ in range(500):
        nest = {"type": "GeometryCollection", "geometries": [nest]}
    with pytest.raises(ZoneError):
        parse_area(nest)


def test_mending_is_told() -> None:
    bowtie = read_area(polygon(BOWTIE))
    assert bowtie.geometry.is_valid
    assert bowtie.geometry.area == pytest.approx(0.5)
    assert bowtie.mended == ("repaired (self-intersection at 0.5 0.5)",)
    unclosed = read_area(polygon(SQUARE[:-1]))
    assert unclosed.geometry.equals(box(0, 0, 1, 1))
    # a degree of the meridian at the equator (WGS 84)
    assert unclosed.mended == ("closed an open ring: 110,574 m of its border were not in the file",)
    nearly = read_area(polygon([*SQUARE[:-1], [0.0, 1e-7]]))
    assert nearly.mended == ("closed an open ring: less than 1 m of its border were not in the file",)
    with_a_line = shapely.GeometryCollection([TOWN, shapely.LineString([(0, 0), (1, 1)])])
    assert clean(with_a_line) == (TOWN, ("left out lines or points",))


def test_a_hole_stays_a_hole() -> None:
    hole = [[0.4, 0.4], [0.6, 0.4], [0.6, 0.6], [0.4, 0.6], [0.4, 0.4]]
    assert parse_area(polygon(SQUARE, hole)).area == pytest.approx(0.96)


@st.composite
def areas(draw: st.DrawFn) -> BaseGeometry:
    coordinate = st.tuples(st.floats(-75.3, -75.0), st.floats(39.8, 40.1))
    hulls = draw(st.lists(st.lists(coordinate, min_size=3, max_size=9), min_size=1, max_size=3))
    united = shapely.union_all([shapely.MultiPoint(points).convex_hull.buffer(1e-4) for points in hulls])
    return clean(united)[0]


@given(areas(), st.integers(0, 50), st.booleans())
def test_hash_does_not_depend_on_how_rings_are_written(area: BaseGeometry, start: int, turned: bool) -> None:
    def written(ring: BaseGeometry) -> list[tuple[float, float]]:
        points = list(ring.coords)[:-1]
        points = points[start % len(points) :] + points[: start % len(points)]
        points = points[::-1] if turned else points
        return [*points, points[0]]

    polygons = shapely.get_parts(area).tolist()
    parts = [Polygon(written(p.exterior), [written(ring) for ring in p.interiors]) for p in polygons]
    assert area_hash(MultiPolygon(parts[::-1])) == area_hash(area)


@given(areas())
def test_hash_changes_with_the_area(area: BaseGeometry) -> None:
    moved = shapely.transform(area, lambda xy: xy + 1e-6)  # a tenth of a metre
    assert area_hash(moved) != area_hash(area)
    assert area_hash(area.union(box(-75.0, 40.2, -74.9, 40.3))) != area_hash(area)


@given(areas())
def test_stored_and_shown_areas_come_back_the_same(area: BaseGeometry) -> None:
    assert from_wkb(to_wkb(area)).equals_exact(area, 0)
    assert area_hash(parse_area(json.dumps(to_geojson(area)))) == area_hash(area)


def test_hash_does_not_depend_on_the_sign_of_nothing() -> None:
    """Rounding noise on the Greenwich meridian or the equator is as often below zero as above."""
    hashes = {area_hash(box(edge, edge, 1, 1)) for edge in (0.0, -0.0, 1e-13, -1e-13)}
    assert len(hashes) == 1


def test_hash_is_pinned() -> None:
    """It stands in databases: a change of library must not change it."""
    assert area_hash(TOWN) == "8fce128e84025a4450c93045d64e4effbdfd8e54a32f7322ee2c484b417c6000"


def test_a_stored_point_is_no_area() -> None:
    with pytest.raises(ZoneError):
        from_wkb(shapely.to_wkb(shapely.Point(0, 0)))


@pytest.mark.parametrize("lat", [-52.0, 0.0, 39.95, 64.8])
def test_circle_is_round_on_the_ground(lat: float) -> None:
    disc = circle(-75.16, lat, 2_000)
    lon, lats = shapely.get_coordinates(disc).T
    _, _, metres = Geod(ellps="WGS84").inv([-75.16] * lon.size, [lat] * lon.size, lon, lats)
    assert metres == pytest.approx(2_000, abs=0.1)
    assert area_m2(disc) == pytest.approx(3.1416 * 2_000**2, rel=0.002)


@pytest.mark.parametrize(("lon", "lat", "radius_m"), [(200, 0, 5), (0, 95, 5), (0, 0, 0), (0, 0, -1), (0, 0, 1e9)])
def test_an_impossible_circle_is_refused(lon: float, lat: float, radius_m: float) -> None:
    with pytest.raises(ZoneError):
        circle(lon, lat, radius_m)
    with pytest.raises(ZoneError):
        circle(0, 0, float("nan"))


def test_square_metres_agree_with_an_equal_area_projection() -> None:
    equal_area = CRS.from_proj4("+proj=laea +lat_0=39.95 +lon_0=-75.15 +datum=WGS84 +units=m")
    with_hole = TOWN.difference(box(-75.17, 39.93, -75.13, 39.97))
    for area in (TOWN, with_hole, with_hole.reverse(), with_hole.union(box(-75.0, 39.9, -74.9, 40.0))):
        assert area_m2(area) == pytest.approx(in_metres(area, equal_area).area, rel=1e-6)


def test_distances_across_a_city_are_right_to_a_metre() -> None:
    crs = metric_crs(TOWN)
    corners = [in_metres(shapely.Point(p), crs) for p in ((-75.2, 39.9), (-75.1, 40.0))]
    _, _, metres = Geod(ellps="WGS84").inv(-75.2, 39.9, -75.1, 40.0)
    assert corners[0].distance(corners[1]) == pytest.approx(metres, abs=0.1)


def test_geojson_of_an_area_is_plain_json() -> None:
    assert json.loads(json.dumps(to_geojson(TOWN))) == json.loads(json.dumps(mapping(TOWN)))


def test_a_circle_across_the_180th_meridian_is_cut_there() -> None:
    disc = circle(179.9995, -17, 500)
    assert area_m2(disc) == pytest.approx(np.pi * 500**2, rel=0.01)
    assert disc.covers(Point(-179.999, -17))
    assert disc.covers(Point(179.997, -17))
    assert not disc.covers(Point(20, -17))


def _islands() -> list[shapely.Geometry]:
    """Discs here and there, some of which overlap."""
    middles = np.random.default_rng(2).random((60, 2))
    return list(shapely.buffer(shapely.points(middles), 0.05))


GRID = [shapely.box(x / 8, y / 8, (x + 1) / 8, (y + 1) / 8) for x in range(8) for y in range(8)]


@pytest.mark.parametrize(
    "parts",
    [
        GRID,
        GRID[::2],  # which touch at corners
        [part for n, part in enumerate(GRID) if n not in (9, 30)],  # holes
        [*GRID, shapely.box(0.3, 0.3, 0.45, 2)],  # one lies over others
        [*GRID, GRID[3], shapely.box(0, 1, 0.3, 1.2)],  # twice; and an edge that is another one's in part
        [shapely.MultiPolygon(GRID[:2]), shapely.MultiPolygon([GRID[2], GRID[63]])],
        _islands(),
    ],
)
def test_a_union_is_the_same_as_that_of_geos(parts: list[shapely.Geometry]) -> None:
    parts = [shapely.make_valid(part, method="structure") for part in parts]
    united, expected = union(parts), shapely.union_all(parts)
    assert united.is_valid
    assert united.symmetric_difference(expected).area < 1e-12
    assert shapely.get_num_geometries(united) == shapely.get_num_geometries(expected)


def test_parts_that_share_edges_are_united_without_intersecting_anything(monkeypatch: pytest.MonkeyPatch) -> None:
    """Which took most of the time for a county of 1,637 parts with 420,000 corners."""
    intersecting = shapely.disjoint_subset_union_all
    counts: list[int] = []

    def counted(parts: list[BaseGeometry]) -> BaseGeometry:
        counts.append(len(parts))
        return intersecting(parts)

    monkeypatch.setattr(shapely, "disjoint_subset_union_all", counted)
    assert union(GRID).equals(shapely.box(0, 0, 1, 1))
    assert counts == []
    union([*GRID, shapely.box(0.4, 0.4, 0.6, 0.6)])
    assert counts[0] < len(GRID) / 2, "only what is around an overlap"


METRE = 1e-5  # degrees of latitude


def leaves_out(area: BaseGeometry, other: BaseGeometry) -> BaseGeometry:
    return without_slivers(minus(area, other), area)


@pytest.mark.parametrize(
    ("other", "left"),
    [
        (box(0, 0, 1, 1), 0),
        (box(-3 * METRE, 3 * METRE, 1, 1), 0),  # drawn anew
        (box(0, 0, 1, 1) - box(0.5, 0.5, 0.5 + 20 * METRE, 0.5 + 20 * METRE), 1),  # all but a block
        (box(0, 0, 1, 1) - box(0.5, 0.2, 0.5 + 5 * METRE, 0.8), 0),  # a gap between zones, however long
        (box(0, 0, 0.5, 1), 1),
        (box(2, 2, 3, 3), 1),
        (box(1, 0, 2, 1), 1),  # a neighbour
    ],
)
def test_slivers_of_an_area_are_not_left_out(other: BaseGeometry, left: int) -> None:
    found = leaves_out(box(0, 0, 1, 1), other)
    assert len(getattr(found, "geoms", [] if found.is_empty else [found])) == left


def test_of_a_house_a_part_is_no_sliver() -> None:
    house = box(0, 0, 20 * METRE, 10 * METRE)
    assert not leaves_out(house, box(0, 0, 15 * METRE, 10 * METRE)).is_empty
    assert leaves_out(house, box(0, 0, 19.5 * METRE, 10 * METRE)).is_empty


@pytest.mark.parametrize(
    ("other", "do"),
    [(box(0, 0, 1, 1), True), (box(1, 0, 2, 1), False), (box(1 - 3 * METRE, 0, 2, 1), False),
     (box(1 - 20 * METRE, 0, 2, 1), True), (box(2, 2, 3, 3), False)],
)  # fmt: skip
def test_neighbours_do_not_meet(other: BaseGeometry, do: bool) -> None:
    assert meet(box(0, 0, 1, 1), other) is do
    assert meet(other, box(0, 0, 1, 1)) is do


def test_stored_areas_are_read_once_each_and_repaired_if_they_can_be() -> None:
    bow_tie, fine, line = (
        Polygon([(0, 0), (2, 1), (2, 0), (0, 1)]),
        box(0, 0, 1, 1),
        shapely.LineString([(0, 0), (1, 1)]),
    )
    stored = [*map(shapely.to_wkb, (bow_tie, fine, fine, line)), b"x"]
    found = readable_areas(stored)
    assert [*found] == stored[:2]
    assert found[stored[0]].is_valid
    assert found[stored[1]].equals(fine)


def test_a_house_beside_a_zone_is_no_sliver_of_it() -> None:
    house = box(2, 0, 2 + 9 * METRE, 9 * METRE)
    both = MultiPolygon([box(0, 0, 1, 1), house])
    assert leaves_out(both, box(0, 0, 1, 1)).equals(house)
    assert leaves_out(both, house).equals(box(0, 0, 1, 1))
    assert meet(both, house)
    many = MultiPolygon([box(0, 0, 1, 1), *(box(2 + n, 0, 2 + n + 9 * METRE, 9 * METRE) for n in range(50))])
    assert len(leaves_out(many, box(0, 0, 1, 1)).geoms) == 50
