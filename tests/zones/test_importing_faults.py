"""One bad shape does not refuse its file; and what a file says of itself that a person must look at."""

import contextlib
import json
import sqlite3
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import geopandas as gpd
import pytest
import shapely
from shapely.geometry import Polygon, box

from tests.zones.test_importing import EAST, geojson, refusal, two, zipped
from zones import places
from zones.files import openrings, quarantine
from zones.geometry import area_m2
from zones.importing import read_zones


def written(path: Path, *geometries: Any, names: tuple[str, ...] = (), **members: Any) -> Path:
    features = [
        {"type": "Feature", "properties": {"name": names[n] if names else f"Z{n}"}, "geometry": geometry}
        for n, geometry in enumerate(geometries)
    ]
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features, **members}))
    return path


def polygon(*rings: Any) -> dict[str, Any]:
    return {"type": "Polygon", "coordinates": rings}


GOOD = json.loads(shapely.to_geojson(EAST))
RING = GOOD["coordinates"][0]


@pytest.mark.parametrize(
    ("geometry", "words"),
    [
        (polygon([[-75, 40], [-74.9]]), "cannot be read"),
        (polygon([[-75, 40], [-75, 40], [-75, 40], [-75, 40]]), "no area"),
        ({"type": "LineString", "coordinates": [[-75, 40]]}, "cannot be read"),
        ({"type": "Polygon", "coordinates": []}, "empty"),
        ({"type": "Oval", "coordinates": []}, "type is"),
        (None, "no shape"),
    ],
)
def test_the_others_are_kept_and_it_is_said_what_it_was(tmp_path: Path, geometry: Any, words: str) -> None:
    found = read_zones(written(tmp_path / "x.geojson", GOOD, geometry, GOOD))
    assert [zone.name for zone in found.zones] == ["Z0", "Z2"]
    (line,) = found.left_out
    assert line.startswith("Z1: ")
    assert words in line


def test_a_hole_that_is_a_point_and_a_line_without_length(tmp_path: Path) -> None:
    point = [RING[0]] * 4
    still = {"type": "LineString", "coordinates": [[-75, 40], [-75, 40]]}
    found = read_zones(written(tmp_path / "x.geojson", polygon(RING, point), still, GOOD), buffer_m=15.0)
    assert found.zones[0].name == "Z0"
    assert "Z2" in [zone.name for zone in found.zones]
    assert area_m2(found.zones[0].geometry) == pytest.approx(area_m2(EAST), rel=1e-9)


def test_a_placemark_without_coordinates_or_with_a_bad_ring(tmp_path: Path) -> None:
    def placemark(name: str, coordinates: str) -> str:
        ring = f"<outerBoundaryIs><LinearRing><coordinates>{coordinates}</coordinates></LinearRing></outerBoundaryIs>"
        return f"<Placemark><name>{name}</name><Polygon>{ring}</Polygon></Placemark>"

    good = " ".join(f"{x},{y}" for x, y in RING)
    path = tmp_path / "x.kml"
    path.write_text(f"<kml>{placemark('a', good)}{placemark('b', '')}{placemark('c', '1,2 3')}</kml>")
    found = read_zones(path)
    assert [zone.name for zone in found.zones] == ["a"]
    assert [line.split(":")[0] for line in found.left_out] == ["b", "c"]


def test_parts_that_share_an_edge_are_united(tmp_path: Path) -> None:
    halves = shapely.MultiPolygon([box(-75, 40, -74.9, 40.1), box(-74.9, 40, -74.8, 40.1)])
    (zone,) = read_zones(written(tmp_path / "x.geojson", json.loads(shapely.to_geojson(halves)))).zones
    assert isinstance(zone.geometry, Polygon)
    assert zone.geometry.equals(box(-75, 40, -74.8, 40.1))


@pytest.mark.parametrize("members", [{"exceededTransferLimit": True}, {"properties": {"exceededTransferLimit": True}}])
def test_what_a_server_cut_short_is_asked_about(tmp_path: Path, members: dict[str, Any]) -> None:
    (doubt,) = read_zones(written(tmp_path / "x.geojson", GOOD, **members)).doubts
    assert "exceededTransferLimit" in doubt
    (again,) = quarantine.read_zones(written(tmp_path / "y.geojson", GOOD, **members)).doubts
    assert again == doubt
    lines = [json.dumps({"type": "FeatureCollection", "features": [], **more}) for more in (members, {})]
    lines.append(json.dumps({"type": "Feature", "properties": {"name": "East"}, "geometry": GOOD}))
    for order in (lines, lines[::-1]):
        (tmp_path / "z.ndjson").write_text("\n".join(order))
        assert read_zones(tmp_path / "z.ndjson").doubts == (doubt,)


def test_a_projection_that_is_made_for_another_place_is_asked_about(tmp_path: Path) -> None:
    """A degree beside it: near enough to be meant, and far enough to be a slip."""
    rows = [{"name": "East", "shape": shapely.box(900_000, 700_000, 910_000, 710_000)}]
    crs = {"type": "name", "properties": {"name": "EPSG:2272"}}  # Pennsylvania South
    (doubt,) = read_zones(geojson(tmp_path / "x.geojson", rows, crs=crs)).doubts
    assert "outside the area that EPSG:2272 is made for" in doubt


@pytest.mark.parametrize("says", ["ISO-8859-1", "1252", ""])
def test_texts_that_are_utf8_are_read_so_whatever_is_said(tmp_path: Path, says: str) -> None:
    path = zipped(tmp_path / "x.zip", two(name=["Pe\u00f1a Blanca", "Caf\u00e9"]), without=(".cpg",))
    if says:
        with zipfile.ZipFile(path, "a") as archive:
            archive.writestr("nested/zones.cpg", says)
    found = read_zones(path)
    assert [zone.name for zone in found.zones] == ["Pe\u00f1a Blanca", "Caf\u00e9"]
    assert any("as UTF-8" in note for note in found.notes)


def shapefile(path: Path, names: list[bytes], *, code_page: int = 0, cpg: str = "") -> Path:
    """Zones with these bytes for names. `code_page`: byte 29 of the .dbf file, which names it; `cpg`: what a .cpg file
    says."""
    shapes = [box(-75 + n / 10, 40, -74.9 + n / 10, 40.1) for n in range(len(names))]
    frame = gpd.GeoDataFrame({"name": [f"{n:016}" for n in range(len(names))]}, geometry=shapes, crs=4326)
    frame.to_file(path.parent / "s.shp")
    dbf = bytearray((path.parent / "s.dbf").read_bytes())
    dbf[29] = code_page
    for n, name in enumerate(names):
        dbf = dbf.replace(f"{n:016}".encode(), name.ljust(16))
    with zipfile.ZipFile(path, "w") as archive:
        for suffix in ("shp", "shx", "prj"):
            archive.write(path.parent / f"s.{suffix}", f"s.{suffix}")
        archive.writestr("s.dbf", bytes(dbf))
        if cpg:
            archive.writestr("s.cpg", cpg)
    return path


@pytest.mark.parametrize("code_page", [3, 87])  # Windows-1252, and what the Windows of the time was set to
@pytest.mark.parametrize("encoding", ["utf-8", "cp1252"])
def test_the_code_page_of_a_table_is_believed_only_where_its_texts_are_not_utf8(
    code_page: int, encoding: str, tmp_path: Path
) -> None:
    names = ["Pe\u00f1a Blanca", "Caf\u00e9"]
    path = shapefile(tmp_path / "x.zip", [name.encode(encoding) for name in names], code_page=code_page)
    found = read_zones(path)
    assert [zone.name for zone in found.zones] == names
    assert any("as UTF-8" in note for note in found.notes) == (encoding == "utf-8")
    assert not found.doubts


@pytest.mark.parametrize("says", [{"code_page": 3}, {"code_page": 87}, {"cpg": "1252"}, {"cpg": "UTF-8"}])
def test_texts_of_which_most_are_utf8_are_read_so_and_asked_about(says: dict[str, Any], tmp_path: Path) -> None:
    names = ["Pe\u00f1a Blanca".encode(), "Ca\u00f1on".encode(), b"Old Town", b"Caf\xe9", "S\u00e3o".encode()]
    path = shapefile(tmp_path / "x.zip", names, **says)
    found = read_zones(path)
    assert [zone.name for zone in found.zones] == ["Pe\u00f1a Blanca", "Ca\u00f1on", "Old Town", "Caf?", "S\u00e3o"]
    (doubt,) = found.doubts
    assert doubt.startswith("Most of its texts are UTF-8, but in 1 of them")
    if says != {"cpg": "UTF-8"}:
        said = read_zones(path, encoding="cp1252")
        assert (said.zones[3].name, said.doubts) == ("Caf\u00e9", ())


def test_a_text_that_its_column_cuts_in_the_middle_of_a_letter_is_asked_about(tmp_path: Path) -> None:
    names = ["Avenida de la P\u00f1a".encode()[:16], "Pe\u00f1a".encode(), "Ca\u00f1a".encode()]
    found = read_zones(shapefile(tmp_path / "x.zip", names, code_page=3))
    assert [zone.name for zone in found.zones] == ["Avenida de la P?", "Pe\u00f1a", "Ca\u00f1a"]
    assert found.doubts


def test_parts_are_united_by_names_that_differ_in_capitals(tmp_path: Path) -> None:
    other = json.loads(shapely.to_geojson(box(-74.9, 40, -74.8, 40.1)))
    path = written(tmp_path / "x.geojson", GOOD, other, names=("Zone A", "ZONE A"))
    assert [zone.name for zone in read_zones(path, dissolve="name").zones] == ["Zone A"]


@pytest.mark.parametrize("field", ["EVAC", "EVAC_TYPE", "NEIGHBORHO", "NAME10", "NAMELSAD10"])
def test_columns_of_the_census_and_of_evacuation_maps_name_zones(tmp_path: Path, field: str) -> None:
    path = geojson(tmp_path / "x.geojson", [{"objectid": 7, field: "Old Town", "shape": EAST}])
    assert read_zones(path).name_field == field


def test_what_arcgis_sends_gets_its_own_hint(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_text('{"error": {"code": 400, "message": "Invalid query", "details": []}}')
    assert "error message of a server: 400 Invalid query" in refusal(path).message
    path.write_text('{"geometryType": "esriGeometryPolygon", "spatialReference": {"wkid": 4326}, "features": []}')
    assert "Esri JSON" in refusal(path).message


def test_a_zipped_geojson_and_a_table_get_their_own_hint(tmp_path: Path) -> None:
    for inside, words in (("zones.geojson", "holds a .geojson file"), ("zones.csv", "It is a table")):
        path = tmp_path / f"{inside}.zip"
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr(inside, "{}")
        assert words in refusal(path).message


def test_the_time_limit_follows_the_size(tmp_path: Path) -> None:
    small, large = tmp_path / "a.geojson", tmp_path / "b.geojson"
    small.write_bytes(b" ")
    large.write_bytes(b" " * 4_000_000)
    assert quarantine.seconds_for(small) == quarantine.SECONDS
    assert quarantine.seconds_for(large) == pytest.approx(quarantine.SECONDS + 9)


def test_places_are_told_by_the_nearest_that_is_well_known() -> None:
    assert places.near(-76.375, 36.82).endswith("from Norfolk, Virginia")
    assert places.near(0.0, 0.0).endswith("from Accra")


def test_attributes_in_the_html_of_a_kml_are_fields(tmp_path: Path) -> None:
    """As ArcGIS exports them: a table in the description."""
    good = " ".join(f"{x},{y}" for x, y in RING)
    ring = f"<outerBoundaryIs><LinearRing><coordinates>{good}</coordinates></LinearRing></outerBoundaryIs>"
    html = (
        "<![CDATA[<html><body><table><tr><td>HOA</td></tr><tr><td><table><tr><td>OBJECTID</td><td>7</td></tr>"
        "<tr><td>Quarter</td><td>Old &amp; <b>New</b> Town</td></tr></table></td></tr></table></body></html>]]>"
    )
    path = tmp_path / "x.kml"
    path.write_text(f"<kml><Placemark><description>{html}</description><Polygon>{ring}</Polygon></Placemark></kml>")
    assert "OBJECTID, Quarter" in refusal(path).message
    assert read_zones(path, name_field="Quarter").zones[0].name == "Old & New Town"


def test_a_zone_drawn_as_a_closed_line_asks_whether_its_inside_is_meant(tmp_path: Path) -> None:
    closed = {"type": "LineString", "coordinates": RING}
    error = refusal(written(tmp_path / "x.geojson", closed))
    assert "If you mean its inside" in str(error)
    (line,) = read_zones(written(tmp_path / "y.geojson", GOOD, closed)).left_out
    assert "If you mean its inside" in line
    street = {"type": "LineString", "coordinates": RING[:3]}
    assert "inside" not in str(refusal(written(tmp_path / "z.geojson", street)))


def geopackage(path: Path, change: Callable[[bytes], bytes]) -> Path:
    """Three rows: a zone, one whose stored shape is changed, one without a shape."""
    gpd.GeoDataFrame({"name": ["a", "b", "c"]}, geometry=[EAST, EAST, None], crs=4326).to_file(path, SPATIAL_INDEX="NO")
    with contextlib.closing(sqlite3.connect(path)) as database, database:
        for (trigger,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            database.execute(f'DROP TRIGGER "{trigger}"')
        (blob,) = database.execute("SELECT geom FROM x WHERE name = 'b'").fetchone()
        database.execute("UPDATE x SET geom = ? WHERE name = 'b'", (change(blob),))
    return path


def test_an_open_ring_of_a_geopackage_is_closed_and_its_length_told_as_that_of_geojson(tmp_path: Path) -> None:
    elsewhere = struct.pack("<dd", -74.95, 40.05)  # the last corner is not the first one
    found = quarantine.read_zones(geopackage(tmp_path / "x.gpkg", lambda blob: blob[: -len(elsewhere)] + elsewhere))
    ring = [*list(EAST.exterior.coords)[:-1], (-74.95, 40.05)]
    same = written(tmp_path / "x.geojson", {"type": "Polygon", "coordinates": [ring]})
    (as_geojson,) = [one.what for one in read_zones(same).mended if "open ring" in one.what]
    assert [zone.name for zone in found.zones] == ["a", "b"]
    assert found.zones[1].geometry.equals(read_zones(same).zones[0].geometry)
    assert [one.what for one in found.mended if one.zone == "b" and "open ring" in one.what] == [as_geojson]
    assert "m of its border were not in the file" in as_geojson
    assert found.left_out == ("c: It has no shape.",)


@pytest.mark.parametrize("change", [lambda blob: blob[:-8], lambda blob: blob[:-90] + b"\xff" * 90])
def test_a_shape_of_a_geopackage_that_cannot_be_read_does_not_refuse_the_others(
    change: Callable[[bytes], bytes], tmp_path: Path
) -> None:
    found = quarantine.read_zones(geopackage(tmp_path / "x.gpkg", change))
    assert [zone.name for zone in found.zones] == ["a"]
    assert found.left_out[0].startswith("b: ")
    assert found.left_out[1:] == ("c: It has no shape.",)


@pytest.mark.parametrize("kind", ["Polygon", "MultiPolygon"])
@pytest.mark.parametrize("order", [0, 1])
@pytest.mark.parametrize("dimensions", [2, 3])
def test_open_rings_in_every_form_of_wkb(kind: str, order: int, dimensions: int) -> None:
    hole = box(-74.99, 40.01, -74.98, 40.02).exterior.coords
    flat = Polygon(box(-75, 40, -74.9, 40.1).exterior.coords, [hole])
    shape = shapely.force_3d(flat) if dimensions == 3 else flat
    whole = shapely.MultiPolygon([shape]) if kind == "MultiPolygon" else shape
    for flavor in ("iso", "extended"):
        wkb = shapely.to_wkb(whole, byte_order=order, output_dimension=dimensions, flavor=flavor)
        corner = struct.pack("<dd" if order else ">dd", *hole[0])
        moved = struct.pack("<dd" if order else ">dd", -74.985, 40.005)
        at = wkb.rindex(corner)
        found = openrings.close(wkb[:at] + moved + wkb[at + 16 :])
        assert found is not None
        assert found[1] == (((-74.985, 40.005), hole[0][:2]),)
        assert not found[0].has_z
        closed = openrings.close(wkb)
        assert closed is not None
        assert (closed[0].equals(flat), closed[1]) == (True, ())
        for end in range(len(wkb)):
            assert openrings.close(wkb[:end]) is None
    assert openrings.close(shapely.to_wkb(shapely.Point(1, 2))) is None
    assert openrings.close(struct.pack("<BII", 1, 6, 1) * 100_000) is None, "one in another, without end"
