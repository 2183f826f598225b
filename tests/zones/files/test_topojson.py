"""TopoJSON: arcs that shapes share are put together, and those that do not fit are an error."""

import json
from pathlib import Path
from typing import Any

import pytest
from shapely.geometry import box

from tests.zones.test_importing import refusal
from zones.files import topojson
from zones.importing import read_zones

TRANSFORM = {"scale": [0.01, 0.01], "translate": [-75.0, 40.0]}


def topology(path: Path, arcs: list[Any], *, objects: dict[str, Any], **members: Any) -> Path:
    path.write_text(json.dumps({"type": "Topology", "arcs": arcs, "objects": objects, **members}))
    return path


def test_topojson_arcs_are_shared_and_turned(tmp_path: Path) -> None:
    """Two squares side by side: their common side is one arc, which one of them takes backwards."""
    arcs = [[[10, 0], [0, 10]], [[10, 10], [-10, 0], [0, -10], [10, 0]], [[10, 0], [10, 0], [0, 10], [-10, 0]]]
    squares = [
        {"type": "Polygon", "arcs": [[0, 1]], "properties": {"name": "a"}},
        {"type": "MultiPolygon", "arcs": [[[2, -1]]], "properties": {"name": "b"}, "id": 7},
        {"type": None, "properties": {"name": "c"}},
    ]
    objects = {"zones": {"type": "GeometryCollection", "geometries": squares}}
    found = read_zones(topology(tmp_path / "x.topojson", arcs, objects=objects, transform=TRANSFORM), id_field="id")
    assert [(zone.name, zone.external_id) for zone in found.zones] == [("a", None), ("b", "7")]
    west, east = (zone.geometry for zone in found.zones)
    assert west.normalize().equals_exact(box(-75.0, 40.0, -74.9, 40.1).normalize(), 1e-9)
    assert east.normalize().equals_exact(box(-74.9, 40.0, -74.8, 40.1).normalize(), 1e-9)
    assert found.left_out == ("c: It has no shape.",)


def test_topojson_without_transform_and_with_several_objects(tmp_path: Path) -> None:
    arcs = [[[0, 0], [1, 0], [1, 1], [0, 0]]]
    one = {"type": "Polygon", "arcs": [[0]], "properties": {"name": "a"}}
    path = topology(tmp_path / "x.json", arcs, objects={"wards": one, "parks": one})
    assert "parks, wards" in refusal(path).hint
    assert [zone.name for zone in read_zones(path, layer="parks").zones] == ["a"]


@pytest.mark.parametrize(
    ("arcs", "shape", "words"),
    [
        ([[[0, 0], [1, 0], [1, 1], [0, 0]]], {"type": "Polygon", "arcs": [[7]]}, "Polygon cannot be read"),
        ([[[0, 0], [1, 0], [1, 1], [0, 0]]], {"type": "Polygon", "arcs": [[-9]]}, "Polygon cannot be read"),
        ([[[0, 0], [1, 0], [1, 1], [0, 0]]], {"type": "Polygon", "arcs": [["0"]]}, "Polygon cannot be read"),
        ([[[0, 0], [1, 0], [1, 1], [0, 0]]], {"type": "Polygon"}, "Polygon cannot be read"),
        ([[[0, 0], ["1", 0]]], {"type": "Polygon", "arcs": [[0]]}, "arcs cannot be read"),
        ([[[0, 0], [True, 0]]], {"type": "Polygon", "arcs": [[0]]}, "arcs cannot be read"),
        ("arcs", {"type": "Polygon", "arcs": [[0]]}, "no list of arcs"),
        ([[[0, 0], [1, 0]]], {"type": "Polygon", "arcs": [[0]]}, "Polygon cannot be read"),
        ([[[0, 0], [1, 0]]], {"type": "Circle", "arcs": [[0]]}, "Circle cannot be read"),
        ([[[0, 0], [1, 0]]], {"type": "Point", "coordinates": [0, 0]}, "only Point"),
    ],
)
def test_a_topology_that_does_not_hold_together_is_refused(tmp_path: Path, arcs: Any, shape: Any, words: str) -> None:
    assert words in refusal(topology(tmp_path / "x.json", arcs, objects={"zones": shape})).message


def test_a_topology_that_multiplies_is_refused(tmp_path: Path) -> None:
    arc = [[n / 1000, 0] for n in range(1000)]
    shape = {"type": "MultiLineString", "arcs": [[0] * 1000] * (topojson.MAX_POSITIONS // 1_000_000 + 1)}
    assert "positions" in refusal(topology(tmp_path / "x.json", [arc], objects={"zones": shape})).message
