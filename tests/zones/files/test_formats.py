"""The formats that cities have, one by one: each gives the same zones, or one line that says why not."""

import json
import sqlite3
import warnings
import zipfile
from pathlib import Path
from typing import Any

import geopandas as gpd
import pyogrio
import pytest
import shapely
from pyproj import Geod, Transformer
from shapely.geometry import LineString, MultiPolygon, Point, box, mapping

from tests.zones.test_importing import EAST, WEST, geojson, refusal, two, zipped
from zones.files.opening import READERS
from zones.geometry import area_hash
from zones.importing import read_zones

HOLED = box(-75.3, 39.9, -75.2, 40.0).difference(box(-75.28, 39.92, -75.26, 39.94))


def features(*rows: tuple[str, Any]) -> list[dict[str, Any]]:
    return [{"type": "Feature", "properties": {"name": name}, "geometry": mapping(shape)} for name, shape in rows]


def ring(shape: Any) -> str:
    return " ".join(f"{x},{y},7.5" for x, y in shape.coords)


def polygon_kml(shape: Any) -> str:
    inner = "".join(
        f"<innerBoundaryIs><LinearRing><coordinates>{ring(hole)}</coordinates></LinearRing></innerBoundaryIs>"
        for hole in shape.interiors
    )
    outer = f"<LinearRing><coordinates>\n{ring(shape.exterior)}\n</coordinates></LinearRing>"
    return f"<Polygon><outerBoundaryIs>{outer}</outerBoundaryIs>{inner}</Polygon>"


def kml(path: Path, *placemarks: str, start: str = '<?xml version="1.0" encoding="UTF-8"?>') -> Path:
    body = f"<Document><name>City</name><Folder><name>East side</name>{''.join(placemarks)}</Folder></Document>"
    path.write_text(f'{start}<kml xmlns="http://www.opengis.net/kml/2.2">{body}</kml>')
    return path


def placemark(name: str, shape: str, more: str = "") -> str:
    return f"<Placemark><name>{name}</name>{more}{shape}</Placemark>"


def two_layers(path: Path, driver: str) -> Path:
    two().to_file(path, layer="wards", driver=driver)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        two(NAME=["a", "b"]).to_file(path, layer="parks", driver=driver)
    return path


def gdb(tmp_path: Path, name: str = "city.gdb") -> Path:
    """Two feature classes in a zipped geodatabase."""
    folder = two_layers(tmp_path / name, "OpenFileGDB")
    path = tmp_path / "x.gdb.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(folder.iterdir()):
            archive.write(file, f"export/{name}/{file.name}")
    return path


def test_the_same_zones_from_every_format(tmp_path: Path) -> None:
    """So that importing a file again in another format makes no new version."""
    frame = two()
    frame.to_file(tmp_path / "x.gpkg", layer="wards", driver="GPKG")
    files = [
        geojson(tmp_path / "x.geojson", [{"NAME": "East", "shape": EAST}, {"NAME": "West", "shape": WEST}]),
        zipped(tmp_path / "x.zip", frame),
        tmp_path / "x.gpkg",
        kml(tmp_path / "x.kml", placemark("East", polygon_kml(EAST)), placemark("West", polygon_kml(WEST))),
    ]
    assert {path.suffix for path in files} < set(READERS)
    expected = [("East", area_hash(EAST)), ("West", area_hash(WEST))]
    for path in files:
        found = read_zones(path)
        assert [(zone.name, area_hash(zone.geometry)) for zone in found.zones] == expected, path.suffix
        assert (found.crs, found.mended, found.left_out) == ("EPSG:4326", (), ())


# GeoJSON


@pytest.mark.parametrize("divider", ["\n", "\r\n", "\n\n", "\x1e"])
def test_newline_delimited_geojson(tmp_path: Path, divider: str) -> None:
    path = tmp_path / "x.geojsonl"
    lines = [json.dumps(feature) for feature in features(("East", EAST), ("West", WEST))]
    path.write_text((divider if divider == "\x1e" else "") + divider.join(lines) + "\n")
    assert [zone.name for zone in read_zones(path).zones] == ["East", "West"]
    renamed = path.rename(tmp_path / "x.json")
    assert [zone.name for zone in read_zones(renamed).zones] == ["East", "West"]


def test_the_coordinate_system_of_lines_is_that_of_all_of_them(tmp_path: Path) -> None:
    old = {"crs": {"type": "name", "properties": {"name": "EPSG:4267"}}}
    rows = features(("East", EAST), ("West", WEST))
    path = written(tmp_path / "x.ndjson", "\n".join(json.dumps(row | old) for row in rows))
    assert read_zones(path).crs == "EPSG:4267"
    path = written(tmp_path / "y.ndjson", "\n".join(json.dumps(row) for row in (rows[0] | old, rows[1])))
    assert "Line 2: Its crs differs from the lines before." in refusal(path).message


def test_a_bad_line_is_named(tmp_path: Path) -> None:
    path = tmp_path / "x.ndjson"
    path.write_text("\n".join([*(json.dumps(feature) for feature in features(("a", EAST), ("b", WEST))), "{"]))
    assert "Line 3: It is not JSON" in refusal(path).message


def test_geojson_on_one_line_with_an_end_is_one_document(tmp_path: Path) -> None:
    path = tmp_path / "x.geojson"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features(("East", EAST))}) + "\n\n")
    assert len(read_zones(path).zones) == 1


def test_a_geometry_among_the_properties_is_no_name(tmp_path: Path) -> None:
    rows = [{"name": mapping(Point(0, 0)), "label": "East", "shape": EAST}]
    assert read_zones(geojson(tmp_path / "x.json", rows), name_field="label").zones[0].name == "East"
    assert "no zone with a name" in refusal(tmp_path / "x.json", name_field="name").message


# KML


def test_kml_fields_come_from_extended_data_too(tmp_path: Path) -> None:
    data = (
        '<ExtendedData><Data name="code"><value>E1</value></Data>'
        '<SchemaData schemaUrl="#a"><SimpleData name="EZONE">A</SimpleData></SchemaData></ExtendedData>'
    )
    path = kml(tmp_path / "x.kml", placemark("1", polygon_kml(HOLED), data))
    found = read_zones(path, name_field="EZONE", id_field="code")
    assert [(zone.name, zone.external_id) for zone in found.zones] == [("A", "E1")]
    assert area_hash(found.zones[0].geometry) == area_hash(HOLED)
    assert [zone.name for zone in read_zones(path, dissolve="folder", name_field="folder").zones] == ["East side"]


def test_kml_of_many_polygons_and_an_open_ring(tmp_path: Path) -> None:
    opened = polygon_kml(EAST).replace(ring(EAST.exterior), ring(LineString(EAST.exterior.coords[:-1])))
    both = f"<MultiGeometry>{opened}<MultiGeometry>{polygon_kml(HOLED)}</MultiGeometry></MultiGeometry>"
    found = read_zones(kml(tmp_path / "x.kml", placemark("Both", both)))
    assert area_hash(found.zones[0].geometry) == area_hash(MultiPolygon([EAST, HOLED]))
    last, first = EAST.exterior.coords[-2], EAST.exterior.coords[0]
    assert f"closed an open ring: {metres(last, first):,.0f} m of its border were not in the file" in [
        mended.what for mended in found.mended
    ]


def metres(last: tuple[float, ...], first: tuple[float, ...]) -> float:
    return float(Geod(ellps="WGS84").inv(last[0], last[1], first[0], first[1])[2])


@pytest.mark.parametrize("swap_axes", [False, True])
@pytest.mark.parametrize("crs", ["EPSG:4326", "EPSG:26918", "EPSG:2272"])
def test_an_open_ring_tells_in_metres_how_much_of_its_border_is_invented(
    crs: str, swap_axes: bool, tmp_path: Path
) -> None:
    """Also where the file is in feet, or has north before east: two rings, their gaps about 2,779 and 1,111 m."""
    rings = [
        [(-75.2, 39.9), (-75.15, 39.9), (-75.15, 39.925), (-75.2, 39.925)],
        [(-75.1, 39.9), (-75.05, 39.9), (-75.05, 39.91), (-75.1, 39.91)],
    ]
    expected = sum(metres(corners[-1], corners[0]) for corners in rings)
    there = Transformer.from_crs("EPSG:4326", crs, always_xy=True).transform
    moved = [[list(there(*corner))[:: -1 if swap_axes else 1] for corner in corners] for corners in rings]
    document = {
        "type": "FeatureCollection",
        "crs": {"type": "name", "properties": {"name": crs}},
        "features": [
            {
                "type": "Feature",
                "properties": {"name": "A"},
                "geometry": {"type": "MultiPolygon", "coordinates": [[corners] for corners in moved]},
            }
        ],
    }
    path = tmp_path / "open.geojson"
    path.write_text(json.dumps(document))
    [told] = [mended.what for mended in read_zones(path, swap_axes=swap_axes).mended]
    start, _, rest = told.partition(": ")
    assert start == "closed 2 open rings"
    assert float(rest.split()[0].replace(",", "")) == pytest.approx(expected, rel=0.001)


@pytest.mark.parametrize(
    ("coordinates", "words"),
    [
        ("0,0 1,0 1,x 0,0", "not all numbers"),
        ("0,0 1,0 1,nan 0,0", "not all numbers"),
        ("0,0 1,0 1,1_0 0,0", "not all numbers"),
        ("0,0 1,0 1 0,0", "not pairs"),
        ("0 , 0 1,0 1,1 0,0", "not pairs"),
        ("0,0 1,0", "has 2 positions"),
        ("0,0 1,0 1,1e999 0,0", "not all numbers"),
        ("0,0 1,0 1,95 0,0", "outside the world"),
    ],
)
def test_kml_coordinates_are_read_whole_or_not_at_all(tmp_path: Path, coordinates: str, words: str) -> None:
    """GDAL would make a smaller zone of what it can read."""
    shape = f"<Polygon><outerBoundaryIs><LinearRing><coordinates>{coordinates}</coordinates></LinearRing>"
    path = kml(tmp_path / "x.kml", placemark("a", f"{shape}</outerBoundaryIs></Polygon>"))
    assert words in str(refusal(path))


def test_all_shapes_of_a_placemark_are_its_zone(tmp_path: Path) -> None:
    both = polygon_kml(EAST) + f"<MultiGeometry>{polygon_kml(WEST)}</MultiGeometry>"
    (zone,) = read_zones(kml(tmp_path / "x.kml", placemark("Both", both))).zones
    assert zone.geometry.equals(EAST.union(WEST))
    pieces = polygon_kml(EAST).replace("</coordinates>", "</coordinates><coordinates>0,0</coordinates>")
    assert "in 2 pieces" in refusal(kml(tmp_path / "y.kml", placemark("a", pieces))).message


def test_kml_without_a_namespace_and_in_utf16(tmp_path: Path) -> None:
    path = kml(tmp_path / "x.kml", placemark("Zoë", polygon_kml(EAST)), start='<?xml version="1.0"?>')
    path.write_text(path.read_text().replace(' xmlns="http://www.opengis.net/kml/2.2"', ""), encoding="utf-16")
    assert [zone.name for zone in read_zones(path).zones] == ["Zoë"]


def test_what_else_a_kml_holds_is_told(tmp_path: Path) -> None:
    link = "<NetworkLink><name>more</name><Link><href>http://192.0.2.1/more.kml</href></Link></NetworkLink>"
    found = read_zones(kml(tmp_path / "x.kml", placemark("a", polygon_kml(EAST)), link, placemark("b", "")))
    assert found.notes == ("1 NetworkLink not read",)
    assert found.left_out == ("b: It has no shape.",)
    assert "only links to another file" in refusal(kml(tmp_path / "y.kml", link)).message
    assert "not KML" in refusal(written(tmp_path / "z.kml", "<gpx/>")).message


def written(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def test_kmz_with_doc_kml_or_several(tmp_path: Path) -> None:
    inner = kml(tmp_path / "doc.kml", placemark("a", polygon_kml(EAST)))
    path = tmp_path / "x.kmz"
    for names, layer in ((["doc.kml"], None), (["files/city.kml"], None), (["doc.kml", "more.kml"], None)):
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name in names:
                archive.write(inner, name)
        assert [zone.name for zone in read_zones(path, layer=layer).zones] == ["a"]
    with zipfile.ZipFile(path, "w") as archive:
        archive.write(inner, "one.kml")
        archive.write(inner, "two.kml")
    assert "one.kml, two.kml" in refusal(path).hint
    assert len(read_zones(path, layer="two.kml").zones) == 1
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("image.png", b"")
    assert "no KML" in refusal(path).message


# GeoPackage and file geodatabase


@pytest.mark.parametrize("kind", ["gpkg", "gdb"])
def test_several_layers_are_asked_about(tmp_path: Path, kind: str) -> None:
    path = two_layers(tmp_path / "x.gpkg", "GPKG") if kind == "gpkg" else gdb(tmp_path)
    assert "parks, wards" in refusal(path).hint
    assert "parks, wards" in refusal(path, layer="roads").hint
    found = read_zones(path, layer="wards")
    expected = [("East", area_hash(EAST)), ("West", area_hash(WEST))]
    assert found.crs == "EPSG:4326"
    assert [zone.name for zone in found.zones] == [name for name, _ in expected]
    for zone, shape in zip(found.zones, (EAST, WEST), strict=True):
        assert zone.geometry.symmetric_difference(shape).area < 1e-12  # a geodatabase keeps coordinates on a grid


def test_a_layer_name_with_quotes_is_only_a_name(tmp_path: Path) -> None:
    name = "a\"b'; DROP TABLE x"
    two().to_file(tmp_path / "x.gpkg", layer=name, driver="GPKG")
    assert len(read_zones(tmp_path / "x.gpkg", layer=name).zones) == 2


def test_curves_heights_and_measures_become_plain_polygons(tmp_path: Path) -> None:
    frame = gpd.GeoDataFrame({"name": ["a"]}, geometry=[shapely.force_3d(EAST, 12.0)], crs="EPSG:4326")
    pyogrio.write_dataframe(frame, tmp_path / "z.gpkg", driver="GPKG")
    (zone,) = read_zones(tmp_path / "z.gpkg").zones
    assert not zone.geometry.has_z
    assert area_hash(zone.geometry) == area_hash(EAST)


def test_a_layer_may_be_named_in_any_alphabet(tmp_path: Path) -> None:
    path = tmp_path / "x.gpkg"
    gpd.GeoDataFrame({"name": ["a"]}, geometry=[EAST], crs=4326).to_file(path, layer="Évacuation ÄMTER")
    assert len(read_zones(path).zones) == 1


def test_a_geopackage_that_is_open_elsewhere_is_refused(tmp_path: Path) -> None:
    two().to_file(tmp_path / "x.gpkg", layer="wards", driver="GPKG")
    (tmp_path / "x.gpkg-wal").write_bytes(b"pages that are not in the file yet")
    assert "Another program has it open" in refusal(tmp_path / "x.gpkg").message


def test_another_database_is_no_geopackage(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "x.gpkg") as database:
        database.execute("CREATE TABLE zones (name TEXT)")
    database.close()
    assert "not a GeoPackage" in refusal(tmp_path / "x.gpkg").message
    assert "not a GeoPackage" in refusal(written(tmp_path / "y.gpkg", "hello")).message


def test_a_folder_of_a_geodatabase_is_to_be_zipped(tmp_path: Path) -> None:
    (tmp_path / "x.gdb").mkdir()
    assert "Zip the folder" in refusal(tmp_path / "x.gdb").hint
