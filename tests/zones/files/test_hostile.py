"""Files made to do harm, or damaged on the way: each is refused in one line, and none does anything else."""

import json
import random
import warnings
import zipfile
from pathlib import Path
from typing import Any

import pytest
from pyproj import CRS
from shapely.geometry import box, mapping

from tests.zones.real import real_file
from tests.zones.test_importing import EAST, geojson, refusal, two, zipped
from zones.errors import ZoneError
from zones.files import crs as crs_of_files
from zones.files import opening
from zones.importing import read_zones

GARBLED = "a\nb\x1b[31m\u202ec"


def with_properties(path: Path, *rows: dict[str, Any]) -> Path:
    features = [{"type": "Feature", "geometry": mapping(EAST), "properties": row} for row in rows]
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    return path


def with_member(path: Path, name: str, content: str = "x") -> Path:
    """The two zones in a zip that holds one file more."""
    zipped(path, two(), without=(".prj",))
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(zipfile.ZipInfo(name), content)
    return path


def test_nothing_in_a_file_can_break_an_error_line(tmp_path: Path) -> None:
    messages = [
        str(refusal(with_properties(tmp_path / "field.json", {GARBLED: 1}))),
        str(refusal(with_properties(tmp_path / "id.json", {GARBLED: 1, "name": "x"}), id_field="no")),
        str(refusal(with_member(tmp_path / "layer.zip", f"{GARBLED}.shp"))),
    ]
    for message in messages:
        assert "[31m" in message
        assert message.isprintable()


def test_a_coordinate_system_of_a_strange_name_is_told_in_one_line(tmp_path: Path) -> None:
    own = CRS.from_proj4("+proj=tmerc +lat_0=39 +lon_0=-75 +datum=WGS84 +units=m")  # it has no number, so is named
    path = zipped(tmp_path / "x.zip", two().to_crs(own), without=(".prj",))
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("nested/zones.prj", own.to_wkt("WKT1_ESRI").replace('["unknown"', '["a\x1b[31mb"', 1))
    assert read_zones(path).crs == "a [31mb"


def test_many_fields_are_listed_in_part(tmp_path: Path) -> None:
    error = refusal(with_properties(tmp_path / "x.json", {f"f{n}": n for n in range(5_000)}))
    assert len(str(error)) < 600


def test_a_field_of_its_own_for_each_feature_does_not_fill_the_memory(tmp_path: Path) -> None:
    rows = [{f"f{n}": n} for n in range(int(opening.MAX_CELLS**0.5) + 1)]
    assert "different fields" in refusal(with_properties(tmp_path / "x.json", *rows)).message


def test_a_name_can_be_stored_as_utf8(tmp_path: Path) -> None:
    (zone,) = read_zones(with_properties(tmp_path / "x.json", {"name": "Old\ud800Town"})).zones
    assert zone.name.encode() == b"Old Town"


@pytest.mark.parametrize(
    "name", ["+proj=longlat +nadgrids=/etc/hosts", "+init=epsg:2272", "+init=/etc/hosts:x", "http://192.0.2.1/crs"]
)
def test_a_crs_that_names_a_file_or_an_address_is_refused(tmp_path: Path, name: str) -> None:
    crs = {"type": "name", "properties": {"name": name}}
    path = geojson(tmp_path / "x.json", [{"name": "a", "shape": EAST}], crs=crs)
    assert "no coordinate system" in refusal(path).message


OWN = """PROJCS["x", GEOGCS["g", DATUM["D_X", SPHEROID["X", 6378137, 298.257223563]], PRIMEM["Greenwich", 0],
    UNIT["degree", 0.0174532925199433]], PROJECTION["Transverse_Mercator"], PARAMETER["latitude_of_origin", 0],
    PARAMETER["central_meridian", -75], PARAMETER["scale_factor", 0.9996], PARAMETER["false_easting", 500000],
    PARAMETER["false_northing", 0], UNIT["metre", 1], EXTENSION["PROJ4", "%s"]]"""


@pytest.mark.parametrize(
    ("proj", "is_read"),
    [
        ("+proj=tmerc +lon_0=-75 +nadgrids=@null", True),
        ("+proj=tmerc +lon_0=-75 +nadgrids=@null +no_defs", True),
        ("+proj=tmerc +lon_0=-75 +nadgrids=/etc/hosts", False),
        ("+proj=tmerc +lon_0=-75 +nadgrids=@null,/etc/hosts", False),
        ("+proj=tmerc +lon_0=-75 +geoidgrids=/etc/hosts", False),
        ("+proj=tinshift +file=/etc/hosts", False),
        ("+proj=defmodel +model=/etc/hosts", False),
        ("+init=/etc/hosts:x", False),
    ],
)
def test_a_file_that_names_another_in_its_coordinate_system_is_refused(proj: str, is_read: bool) -> None:
    own = CRS.from_wkt(OWN % proj)
    if is_read:
        assert crs_of_files.agreed(own, None, None) == own
    else:
        with pytest.raises(ZoneError, match="names a grid file"):
            crs_of_files.agreed(own, None, None)


@pytest.mark.parametrize("crs", ["EPSG:5714", "EPSG:4978"])  # heights above the sea; metres from the earth's middle
def test_a_crs_that_is_not_of_a_map_is_refused(tmp_path: Path, crs: str) -> None:
    path = geojson(tmp_path / "x.json", [{"name": "a", "shape": EAST}])
    assert "cannot be converted to longitude" in refusal(path, crs=crs).message


def test_degrees_taken_for_metres_of_a_world_map_are_noticed(tmp_path: Path) -> None:
    """They would be a zone of no size off the coast of Africa."""
    path = geojson(tmp_path / "x.json", [{"name": "a", "shape": EAST}])
    assert "cannot be in EPSG:3857" in refusal(path, crs="EPSG:3857").message
    in_metres = two().to_crs("EPSG:3857").geometry[0]
    found = read_zones(geojson(tmp_path / "y.json", [{"name": "a", "shape": in_metres}]), crs="EPSG:3857")
    assert found.zones[0].geometry.bounds == pytest.approx(EAST.bounds, abs=1e-9)


def test_collection_days_along_streets_are_refused_as_lines() -> None:
    error = refusal(real_file("trash/phl_daily_collection_2023-05-05_epsg2272.geojson"))
    assert "no polygons, only LineString" in error.message


@pytest.mark.parametrize("name", [".", ""])
def test_a_zip_member_without_a_name_is_refused(tmp_path: Path, name: str) -> None:
    assert "unsafe path" in refusal(with_member(tmp_path / "x.zip", name)).message


@pytest.mark.parametrize("method", [zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2])
def test_a_zip_packed_by_a_method_that_swells_unchecked_is_refused(tmp_path: Path, method: int) -> None:
    path = tmp_path / "x.zip"
    with zipfile.ZipFile(path, "w", method) as archive:
        archive.writestr("zones.shp", bytes(1_000))
    assert "unusual compression method" in refusal(path).message


def test_a_prj_that_is_not_utf8_is_refused(tmp_path: Path) -> None:
    path = zipped(tmp_path / "x.zip", two(), without=(".prj",))
    with zipfile.ZipFile(path, "a") as archive:
        prj = two().crs.to_wkt("WKT1_ESRI").replace("GCS_WGS_1984", "Córdoba")
        archive.writestr("nested/zones.prj", prj.encode("latin-1"))
    error = refusal(path)
    assert ".prj file cannot be read" in error.message
    assert "--crs" in error.hint


def damaged(rng: random.Random, content: bytes) -> bytes:
    hurt = bytearray(content)
    for _ in range(rng.choice((1, 2, 8))):
        if not hurt:
            break
        place = rng.randrange(len(hurt))
        match rng.randrange(3):
            case 0:
                hurt[place] ^= 1 << rng.randrange(8)
            case 1:
                del hurt[place : place + rng.randrange(1, 9)]
            case _:
                hurt[place:place] = rng.randbytes(3)
    return bytes(hurt)


@pytest.mark.parametrize("seed", range(4))
def test_a_damaged_file_is_read_or_refused_and_nothing_else(tmp_path: Path, seed: int) -> None:
    rng = random.Random(seed)
    whole = zipped(tmp_path / "whole.zip", two())
    text = geojson(tmp_path / "whole.json", [{"name": "a", "shape": EAST}, {"name": "b", "shape": box(0, 0, 1, 1)}])
    with zipfile.ZipFile(whole) as archive:
        inside = {name: archive.read(name) for name in archive.namelist()}
    refusals = []
    for turn in range(240):
        path = tmp_path / ("x.json" if turn % 3 == 0 else "x.zip")
        if turn % 3 == 2:
            chosen = rng.choice(list(inside))
            with zipfile.ZipFile(path, "w") as archive:
                for name, content in inside.items():
                    archive.writestr(name, damaged(rng, content) if name == chosen else content)
        else:
            path.write_bytes(damaged(rng, (text if turn % 3 == 0 else whole).read_bytes()))
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # GDAL says on the way what it thinks of such files
                found = read_zones(path)
        except ZoneError as error:
            refusals.append(str(error))
        else:
            assert all(zone.geometry.is_valid and zone.name for zone in found.zones)
    assert len(refusals) > 100
    assert all(line.isprintable() for line in refusals)
