"""What breaks over one shape or one member of a file leaves that one out, says so, and keeps the others."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import shapely
from shapely.errors import GEOSException
from shapely.geometry import LineString, box, mapping
from shapely.geometry.base import BaseGeometry

from tests.zones.test_importing import EAST, WEST, geojson, refusal
from zones.addresses.files import read_streets
from zones.addresses.rows import BadRow
from zones.computing import AreaRequest, DrawnShape, compute
from zones.drawable import read_map_shapes
from zones.errors import ZoneError
from zones.importing import read_zones

BROKEN = box(10, 10, 10.1, 10.1)  # where GEOS breaks down in these tests
BOWTIE = shapely.Polygon([(10, 10), (10.1, 10.1), (10.1, 10), (10, 10.1)])


def raises(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """That function of GEOS raises over shapes that touch `BROKEN`, as it does over a few that nobody can foresee."""
    works: Callable[..., Any] = getattr(shapely, name)

    def breaks(shape: BaseGeometry | list[BaseGeometry], *args: Any, **more: Any) -> Any:
        if shapely.intersects(shapely.envelope(shape), BROKEN).any():
            raise GEOSException("TopologyException: side location conflict\nat 10 10")
        return works(shape, *args, **more)

    monkeypatch.setattr(shapely, name, breaks)


def test_what_geos_cannot_compute_of_one_shape_leaves_that_one_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    raises(monkeypatch, "make_valid")
    path = geojson(tmp_path / "x.geojson", [{"name": "A", "shape": EAST}, {"name": "B", "shape": BOWTIE}])
    found = read_zones(path)
    assert [zone.name for zone in found.zones] == ["A"]
    (line,) = found.left_out
    assert line.startswith("B: Its shape cannot be computed (TopologyException")
    assert "\n" not in line
    drawn = [*read_map_shapes(path, "park", lines_too=False)]
    assert isinstance(drawn[1], BadRow)
    assert "its shape cannot be computed (TopologyException" in drawn[1].reason
    assert not isinstance(drawn[0], BadRow)


def test_what_geos_cannot_compute_of_one_street_leaves_that_one_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = [LineString([(x, x), (x, x + 0.001)]) for x in (5, 10)]
    path = geojson(tmp_path / "x.geojson", [{"fullname": "Elm St", "shape": line} for line in lines])
    found = read_streets(path, {})
    raises(monkeypatch, "force_2d")
    good, bad = found
    assert not isinstance(good, BadRow)
    assert isinstance(bad, BadRow)
    assert "TopologyException" in bad.reason


def test_what_geos_cannot_unite_leaves_out_that_group_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    raises(monkeypatch, "coverage_union_all")
    parts = [("A", EAST), ("B", BROKEN), ("A", WEST), ("B", box(10.1, 10, 10.2, 10.1))]
    path = geojson(tmp_path / "x.geojson", [{"name": name, "shape": shape} for name, shape in parts])
    found = read_zones(path, dissolve="name")
    assert [zone.name for zone in found.zones] == ["A"]
    (line,) = found.left_out
    assert line.startswith("B: Its parts cannot be united (TopologyException")
    only = geojson(tmp_path / "y.geojson", [{"name": "B", "shape": BROKEN}])
    assert "no usable shape" in refusal(only, dissolve="name").message


def test_an_area_that_geos_cannot_compute_is_refused_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = [DrawnShape(json.dumps(mapping(shape))) for shape in (BROKEN, box(10.05, 10, 10.2, 10.1))]
    assert compute(AreaRequest(tuple(drawn))).area_m2 > 0
    raises(monkeypatch, "union_all")
    with pytest.raises(ZoneError, match="The area cannot be computed: TopologyException") as refused:
        compute(AreaRequest(tuple(drawn)))
    assert "\n" not in str(refused.value)
    assert refused.value.hint


@pytest.mark.parametrize(
    "member",
    [
        None,
        "x",
        [],
        mapping(EAST),
        {},
        {"properties": {"name": "B"}, "geometry": mapping(EAST)},
        {"type": "Oval"},
        {"type": "Feature", "properties": {"name": "B"}, "geometry": "POLYGON EMPTY"},
        {"type": "Feature", "properties": {"name": "B"}, "geometry": [mapping(EAST)]},
        {"type": "Feature", "properties": {"name": "B"}, "geometry": {}},
    ],
)
@pytest.mark.parametrize("as_lines", [False, True])
def test_a_member_that_is_no_feature_leaves_that_one_out(member: Any, as_lines: bool, tmp_path: Path) -> None:
    good = [{"type": "Feature", "properties": {"name": name}, "geometry": mapping(EAST)} for name in ("A", "C")]
    collection = {"type": "FeatureCollection", "features": [good[0], member, good[1]]}
    path = tmp_path / "x.ndjson"
    path.write_text(f"{json.dumps(collection)}\n" * (1 + as_lines))
    found = read_zones(path)
    assert [zone.name for zone in found.zones] == ["A", "C"]
    named = isinstance(member, dict) and "properties" in member
    assert found.left_out[0].split(":")[0] == ("B" if named else "feature 2")
    path.write_text(json.dumps({"type": "FeatureCollection", "features": [member]}))
    assert "Feature 1: " in refusal(path, name="B").message


@pytest.mark.parametrize("member", [None, "x", [], 7])
def test_a_member_of_a_topology_that_is_no_object_leaves_that_one_out(member: Any, tmp_path: Path) -> None:
    arc = [[0, 0], [0, 1], [1, 1], [0, 0]]
    good = {"type": "Polygon", "arcs": [[0]], "properties": {"name": "A"}}
    objects = {"a": {"type": "GeometryCollection", "geometries": [member, good]}}
    path = tmp_path / "x.topojson"
    path.write_text(json.dumps({"type": "Topology", "arcs": [arc], "objects": objects}))
    found = read_zones(path)
    assert [zone.name for zone in found.zones] == ["A"]
    assert found.left_out == ("feature 1: It is not a TopoJSON object.",)


FEATURE = {"attributes": {"NAME": "A"}, "geometry": {"rings": [[[0, 0], [0, 1], [1, 1], [0, 0]]]}}


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"features": [FEATURE]}, "It is Esri JSON"),
        ({"objectIdFieldName": "OBJECTID", "features": [{"attributes": {"NAME": "A"}}]}, "It is Esri JSON"),
        (FEATURE, "It is Esri JSON"),
        ({"rings": FEATURE["geometry"]["rings"]}, "It is Esri JSON"),
        ({"paths": []}, "It is Esri JSON"),
        ({"status": "error", "messages": ["Token required"], "code": 499}, "of a server: 499 Token required"),
        ({"status": "error", "message": "Busy"}, "of a server: Busy"),
        ({"status": "error", "error": {"code": 500, "message": "Busy"}}, "of a server: 500 Busy"),
        ({"error": "bad"}, "of a server: bad"),
        ({"error": {"code": 400, "message": "", "details": ["No layer"]}}, "of a server: 400 No layer"),
        ({"type": "FeatureCollection", "features": [], "error": {"code": 504}}, "of a server: 504"),
        ({"type": "FeatureCollection", "error": "timed\nout"}, "of a server: timed out"),
    ],
)
def test_what_servers_send_instead_of_geojson_gets_its_own_hint(body: Any, words: str, tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_text(json.dumps(body))
    assert words in refusal(path).message


def test_an_error_that_is_null_or_of_a_feature_is_none_of_a_server(tmp_path: Path) -> None:
    feature = {"type": "Feature", "properties": {"name": "A"}, "geometry": mapping(EAST), "error": "of 2 m"}
    path = tmp_path / "x.geojson"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": [feature], "error": None}))
    assert len(read_zones(path).zones) == 1
    path.write_text(json.dumps(feature))
    assert len(read_zones(path).zones) == 1
