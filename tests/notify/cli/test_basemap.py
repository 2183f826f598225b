"""`tocsin map`: the command itself, in this process."""

import json
from pathlib import Path

import pytest
from shapely.geometry import box, mapping
from typer.testing import CliRunner

from notify.cli.basemap import commands
from notify.core.errors import Invalid
from zones.errors import ZoneError


@pytest.fixture
def lakes(tmp_path: Path) -> Path:
    path = tmp_path / "lakes.geojson"
    shapes = [("Upper Lake", mapping(box(-75, 40, -74, 41))), ("Spring", {"type": "Point", "coordinates": [-75, 40]})]
    features = [{"type": "Feature", "properties": {"called": name}, "geometry": shape} for name, shape in shapes]
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    return path


def test_a_layer_comes_in_and_is_counted(database: str, lakes: Path) -> None:
    command = CliRunner()
    for _ in range(2):
        done = command.invoke(commands, ["import", str(lakes), "--layer", "water", "--name-field", "called"])
        assert done.stdout.splitlines() == [
            "Left out: Feature 2: a Point cannot be drawn as water.",
            "On the map: 1 of water.",
        ]
    told = json.loads(command.invoke(commands, ["import", str(lakes), "--layer", "park", "--json"]).stdout)
    left_out = ["Feature 2: a Point cannot be drawn as park."]
    assert told == {"layer": "park", "kept": 1, "left_out": left_out, "notes": []}
    held = json.loads(command.invoke(commands, ["show", "--json"]).stdout)
    assert held == {"streets": 0, "water": 1, "park": 1, "boundary": 0, "building": 0}


def test_what_is_wrong_is_one_line(database: str, lakes: Path, tmp_path: Path) -> None:
    command = CliRunner()
    error = command.invoke(commands, ["import", str(lakes), "--layer", "sea"]).exception
    assert isinstance(error, Invalid)
    assert str(error) == "There is no map layer 'sea'. Layers: water, park, boundary, building."
    assert isinstance(
        command.invoke(commands, ["import", str(tmp_path / "no.geojson"), "--layer", "water"]).exception, ZoneError
    )
