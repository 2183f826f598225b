"""`tocsin zones import`: the command itself, in this process."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
from shapely.geometry import LineString, Polygon, box, mapping
from typer.testing import CliRunner, Result

from notify.city import zones as city_zones
from notify.cli.zones import commands
from notify.core.db import transaction
from notify.core.errors import Invalid
from tests.zones.files.test_quarantine import tangled
from tests.zones.real import real_file
from zones.errors import ZoneError

pytestmark = pytest.mark.usefixtures("database")

BOWTIE = Polygon([(-75, 40), (-74.9, 40.1), (-74.9, 40), (-75, 40.1)])


def written(path: Path, **shapes: Any) -> Path:
    features = [
        {"type": "Feature", "properties": {"name": name}, "geometry": mapping(shape)} for name, shape in shapes.items()
    ]
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    return path


def square(column: int) -> Polygon:
    return box(-75 + column * 0.01, 40, -74.99 + column * 0.01, 40.01)


def run(path: Path, *options: str) -> Result:
    return CliRunner().invoke(commands, ["import", str(path), "--kind", "snow", *options])


def test_a_file_may_be_named_in_bytes_that_are_no_text(tmp_path: Path) -> None:
    path = written(tmp_path / os.fsdecode(b"z\xff.json"), A=square(0))
    done = run(path)
    assert done.exit_code == 0, done.output


def test_it_tells_people_all_of_it(tmp_path: Path) -> None:
    run(written(tmp_path / "x.json", A=square(0), B=BOWTIE.envelope))
    road = LineString([(-75, 40), (-75, 41)])
    path = written(tmp_path / "x.json", A=square(0), B=BOWTIE, C=square(3), Road=road)
    dry = run(path, "--dry-run")
    assert dry.stdout.splitlines() == [
        "Read in EPSG:4326, named by name",
        "Extent: longitude -75.0000 to -74.9000, latitude 40.0000 to 40.1000, in City of Tocsin",
        "Zone: A, 0.948 km2",
        "Zone: B, 47.374 km2",
        "Zone: C, 0.948 km2",
        "Mended: B: repaired (self-intersection at -74.95 40.05), area +100 %",
        "Left out: Road: It is a LineString, not a polygon.",
        "Warning: B: repaired (self-intersection at -74.95 40.05), area +100 %.",
        "Needs --accept-repairs",
        "3 zones: 1 new, 1 changed, 1 as before",
        "Dry run: nothing was changed",
    ]
    assert dry.exit_code == 2, "as the import would end"
    assert isinstance(run(path).exception, Invalid)
    assert run(path, "--dry-run", "--accept-repairs").exit_code == 0
    done = run(path, "--accept-repairs")
    assert done.stdout.splitlines() == [
        line for line in dry.stdout.splitlines() if not line.startswith(("Needs", "Dry", "Zone:"))
    ]
    assert run(written(tmp_path / "x.json", A=square(0), C=square(3))).stdout.splitlines() == [
        "Read in EPSG:4326, named by name",
        "Extent: longitude -75.0000 to -74.9600, latitude 40.0000 to 40.0100, in City of Tocsin",
        "Retired: B",
        "2 zones: 0 new, 0 changed, 2 as before, 1 retired",
    ]
    assert "; 2 of other files stay" in run(written(tmp_path / "y.json", Z=square(5))).stdout


def test_it_tells_programs_the_same(tmp_path: Path) -> None:
    path = written(tmp_path / "x.json", A=square(0), B=BOWTIE)
    told = run(path, "--json", "--dry-run")
    assert told.exit_code == 2
    dry = json.loads(told.stdout)
    done = json.loads(run(path, "--json", "--accept-repairs").stdout)
    assert dry | {"dry_run": False, "needs": []} == done
    assert done["imported"] == {"added": ["A", "B"], "changed": [], "unchanged": [], "retired": []}
    assert done["mended"][0]["zone"] == "B"


@pytest.mark.parametrize("order", [("geojson", "gpkg", "zip"), ("zip", "geojson", "gpkg")])
def test_philadelphia_is_the_same_from_each_of_its_formats(order: tuple[str, ...]) -> None:
    areas = []
    for place, ending in enumerate(order):
        done = json.loads(run(real_file(f"zones/phl_neighborhoods.{ending}"), "--json").stdout)
        assert done["zones"] == 159
        assert len(done["imported"]["unchanged" if place else "added"]) == 159
        with transaction() as s:
            areas.append({kept.zone.name: kept.version.area_m2 for kept in city_zones.all_zones(s, "snow")})
    assert len(areas[0]) == 159
    for other in areas[1:]:
        assert other == pytest.approx(areas[0], rel=1e-4)


def test_a_failed_import_changes_nothing(tmp_path: Path) -> None:
    run(written(tmp_path / "x.json", A=square(0)))
    for bad, options in (
        (written(tmp_path / "x.json", B=square(1)), ("--name-field", "nme")),
        (tmp_path / "absent.json", ()),
        (written(tmp_path / "z.json", Road=LineString([(0, 0), (1, 1)])), ()),
    ):
        assert isinstance(run(bad, *options).exception, ZoneError)
    both = run(tmp_path / "x.json", "--replace-kind", "--keep-others")
    assert isinstance(both.exception, Invalid)
    with transaction() as s:
        assert [kept.zone.name for kept in city_zones.all_zones(s)] == ["A"]


def test_a_file_of_ones_own_may_take_longer(tmp_path: Path) -> None:
    path = written(tmp_path / "x.json", A=square(0))
    assert "1 new" in run(path, "--time-limit", "60").stdout
    assert run(path, "--time-limit", "0").exit_code == 2
    error = run(tangled(tmp_path / "y.json"), "--time-limit", "1").exception
    assert isinstance(error, ZoneError)
    assert "took longer than 1 seconds" in error.message
