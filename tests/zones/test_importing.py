"""Zone files from anybody: real ones, ugly ones and hostile ones."""

import json
import zipfile
from pathlib import Path
from typing import Any

import geopandas as gpd
import pytest
import shapely
from shapely.geometry import LineString, MultiPoint, box

from tests.zones.real import DATA, real_file
from zones.errors import ZoneError
from zones.geometry import area_hash, area_m2
from zones.importing import read_zones

EAST, WEST = box(-75.1, 39.9, -75.0, 40.0), box(-75.2, 39.9, -75.1, 40.0)


def geojson(path: Path, rows: list[dict[str, Any]], **members: object) -> Path:
    """A feature collection; a row's `shape` is its geometry, the rest its properties."""
    features = [
        {
            "type": "Feature",
            "geometry": None if row["shape"] is None else json.loads(shapely.to_geojson(row["shape"])),
            "properties": {name: value for name, value in row.items() if name != "shape"},
        }
        for row in rows
    ]
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features, **members}))
    return path


def zipped(path: Path, frame: gpd.GeoDataFrame, *, without: tuple[str, ...] = (), name: str = "zones") -> Path:
    """A Shapefile in a zip; called again it adds another one."""
    folder = path.parent / f"{name}-files"
    folder.mkdir()
    frame.to_file(folder / f"{name}.shp")
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(folder.iterdir()):
            if file.suffix not in without:
                archive.write(file, f"nested/{file.name}")
    return path


def two(crs: str | None = "EPSG:4326", **columns: list[Any]) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame(columns or {"NAME": ["East", "West"]}, geometry=[EAST, WEST], crs=crs)


def refusal(path: Path, **options: str) -> ZoneError:
    with pytest.raises(ZoneError) as refused:
        read_zones(path, **options)
    assert "\n" not in str(refused.value)
    assert path.name in refused.value.message
    assert str(path.parent) not in str(refused.value)
    return refused.value


# Real files


def test_the_same_neighbourhoods_from_geojson_and_shapefile() -> None:
    first, second = (read_zones(real_file(f"zones/phl_neighborhoods.{ending}")) for ending in ("geojson", "zip"))
    assert len(first.zones) == len(second.zones) == 159
    assert (first.mended, first.left_out, first.crs, first.name_field) == ((), (), "EPSG:4326", "MAPNAME")
    by_name = {zone.name: zone for zone in second.zones}
    for zone in first.zones:
        assert area_m2(by_name[zone.name].geometry) == pytest.approx(area_m2(zone.geometry), rel=1e-9)


def test_state_plane_feet_become_degrees() -> None:
    in_feet = read_zones(real_file("zones/phl_neighborhoods_2012_stateplane.zip"))
    assert (len(in_feet.zones), in_feet.crs) == (158, "EPSG:2272")
    assert shapely.union_all([zone.geometry for zone in in_feet.zones]).bounds == pytest.approx(
        (-75.280, 39.867, -74.956, 40.138), abs=0.001
    )
    newer = {zone.name: zone.geometry for zone in read_zones(real_file("zones/phl_neighborhoods.zip")).zones}
    pairs = [(zone.geometry, newer[zone.name]) for zone in in_feet.zones if zone.name in newer]
    assert len(pairs) > 120
    same = sum(old.intersection(new).area / old.union(new).area > 0.95 for old, new in pairs)
    assert same / len(pairs) > 0.9


def test_invalid_shapes_are_repaired_and_listed() -> None:
    chicago = read_zones(real_file("zones/cth_chicago.geojson"))
    assert len(chicago.zones) == 98
    assert sorted({mended.zone for mended in chicago.mended}) == [
        "Auburn Gresham", "Englewood", "Montclare", "South Chicago"
    ]  # fmt: skip
    assert sum("self-intersection at -87." in mended.what for mended in chicago.mended) == 4
    assert all(abs(mended.area_change_percent or 0) < 1e-4 for mended in chicago.mended)
    assert all(zone.geometry.is_valid for zone in chicago.zones)


def test_parts_are_united_by_a_field() -> None:
    path = real_file("zones/fl_okaloosa_evac_shp.zip")
    assert "--dissolve EVAC_ZONE" in refusal(path).hint
    united = read_zones(path, dissolve="EVAC_ZONE")
    assert sorted(zone.name for zone in united.zones) == ["A", "B", "C", "D", "E"]
    parts = [int(mended.what.split()[1]) for mended in united.mended if "united" in mended.what]
    assert sum(parts) + len(united.left_out) == 581


@pytest.mark.parametrize("name", ["phl_snow_emergency_routes.geojson", "phl_snow_emergency_routes_shp.zip"])
def test_lines_are_refused(name: str) -> None:
    error = refusal(real_file(f"zones/{name}"))
    assert "no polygons, only" in error.message
    assert "LineString" in error.message
    assert "buffer" in error.hint


BAD = sorted((DATA / "ugly" / "geojsonhint_bad").glob("*.geojson"))


@pytest.mark.parametrize("path", BAD, ids=lambda path: path.stem)
def test_bad_geojson_is_one_line(path: Path) -> None:
    refusal(path)


@pytest.mark.parametrize("name", ["invalid_json.json", "albania.kmz", "shp_no_prj_no_dbf_cell.zip", "bowtie.json"])
def test_other_ugly_files_are_one_line(name: str) -> None:
    refusal(real_file(f"ugly/{name}"))


def test_an_ugly_shape_is_usable_when_it_is_named() -> None:
    path = real_file("ugly/ogc_ex12.geojson")
    assert "No field looks like a name: Example" in refusal(path).message
    found = read_zones(path, name_field="Example")
    assert [zone.geometry.is_valid for zone in found.zones] == [True]
    assert len(found.mended) == 1


# Names and ids


def test_names_and_ids_are_tidied(tmp_path: Path) -> None:
    rows = [
        {"Zone_Name": "  Old\tTown\u200b ", "no": 18.0, "shape": EAST},
        {"Zone_Name": "R\u00edo", "no": 7, "shape": WEST},
    ]
    found = read_zones(geojson(tmp_path / "x.geojson", rows), id_field="no")
    assert [(zone.name, zone.external_id) for zone in found.zones] == [("Old Town", "18"), ("R\u00edo", "7")]
    assert found.name_field == "Zone_Name"


def test_names_for_people_are_guessed_before_names_for_machines() -> None:
    """Philadelphia's file has both, NAME (OLD_CITY) and MAPNAME (Old City)."""
    names = {zone.name for zone in read_zones(real_file("zones/phl_neighborhoods.geojson")).zones}
    assert len(names) == 159
    assert {"Old City", "East Passyunk"} <= names, names


def test_a_guessed_name_field_is_one_that_tells_zones_apart(tmp_path: Path) -> None:
    rows = [{"name": "ward", "ward": 1, "shape": EAST}, {"name": "ward", "ward": 2, "shape": WEST}]
    assert [zone.name for zone in read_zones(geojson(tmp_path / "x.json", rows)).zones] == ["1", "2"]


def test_a_field_that_is_not_there_is_an_error_with_the_fields(tmp_path: Path) -> None:
    path = geojson(tmp_path / "x.json", [{"colour": "red", "size": 3, "shape": EAST}])
    assert "colour, size" in refusal(path).message
    for option in ("name_field", "id_field", "dissolve"):
        assert "colour, size" in refusal(path, **{"name_field": "colour", option: "nme"}).hint


@pytest.mark.parametrize(("first", "second"), [("East", "East"), ("East", "EAST"), ("East", " East ")])
def test_a_name_that_occurs_twice_is_refused(tmp_path: Path, first: str, second: str) -> None:
    rows = [{"name": first, "shape": EAST}, {"name": second, "shape": WEST}]
    error = refusal(geojson(tmp_path / "x.json", rows))
    assert "More than one zone has the name" in error.message
    assert "--dissolve name" in error.hint


def test_an_id_that_occurs_twice_is_refused(tmp_path: Path) -> None:
    rows = [{"name": "a", "id": 1, "shape": EAST}, {"name": "b", "id": 1, "shape": WEST}]
    assert "the id: 1" in refusal(geojson(tmp_path / "x.json", rows), id_field="id").message


def test_what_cannot_be_a_zone_is_left_out_and_listed(tmp_path: Path) -> None:
    rows = [
        {"name": "East", "shape": EAST},
        {"name": "Nowhere", "shape": None},
        {"name": "Road", "shape": LineString([(0, 0), (1, 1)])},
        {"name": "Trees", "shape": MultiPoint([(0, 0), (1, 1)])},
        {"name": None, "shape": WEST},
        {"name": "x" * 200, "shape": WEST},
        {"name": "Far", "shape": box(170, 0, 371, 1)},
    ]
    found = read_zones(geojson(tmp_path / "x.json", rows), name_field="name")
    assert [zone.name for zone in found.zones] == ["East"]
    reasons = dict(line.split(": ", 1) for line in found.left_out)
    assert len(found.left_out) == 6
    assert "no shape" in reasons["Nowhere"]
    assert "LineString" in reasons["Road"]
    assert "MultiPoint" in reasons["Trees"]
    assert "no name" in reasons["feature 5"]
    assert "outside the world" in reasons["Far"]


# Coordinate systems


def test_a_file_outside_the_world_asks_for_its_crs(tmp_path: Path) -> None:
    in_feet = two().to_crs("EPSG:2272")
    path = geojson(tmp_path / "x.geojson", [{"name": "East", "shape": in_feet.geometry[0]}])
    error = refusal(path)
    assert "outside the world" in error.message
    assert "--crs" in error.hint
    found = read_zones(path, crs="EPSG:2272")
    assert found.crs == "EPSG:2272"
    assert area_m2(found.zones[0].geometry) == pytest.approx(area_m2(EAST), rel=1e-4)


def test_an_old_crs_member_is_obeyed(tmp_path: Path) -> None:
    crs = {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::2272"}}
    rows = [{"name": "East", "shape": two().to_crs("EPSG:2272").geometry[0]}]
    path = geojson(tmp_path / "x.geojson", rows, crs=crs)
    assert read_zones(path).zones[0].geometry.bounds == pytest.approx(EAST.bounds, abs=1e-4)
    path = geojson(tmp_path / "x.geojson", rows, crs=crs | {"properties": {"name": "EPSG:32618"}})
    assert "--crs, which overrides" in refusal(path).hint, "feet read as metres"
    found = read_zones(path, crs="EPSG:2272")
    assert found.zones[0].geometry.bounds == pytest.approx(EAST.bounds, abs=1e-4)
    assert found.notes == ("the file declares EPSG:32618, but it was read in EPSG:2272 as given with --crs",)


def test_a_crs_with_an_address_is_refused_and_not_fetched(tmp_path: Path) -> None:
    crs = {"type": "link", "properties": {"href": "http://192.0.2.1/crs"}}
    assert "crs member" in refusal(geojson(tmp_path / "x.json", [{"name": "a", "shape": EAST}], crs=crs)).message


@pytest.mark.parametrize("crs", ["EPSG:999999", "", "nonsense", "EPSG:-1"])
def test_an_impossible_crs_is_refused(tmp_path: Path, crs: str) -> None:
    path = geojson(tmp_path / "x.json", [{"name": "a", "shape": EAST}])
    assert "no coordinate system" in refusal(path, crs=crs).message


def test_degrees_taken_for_feet_are_noticed(tmp_path: Path) -> None:
    path = geojson(tmp_path / "x.json", [{"name": "a", "shape": EAST}])
    assert "cannot be in EPSG:2272" in refusal(path, crs="EPSG:2272").message


def test_a_shapefile_without_prj_asks_for_its_crs(tmp_path: Path) -> None:
    path = zipped(tmp_path / "x.zip", two(), without=(".prj",))
    assert "--crs" in refusal(path).hint
    assert read_zones(path, crs="EPSG:4326").zones[0].geometry.equals(EAST)


# Files that are not what they say


@pytest.mark.parametrize("name", ["none.geojson", "folder.geojson", "x.shp", "x.csv", "x.txt", "noending"])
def test_no_file_or_an_unknown_kind_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "folder.geojson").mkdir()
    if name not in ("none.geojson", "folder.geojson"):
        (tmp_path / name).write_text("<kml/>")
    error = refusal(tmp_path / name)
    assert error.message.endswith(
        ("There is no such file.", "Files of this kind cannot be imported.", "It is a table, but zones are shapes.")
    )


@pytest.mark.parametrize("content", [b"", b"PK", b"PK\x03\x04" + bytes(40), b"not a zip at all"])
def test_an_empty_or_broken_file_is_refused(tmp_path: Path, content: bytes) -> None:
    for ending in ("zip", "geojson", "json"):
        path = tmp_path / f"x.{ending}"
        path.write_bytes(content)
        refusal(path)


def test_a_file_without_features_is_refused(tmp_path: Path) -> None:
    assert "no features" in refusal(geojson(tmp_path / "x.json", [])).message
    assert "no features" in refusal(zipped(tmp_path / "x.zip", two().iloc[:0])).message


def test_same_zone_from_any_format_has_the_same_hash(tmp_path: Path) -> None:
    """So that importing it again from another file makes no new version."""
    rows = [{"name": "East", "shape": shapely.MultiPolygon([EAST])}, {"name": "West", "shape": WEST}]
    first = read_zones(geojson(tmp_path / "x.json", rows)).zones
    second = read_zones(zipped(tmp_path / "x.zip", two())).zones
    assert [area_hash(zone.geometry) for zone in first] == [area_hash(zone.geometry) for zone in second]
