"""What is odd about a file as a whole is reported to whoever imports it, or asked about before rows are replaced."""

import json
import zipfile
from pathlib import Path
from typing import Any

import geopandas as gpd
import pytest
from shapely.geometry import LineString, Point, box
from sqlalchemy import text
from typer.testing import CliRunner, Result

from notify.cli import addresses, basemap, streets
from notify.core.db import transaction
from notify.core.errors import Invalid
from tests.zones.files.test_quarantine import tangled
from tests.zones.test_importing import geojson
from zones.errors import ZoneError

SHAPES = {
    "address": (addresses, (), "address_points", Point(-75.0, 40.0)),
    "landmark": (addresses, ("--kind", "landmark"), "landmarks", Point(-75.0, 40.0)),
    "street": (streets, (), "streets", LineString([(-75.0, 40.0), (-75.0, 40.001)])),
    "map": (basemap, ("--layer", "park"), "map_features", box(-75.0, 40.0, -74.999, 40.001)),
}
every_kind = pytest.mark.parametrize("kind", SHAPES)


def rows(kind: str, count: int) -> list[dict[str, Any]]:
    shape = SHAPES[kind][3]
    return [{"number": 10 + n, "street": "Elm St", "name": f"Elm {n} St", "shape": shape} for n in range(count)]


def run(kind: str, path: Path, *words: str) -> Result:
    command, more, _, _ = SHAPES[kind]
    return CliRunner().invoke(command.commands, ["import", str(path), *more, *words])


def told(done: Result) -> str:
    return " ".join(done.stdout.split())


def held(kind: str) -> int:
    with transaction() as s:
        return int(s.scalars(text(f"SELECT count(*) FROM {SHAPES[kind][2]}")).one())


@every_kind
def test_a_coordinate_system_that_overrules_that_of_the_file_is_reported(
    kind: str, tmp_path: Path, database: str
) -> None:
    crs = {"type": "name", "properties": {"name": "EPSG:2272"}}
    path = geojson(tmp_path / "x.geojson", rows(kind, 1), crs=crs)
    note = "the file declares EPSG:2272, but it was read in EPSG:4326 as given with --crs"
    done = run(kind, path, "--crs", "EPSG:4326")
    assert f"Note: {note}" in told(done), done.exception
    assert json.loads(run(kind, path, "--crs", "EPSG:4326", "--json").stdout)["notes"] == [note]


@pytest.mark.parametrize("kind", ["address", "landmark"])
def test_texts_of_a_csv_that_are_not_utf8_are_reported(kind: str, tmp_path: Path, database: str) -> None:
    path = tmp_path / "x.csv"
    path.write_bytes("LON,LAT,NUMBER,STREET,NAME\n-75.0,40.0,12,Cañon Rd,Cañon\n".encode("cp1252"))
    assert "were read as cp1252; if that is wrong, give --encoding" in told(run(kind, path))


@every_kind
def test_texts_of_a_shapefile_that_are_utf8_although_it_does_not_say_so_are_reported(
    kind: str, tmp_path: Path, database: str
) -> None:
    row = {"number": 12, "street": "Cañon Rd", "name": "Cañon Rd"}
    gpd.GeoDataFrame([row], geometry=[SHAPES[kind][3]], crs=4326).to_file(tmp_path / "s.shp", encoding="utf-8")
    with zipfile.ZipFile(tmp_path / "s.zip", "w") as archive:
        for suffix in ("shp", "shx", "dbf", "prj"):
            archive.write(tmp_path / f"s.{suffix}", f"s.{suffix}")
    assert "Note: read its texts as UTF-8" in told(run(kind, tmp_path / "s.zip"))


@every_kind
@pytest.mark.parametrize("suffix", ["geojson", "ndjson"])
def test_a_download_that_the_server_cut_short_replaces_nothing_until_somebody_has_looked(
    kind: str, suffix: str, tmp_path: Path, database: str
) -> None:
    assert run(kind, geojson(tmp_path / "whole.geojson", rows(kind, 3))).exit_code == 0
    path = geojson(tmp_path / f"cut.{suffix}", rows(kind, 1), properties={"exceededTransferLimit": True})
    if suffix == "ndjson":
        path.write_text(f"{json.dumps(json.loads(path.read_text()))}\n" * 2)
    error = run(kind, path).exception
    assert isinstance(error, Invalid)
    assert "exceededTransferLimit" in error.message
    assert "--accept-warnings" in error.hint
    assert held(kind) == 3
    assert "exceededTransferLimit" in told(run(kind, path, "--accept-warnings"))
    assert held(kind) < 3


@every_kind
def test_a_projection_that_is_made_for_another_place_is_asked_about(kind: str, tmp_path: Path, database: str) -> None:
    here = gpd.GeoSeries([SHAPES[kind][3]], crs=4326).translate(yoff=2.5)  # north of southern Pennsylvania
    crs = {"type": "name", "properties": {"name": "EPSG:2272"}}
    path = geojson(tmp_path / "x.geojson", [rows(kind, 1)[0] | {"shape": here.to_crs(2272)[0]}], crs=crs)
    error = run(kind, path).exception
    assert isinstance(error, Invalid)
    assert "outside the area that EPSG:2272 is made for" in error.message


@pytest.mark.parametrize("kind", ["address", "landmark", "street"])
def test_reading_takes_no_longer_than_was_said(kind: str, tmp_path: Path, database: str) -> None:
    error = run(kind, geojson(tmp_path / "x.geojson", rows(kind, 100_000)), "--time-limit", "1").exception
    assert isinstance(error, ZoneError)
    assert "took longer than 1 seconds" in error.message
    assert held(kind) == 0


def test_drawing_a_layer_takes_no_longer_than_was_said(tmp_path: Path, database: str) -> None:
    error = run("map", tangled(tmp_path / "x.json"), "--time-limit", "1").exception
    assert isinstance(error, ZoneError)
    assert "took longer than 1 seconds" in error.message


def test_a_layer_of_the_map_that_lies_elsewhere_is_asked_about_and_a_stray_shape_is_left_out(
    tmp_path: Path, database: str
) -> None:
    many, stray = rows("map", 150), {"name": "Stray", "shape": box(7.0, 50.0, 7.1, 50.1)}
    assert run("map", geojson(tmp_path / "x.geojson", many)).exit_code == 0
    done = run("map", geojson(tmp_path / "x.geojson", [*many, stray]), "--name-field", "name")
    assert "from the city: 1 row, such as Stray" in told(done), done.exception
    assert "On the map: 150 of park." in told(done)
    elsewhere = geojson(tmp_path / "y.geojson", [stray])
    error = run("map", elsewhere).exception
    assert isinstance(error, Invalid)
    assert "1 of 1 shapes lie outside the city" in error.message
    assert held("map") == 150
    assert run("map", elsewhere, "--accept-warnings").exit_code == 0
    assert held("map") == 1
