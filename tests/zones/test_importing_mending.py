"""What is mended of a zone's shape, what that does to its area, and what is asked instead of guessed."""

import json
from pathlib import Path
from typing import Any

import geopandas as gpd
import pytest
import shapely
from pyproj import Geod
from shapely.geometry import (
    GeometryCollection,
    LineString,
    MultiLineString,
    MultiPoint,
    MultiPolygon,
    Point,
    Polygon,
    box,
)

from tests.zones.real import real_file
from tests.zones.test_importing import EAST, WEST, geojson, refusal, two, zipped
from zones import placing
from zones.files.zonefile import CleanZone
from zones.geometry import area_m2
from zones.importing import read_zones

BOWTIE = Polygon([(0, 0), (1, 1), (1, 0), (0, 1)])
METRE = 1 / 111_320


def one(tmp_path: Path, shape: Any, **options: Any) -> Any:
    return read_zones(geojson(tmp_path / "x.json", [{"name": "a", "shape": shape}]), **options)


def geodesic_m2(shape: Any) -> float:
    """By pyproj alone, edge by edge as great circles: equal within a few parts in a million for small shapes."""
    return abs(Geod(ellps="WGS84").geometry_area_perimeter(shapely.orient_polygons(shape))[0])


# Repairs


def test_a_bowtie_is_a_large_change(tmp_path: Path) -> None:
    """Its ring goes around one half one way and around the other the other way: other programs show no area for it."""
    found = one(tmp_path, BOWTIE)
    (mended,) = found.mended
    assert mended.is_large
    assert mended.area_change_percent == pytest.approx(100, abs=1)
    assert geodesic_m2(found.zones[0].geometry) == pytest.approx(geodesic_m2(box(0, 0, 0.5, 1)), rel=1e-3)


def test_parts_that_overlap_count_once(tmp_path: Path) -> None:
    """A third of each lies in the other: before, it counts twice."""
    found = one(tmp_path, MultiPolygon([box(0, 0, 3, 1), box(2, 0, 5, 1)]))
    (mended,) = found.mended
    assert mended.area_change_percent == pytest.approx(-100 / 6, abs=0.01)
    assert "area -16.7 %" in str(mended)


def test_a_ring_that_touches_itself_changes_nothing(tmp_path: Path) -> None:
    hole_by_touching = Polygon([(0, 0), (4, 0), (4, 4), (0, 4), (0, 0), (1, 2), (2, 1), (0, 0)])
    (mended,) = one(tmp_path, hole_by_touching).mended
    assert not mended.is_large


def test_a_hole_outside_its_shell_becomes_a_part_and_that_is_asked_about(tmp_path: Path) -> None:
    shape = Polygon(box(0, 0, 10, 10).exterior, [box(20, 20, 23, 23).exterior])
    found = one(tmp_path, shape)
    assert found.zones[0].geometry.equals(MultiPolygon([box(0, 0, 10, 10), box(20, 20, 23, 23)]))
    assert found.mended[0].area_change_percent == pytest.approx(100 * (1 - 91 / 109), abs=1)


def test_holes_are_kept(tmp_path: Path) -> None:
    holed = EAST.difference(box(-75.06, 39.94, -75.04, 39.96))
    (zone,) = one(tmp_path, holed).zones
    assert zone.geometry.equals(holed)


def test_slivers_are_removed_and_counted(tmp_path: Path) -> None:
    sliver = box(-75.2, 39.9, -75.2 + METRE / 2, 39.9 + METRE / 2)
    pinhole = box(-75.05, 39.95, -75.05 + METRE / 2, 39.95 + METRE / 2)
    small = box(-75.3, 39.9, -75.3 + 3 * METRE, 39.9 + 3 * METRE)
    shape = MultiPolygon([Polygon(EAST.exterior, [pinhole.exterior]), sliver, small])
    found = one(tmp_path, shape)
    assert [str(mended) for mended in found.mended] == ["a: removed 1 sliver and 1 sliver of a hole, area +0 %"]
    assert found.zones[0].geometry.equals(MultiPolygon([EAST, small]))


@pytest.mark.parametrize(
    ("shape", "reason"),
    [
        (box(-75, 40, -75 + METRE / 2, 40 + METRE / 2), "no area"),
        (Polygon([(0, 0), (1, 1), (2, 2)]), "no area"),
        (Polygon(), "empty"),
        (None, "no shape"),
    ],
)
def test_what_has_no_area_is_listed(tmp_path: Path, shape: Any, reason: str) -> None:
    path = geojson(tmp_path / "x.json", [{"name": "a", "shape": shape}, {"name": "b", "shape": EAST}])
    assert reason in read_zones(path).left_out[0]


def test_a_zone_that_stands_in_the_file_twice_is_taken_once(tmp_path: Path) -> None:
    turned = Polygon(list(EAST.exterior.coords)[2:-1] + list(EAST.exterior.coords)[:3])
    rows = [{"name": "East", "shape": EAST}, {"name": "East", "shape": turned}, {"name": "West", "shape": WEST}]
    found = read_zones(geojson(tmp_path / "x.json", rows))
    assert [zone.name for zone in found.zones] == ["East", "West"]
    assert found.left_out == ("East: It is in the file twice, with the same area.",)


# Names


def test_names_that_come_again_are_numbered_when_asked(tmp_path: Path) -> None:
    rows = [{"name": name, "shape": box(n, 0, n + 0.5, 1)} for n, name in enumerate(("A", "a", "A (2)", "A", "B"))]
    path = geojson(tmp_path / "x.json", rows)
    assert "--number-duplicates" in refusal(path).hint
    found = read_zones(path, number_duplicates=True)
    assert [zone.name for zone in found.zones] == ["A", "a (3)", "A (2)", "A (4)", "B"]


def test_a_name_for_a_file_without_names(tmp_path: Path) -> None:
    path = geojson(tmp_path / "x.json", [{"OBJECTID": 1, "shape": EAST}])
    assert "--name" in refusal(path).hint
    found = read_zones(path, name="  City   limits ")
    assert (found.zones[0].name, found.name_field) == ("City limits", "")
    assert "Leave it or the field out" in refusal(path, name="x", name_field="OBJECTID").hint
    assert "longer than" in refusal(path, name="x" * 200).message


# The 180th meridian


@pytest.mark.parametrize(
    "shape",
    [
        box(179, -17, 181, -16),
        box(-181, -17, -179, -16),
        Polygon([(179, -17), (-179, -17), (-179, -16), (179, -16)]),
        MultiPolygon([Polygon([(179, -17), (-179, -17), (-179, -16), (179, -16)])]),
    ],
)
def test_a_shape_across_the_meridian_is_cut_there(tmp_path: Path, shape: Any) -> None:
    found = one(tmp_path, shape)
    assert found.zones[0].geometry.equals(MultiPolygon([box(179, -17, 180, -16), box(-180, -17, -179, -16)]))
    assert [mended.what for mended in found.mended] == ["cut at the 180th meridian"]
    assert area_m2(found.zones[0].geometry) == pytest.approx(2 * area_m2(box(0, -17, 1, -16)), rel=1e-6)


def test_a_hole_across_the_meridian_is_cut_too(tmp_path: Path) -> None:
    shell = [(178, -18), (-178, -18), (-178, -14), (178, -14)]
    hole = [(179.5, -17), (-179.5, -17), (-179.5, -16), (179.5, -16)]
    found = one(tmp_path, Polygon(shell, [hole]))
    expected = MultiPolygon([box(178, -18, 180, -14), box(-180, -18, -178, -14)])
    west, east = box(179.5, -17, 180, -16), box(-180, -17, -179.5, -16)
    assert found.zones[0].geometry.equals(expected.difference(west).difference(east))


def test_a_map_of_the_world_is_not_cut(tmp_path: Path) -> None:
    found = one(tmp_path, box(-180, -60, 180, 80))
    assert found.zones[0].geometry.equals(box(-180, -60, 180, 80))
    assert found.mended == ()


def test_a_projected_file_across_the_meridian(tmp_path: Path) -> None:
    """Fiji's own coordinate system, in metres: 110 km from 179 E to 179 W."""
    frame = gpd.GeoDataFrame({"NAME": ["Taveuni"]}, geometry=[box(179.5, -17.2, 180.0, -16.4)], crs="EPSG:4326")
    in_metres = frame.to_crs("EPSG:3460")
    across = in_metres.set_geometry([box(*in_metres.total_bounds[:2], in_metres.total_bounds[2] + 50_000,
                                         in_metres.total_bounds[3])], crs="EPSG:3460")  # fmt: skip
    (zone,) = read_zones(zipped(tmp_path / "x.zip", across)).zones
    west, _, east, _ = zone.geometry.bounds
    assert (west, east) == (-180, 180)
    assert area_m2(zone.geometry) == pytest.approx(across.geometry.area.iloc[0], rel=0.005)


# Lines and points


def test_lines_and_points_are_buffered_in_metres_when_asked(tmp_path: Path) -> None:
    rows = [
        {"name": "Road", "shape": LineString([(-75.1, 40), (-75.1, 40.01)])},
        {"name": "Trees", "shape": MultiPoint([(-75.2, 40), (-75.3, 40)])},
        {"name": "Both", "shape": GeometryCollection([box(-75.5, 40, -75.4, 40.1), Point(-75.6, 40)])},
        {"name": "East", "shape": EAST},
    ]
    path = geojson(tmp_path / "x.json", rows)
    assert len(read_zones(path).zones) == 2
    found = {zone.name: zone.geometry for zone in read_zones(path, buffer_m=20).zones}
    length_m = Geod(ellps="WGS84").line_length([-75.1, -75.1], [40, 40.01])
    disc_m2 = 3.14159 * 20**2
    assert geodesic_m2(found["Road"]) == pytest.approx(40 * length_m + disc_m2, rel=0.005)
    assert geodesic_m2(found["Trees"]) == pytest.approx(2 * disc_m2, rel=0.01)
    assert geodesic_m2(found["Both"]) == pytest.approx(geodesic_m2(box(-75.5, 40, -75.4, 40.1)) + disc_m2, rel=1e-5)
    assert found["East"].equals(EAST)


@pytest.mark.parametrize("metres", [0, -5, 1e6, float("nan")])
def test_an_impossible_buffer_is_refused(tmp_path: Path, metres: float) -> None:
    assert (
        "makes no zones"
        in refusal(geojson(tmp_path / "x.json", [{"name": "a", "shape": EAST}]), buffer_m=metres).message
    )


def test_snow_routes_become_zones_by_street() -> None:
    path = real_file("zones/phl_snow_emergency_routes_shp.zip")
    found = read_zones(path, buffer_m=15, dissolve="ST_NAME")
    lines = gpd.read_file(path).to_crs("EPSG:32618")
    streets = lines.dissolve(lines["ST_NAME"].str.split().str.join(" "))
    assert {zone.name for zone in found.zones} == set(streets.index)
    expected = streets.buffer(15).area.sum()
    assert sum(area_m2(zone.geometry) for zone in found.zones) == pytest.approx(expected, rel=0.002)


# Latitude first


def test_swapped_coordinates_are_turned_when_asked(tmp_path: Path) -> None:
    swapped = shapely.transform(EAST, lambda xy: xy[:, ::-1])
    (zone,) = one(tmp_path, swapped, swap_axes=True).zones
    assert zone.geometry.equals(EAST)
    los_angeles = box(34, -118.5, 34.5, -118)
    assert "--swap-axes" in refusal(geojson(tmp_path / "y.json", [{"name": "a", "shape": los_angeles}])).hint


def test_swapped_feet_are_turned_too(tmp_path: Path) -> None:
    frame = two().to_crs("EPSG:2272")
    turned = frame.set_geometry(shapely.transform(frame.geometry.array, lambda xy: xy[:, ::-1]), crs="EPSG:2272")
    path = zipped(tmp_path / "x.zip", turned)
    assert "--swap-axes" in refusal(path).hint
    assert read_zones(path, swap_axes=True).zones[0].geometry.bounds == pytest.approx(EAST.bounds, abs=1e-4)


# Against the city


CITY = (-75.28, 39.87, -74.96, 40.14)


def zone(name: str, shape: Any) -> CleanZone:
    return CleanZone(name, None, shape)


@pytest.mark.parametrize(
    ("shape", "city", "words"),
    [
        (box(-75.1, 39.9, -75.0, 40.0), CITY, ""),
        (box(-75.6, 39.9, -75.5, 40.0), CITY, ""),  # a suburb
        (box(-75.1, 39.9, -75.0, 40.0), None, "km from Philadelphia. Nothing is known of the city yet"),
        (box(-75.1, 39.9, -75.0, 40.0), placing.around((-75.16, 39.95)), ""),
        (box(6.5, 0.2, 6.6, 0.3), placing.around((-75.16, 39.95)), "km from Sao Tome)"),
        (box(39.9, -75.1, 40.0, -75.0), CITY, "when longitude and latitude are swapped: add --swap-axes"),
        (box(39.9, -75.1, 40.0, -75.0), None, "Antarctica"),
        (box(-80.1, 40.4, -79.9, 40.5), CITY, "outside the city, 39"),  # Pittsburgh
        (box(-75.3, 39.8, -74.9, 40.2), CITY, "covers the whole city"),
        (box(*CITY), CITY, "covers the whole city"),
        (LineString([CITY[:2], CITY[2:]]).buffer(0.001), CITY, ""),
        (box(-75.1, 39.9, -75.1 + 2 * METRE, 39.9 + 2 * METRE), CITY, "only 3.1 m² large"),
    ],
)
def test_what_is_asked_about_a_place(shape: Any, city: placing.Bounds | None, words: str) -> None:
    asked = placing.questions([zone("a", shape)], city)
    assert words in " ".join(asked)
    assert len(asked) == bool(words)


def test_many_zones_outside_are_told_in_a_few_lines() -> None:
    far = [zone(f"z{n}", box(n, 0, n + 1, 1)) for n in range(30)]
    assert len(placing.questions(far, CITY)) == 1
    assert len(placing.questions([*far, zone("East", EAST)], CITY)) == placing.SHOWN + 1
    assert placing.questions([], CITY) == []


def test_json_numbers_without_sense_are_refused(tmp_path: Path) -> None:
    shape = {"type": "Polygon", "coordinates": [[[0, 0], [1e300, 0], [1, 1], [0, 0]]]}
    path = tmp_path / "x.json"
    path.write_text(json.dumps({"type": "Feature", "properties": {"name": "a"}, "geometry": shape}))
    assert "not all numbers" in str(refusal(path))


# The 180th meridian


ACROSS = Polygon([(179.9, -16.9), (-179.9, -16.9), (-179.9, -16.7), (179.9, -16.7)])


@pytest.mark.parametrize(
    "shape",
    [GeometryCollection([MultiPolygon([ACROSS])]), GeometryCollection([GeometryCollection([ACROSS]), Point(0, 0)])],
    ids=["many", "nested"],
)
def test_what_crosses_the_meridian_is_cut_there_however_deep_it_is_nested(tmp_path: Path, shape: Any) -> None:
    (plain,), (nested,) = one(tmp_path, ACROSS).zones, one(tmp_path, shape).zones
    assert nested.geometry.equals(plain.geometry)


@pytest.mark.parametrize(
    ("shape", "area_m2_"),
    [
        (LineString([(179.95, -16.8), (179.99995, -16.8)]), 2 * 50 * 5_326 + 7_854),
        (LineString([(179.95, -16.8), (-179.95, -16.8)]), 2 * 50 * 10_658 + 7_854),
        (Point(179.999, -16.8), 785_398),
        (MultiLineString([[(179.95, -16.8), (-179.95, -16.8)], [(179.9, -16.8), (179.91, -16.8)]]), 1_187_000),
    ],
    ids=["beside", "across", "point", "several"],
)
def test_what_is_widened_across_the_meridian_is_cut_there(tmp_path: Path, shape: Any, area_m2_: float) -> None:
    (found,) = one(tmp_path, shape, buffer_m=500 if shape.geom_type == "Point" else 50).zones
    assert area_m2(found.geometry) == pytest.approx(area_m2_, rel=0.01)
    assert not found.geometry.intersects(box(-179, -90, 179, 90))


# Numbers that stand for none


@pytest.mark.parametrize("missing", [-1.7976931348623157e308, -1e38])
def test_a_missing_coordinate_is_no_place_in_any_coordinate_system(tmp_path: Path, missing: float) -> None:
    good = [(2690000, 230000), (2700000, 230000), (2700000, 240000)]
    path = tmp_path / "z.geojson"
    rows = [{"name": "good", "shape": Polygon(good)}, {"name": "bad", "shape": Polygon([*good, (2690000, missing)])}]
    path.write_text(json.dumps(json.loads(geojson(path, rows).read_text()) | crs("EPSG:2272")))
    found = read_zones(path)
    assert [zone.name for zone in found.zones] == ["good"]
    assert found.left_out == ("bad: Its coordinates are not all numbers.",)


def crs(name: str) -> dict[str, Any]:
    return {"crs": {"type": "name", "properties": {"name": name}}}


# Names


def test_what_is_mended_is_told_by_the_name_that_a_zone_has_in_the_end(tmp_path: Path) -> None:
    rows = [{"name": "Pier", "shape": box(2, 2, 3, 3)}, {"name": "Pier", "shape": BOWTIE}]
    found = read_zones(geojson(tmp_path / "x.json", rows), number_duplicates=True)
    assert [mended.zone for mended in found.mended] == ["Pier (2)"]
    rows = [{"name": name, "of": "Harbor", "shape": shape} for name, shape in (("a", BOWTIE), ("b", box(2, 2, 3, 3)))]
    united = read_zones(geojson(tmp_path / "y.json", rows), name_field="name", dissolve="of")
    assert {mended.zone for mended in united.mended} == {"Harbor"}
    assert any(mended.is_large for mended in united.mended)


def test_a_repair_that_moves_an_area_without_changing_its_size_is_a_large_change(tmp_path: Path) -> None:
    """Its ring goes twice around a square of 9, and a hole of 4.5 lies outside of it: the sums are equal."""
    twice = [(0, 0), (10, 0), (10, 10), (3, 10), (3, 2), (6, 2), (6, 5), (0, 5), (0, 0)]
    outside = [(12, 0), (13.5, 0), (13.5, 3), (12, 3), (12, 0)]
    shape = shapely.transform(Polygon(twice, [outside]), lambda xy: xy * 1e-3)
    found = one(tmp_path, shape)
    repaired, moved = found.mended
    assert not repaired.is_large
    assert moved.is_large
    assert moved.area_change_percent == pytest.approx(100 * 9 / 89.5, rel=0.01)
    assert "can be read in two ways" in str(moved)


def test_what_is_invalid_after_its_repair_is_left_out_with_the_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shapely, "make_valid", lambda shape, **_: shape)  # a GEOS that cannot
    rows = [{"name": "a", "shape": shapely.transform(BOWTIE, lambda xy: xy * 1e-3)}, {"name": "b", "shape": EAST}]
    found = read_zones(geojson(tmp_path / "x.json", rows))
    assert [zone.name for zone in found.zones] == ["b"]
    (line,) = found.left_out
    assert line.startswith("a: It is not valid even after repair (self-intersection at ")
