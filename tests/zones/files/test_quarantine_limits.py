"""Files that take too much time, memory or space: given up in time, with one line."""

import json
import zipfile
from pathlib import Path

import pytest

from tests.zones.files.test_formats import gdb
from tests.zones.files.test_quarantine import refusal, tangled, temporary, written

__all__ = ["temporary"]  # the fixture sees to it that no folder stays behind


def test_a_shape_that_takes_for_ever_is_given_up(tmp_path: Path) -> None:
    assert "took longer than 3 seconds" in refusal(tangled(tmp_path / "x.json"), seconds=3).message


def test_a_ring_that_crosses_itself_everywhere_is_refused_at_once(tmp_path: Path) -> None:
    refused = refusal(tangled(tmp_path / "x.json", corners=3_000, times=1))
    assert refused.details == ("1 of them: Its lines cross each other too often.",), refused.message


@pytest.mark.long
@pytest.mark.parametrize(
    ("name", "start", "piece", "times", "end"),
    [
        (
            "x.kml",
            "<kml><Placemark><Point><coordinates>",
            "0,0 ",
            50_000_000,
            "</coordinates></Point></Placemark></kml>",
        ),
        ("x.json", '{"type": "FeatureCollection", "features": [', "[],", 70_000_000, "[]]}"),
        ("x.topojson", '{"type": "Topology", "arcs": [', "[[0,0],[1,1]],", 6_000_000, '[]], "objects": {}}'),
    ],
)
def test_a_file_that_fills_the_memory_is_given_up(
    tmp_path: Path, name: str, start: str, piece: str, times: int, end: str
) -> None:
    """For one reason or another: on a slow machine its time is over first."""
    message = refusal(written(tmp_path / name, start + piece * times + end)).message
    assert "more than 1024 MB" in message or "took longer" in message


@pytest.mark.parametrize(
    ("name", "start", "piece", "times", "words"),
    [
        ("x.json", "", "[", 5_000_000, "not JSON"),
        ("x.json", "", '{"a":', 1_000_000, "not JSON"),
        ("x.json", '{"type": "Polygon", "coordinates": [[[', "9", 5_000_000, "not JSON"),
        ("x.kml", "<kml>", "<Folder>", 500_000, "nested deeper"),
        ("x.kml", "<kml><Placemark>", "<a>", 500_000, "nested deeper"),
    ],
)
def test_nests_and_endless_numbers_are_refused_at_once(
    tmp_path: Path, name: str, start: str, piece: str, times: int, words: str
) -> None:
    assert words in refusal(written(tmp_path / name, start + piece * times)).message


def test_a_topology_of_a_million_arcs_from_one_is_refused(tmp_path: Path) -> None:
    shape = {"type": "MultiPolygon", "arcs": [[[0] * 1_000]] * 1_000, "properties": {"name": "a"}}
    arc = [[n % 7, n % 5] for n in range(10_000)]
    document = {"type": "Topology", "arcs": [arc], "objects": {"a": shape}}
    assert "positions" in refusal(written(tmp_path / "x.topojson", json.dumps(document))).message


def test_a_zip_in_a_zip_is_not_unpacked(tmp_path: Path) -> None:
    path, inner = tmp_path / "x.zip", tmp_path / "inner.zip"
    with zipfile.ZipFile(inner, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("zones.shp", bytes(100_000_000))
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(inner, "inner.zip")
        archive.write(inner, "zones.gdb.zip")
    assert "no Shapefile" in refusal(path).message


def test_a_geodatabase_with_a_link_or_a_path_out_is_refused(tmp_path: Path) -> None:
    path = gdb(tmp_path)
    link = zipfile.ZipInfo("export/city.gdb/a00000099.gdbtable")
    link.external_attr = 0o120777 << 16
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(link, "/etc/passwd")
    assert "unsafe path" in refusal(path).message
    path = gdb(tmp_path, "other.gdb")
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("../../city.gdb/a00000099.gdbtable", "x")
    assert "unsafe path" in refusal(path).message
