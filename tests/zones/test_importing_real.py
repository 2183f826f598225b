"""Every real file beside the repository: the right zones of the right size, or refused for the right reason.

docs/zone-files.md tells what comes of each of them; here it is held against the files. Counts and areas come by another
way besides: GDAL reads the file and its own driver decides what is in it, and areas are those of an equal-area map.
"""

import re
import zipfile
from collections import Counter
from pathlib import Path

import geopandas as gpd
import numpy as np
import pyogrio
import pytest
import shapely

from tests.zones.real import Case, all_files, cases, real_file, square_km
from zones.importing import read_zones

TABLE = Path(__file__).parents[2] / "docs" / "zone-files.md"
EQUAL_AREA = "EPSG:6933"  # Lambert's cylindrical projection of the whole world
# GDAL cannot read these, or only what the file does not mean: the reasons stand in the test of each.
NOT_BY_GDAL = ("ugly/geojsonhint_bad/different-first-last.geojson", "ugly/geojsonhint_bad/short-linearring.geojson")


def rows() -> dict[tuple[str, str], tuple[str, ...]]:
    """The table, by file and options."""
    lines = [line for line in TABLE.read_text().splitlines() if line.startswith(("| zones/", "| ugly/"))]
    cells = [tuple(cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]) for line in lines]
    return {(file, options.strip("`")): (file, options, *rest) for file, options, *rest in cells}


ROWS = rows()
ALL = cases()


def test_the_table_lists_every_file_and_nothing_else() -> None:
    real_file("zones")
    assert sorted({file for file, _ in ROWS}) == all_files()
    assert list(ROWS) == [(case.file, case.options) for case in ALL]


def test_most_files_can_be_imported_one_way_or_another() -> None:
    real_file("zones")
    usable = {file for (file, _), row in ROWS.items() if row[2] != "refused"}
    never = sorted(set(all_files()) - usable)
    reasons = Counter(ROWS[file, ""][4].split(".")[0].split(":")[0] for file in never)
    assert not [file for file in never if file.startswith("zones/") and not file.endswith(".csv")]
    assert set(reasons) <= {
        "Files of this kind cannot be imported", "It holds no polygons, only Point", "It is not JSON",
        "It is a table, but zones are shapes",
        "It holds no polygons, only GeometryCollection", "It holds no polygons, only LineString", "Feature 1",
        "It holds no polygons, only MultiLineString", "It holds no polygons, only MultiPoint",
        "It holds no usable shape", "It is not GeoJSON", "It lies outside the world",
        "Its feature collection has no list of features", "Its coordinates are not all numbers",
        "The GeoPackage holds several layers",
    }  # fmt: skip


@pytest.mark.parametrize("case", ALL, ids=lambda case: f"{case.file} {case.options}".strip())
def test_a_file_gives_what_the_table_says(case: Case) -> None:
    assert case.cells() == ROWS[case.file, case.options]


@pytest.mark.filterwarnings("ignore:Measured:UserWarning")
@pytest.mark.parametrize(
    "case",
    [case for case in ALL if ROWS.get((case.file, case.options), ("",) * 5)[2] not in ("refused", "")],
    ids=lambda case: f"{case.file} {case.options}".strip(),
)
def test_areas_and_counts_are_those_of_gdal(case: Case) -> None:
    if case.file in NOT_BY_GDAL:
        pytest.skip("its rings are open, which GDAL does not close")
    options, found = case.parsed(), case.read()
    frame = _by_gdal(case)
    united = sum(int(mended.what.split()[1]) - 1 for mended in found.mended if mended.what.startswith("united"))
    assert len(found.zones) + len(found.left_out) + united == len(frame), "every feature is a zone, or told of"
    if options.buffer_m is not None:
        metric = frame.to_crs(frame.estimate_utm_crs())
        lines = ~metric.geom_type.isin(["Polygon", "MultiPolygon"])
        metric.loc[lines, "geometry"] = metric.geometry[lines].buffer(options.buffer_m)
        frame = metric.to_crs("EPSG:4326")
        if found.name_field and not options.dissolve:
            columns = {column.lower(): column for column in frame.columns}
            frame = frame.drop_duplicates([columns[found.name_field.lower()], "geometry"])
        expected_km2 = _united(frame, options.dissolve).to_crs(metric.crs).area.sum() / 1e6
        west, _, east, _ = frame.to_crs("EPSG:4326").total_bounds
        assert square_km(found) == pytest.approx(expected_km2, rel=0.01 if east - west < 6 else 0.03)  # UTM's own width
    else:
        areas = frame[frame.geom_type.isin(["Polygon", "MultiPolygon", "GeometryCollection"])]
        expected_km2 = _united(areas, options.dissolve).to_crs(EQUAL_AREA).area.sum() / 1e6
        assert square_km(found) == pytest.approx(expected_km2, rel=1e-4)


def _by_gdal(case: Case) -> gpd.GeoDataFrame:
    options = case.parsed()
    path: Path | str = case.path
    if case.path.suffix == ".zip":
        with zipfile.ZipFile(path) as archive:
            path = f"/vsizip/{path}/{next(name for name in archive.namelist() if name.endswith('.shp'))}"
    if "no_dbf" in case.file:
        pytest.skip("GDAL would have to write an index beside it")
    frame = pyogrio.read_dataframe(path, layer=options.layer)
    return frame.set_crs(options.crs or "EPSG:4326") if frame.crs is None else frame


def _united(frame: gpd.GeoDataFrame, field: str | None) -> gpd.GeoSeries:
    """Edges are straight in degrees: cut fine, so that they are so on any map. The parts of a zone count once."""
    degrees = frame.to_crs("EPSG:4326")
    valid = gpd.GeoSeries(shapely.make_valid(shapely.force_2d(degrees.geometry.array)), crs="EPSG:4326")
    groups = valid.groupby(frame[field].to_numpy()) if field else valid.groupby(np.arange(len(valid)))
    fine = [shapely.segmentize(shapely.union_all(group.array), 0.02) for _, group in groups]
    return gpd.GeoSeries(fine, crs="EPSG:4326")


@pytest.mark.parametrize("other", ["gpkg", "zip"])
def test_philadelphias_formats_agree_zone_by_zone(other: str) -> None:
    first = {zone.name: zone.geometry for zone in read_zones(real_file("zones/phl_neighborhoods.geojson")).zones}
    second = {zone.name: zone.geometry for zone in read_zones(real_file(f"zones/phl_neighborhoods.{other}")).zones}
    assert len(first) == len(second) == 159
    names = sorted(first)
    assert sorted(second) == names
    areas = [
        gpd.GeoSeries([zones[name] for name in names], crs="EPSG:4326").to_crs(EQUAL_AREA).area.to_numpy()
        for zones in (first, second)
    ]
    assert areas[0] == pytest.approx(areas[1], rel=1e-4)


@pytest.mark.parametrize(
    ("county", "text", "united", "parts"),
    [
        ("bay", "kml", "", ""),
        ("flagler", "kmz", "", ""),
        ("stjohns", "kml", "ZONE", "ZONE"),
        ("okaloosa", "kml", "", "EVAC_ZONE"),
        ("palmbeach", "kml", "", "FNAME"),
    ],
)
def test_a_county_is_as_large_in_degrees_as_in_feet(county: str, text: str, united: str, parts: str) -> None:
    """Counties publish the same zones twice; some were dissolved for one of the two."""
    first = read_zones(real_file(f"zones/fl_{county}_evac.{text}"), dissolve=united or None)
    second = read_zones(real_file(f"zones/fl_{county}_evac_shp.zip"), dissolve=parts or None)
    assert len(first.zones) == len(second.zones)
    assert square_km(first) == pytest.approx(square_km(second), rel=1e-4)
