"""`tocsin alert new` with areas of many parts, and `alert audience`: the commands themselves, in this process."""

import json
from pathlib import Path
from typing import Any

import pytest
import shapely
from shapely.geometry import LineString, Point
from typer.testing import CliRunner, Result

from notify.accounts import operators
from notify.cli import alert as alert_commands
from notify.cli import operators as operator_commands
from notify.core.db import transaction
from notify.core.errors import Invalid, Refused
from notify.models import Alert
from tests import factories
from tests.factories import square
from zones.geometry import to_geojson

AUTHOR = "author@tocsin.example.org"


@pytest.fixture(autouse=True)
def city(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with transaction() as s:
        key = operators.add_key(s, "author", factories.NOW, factories.operator(s, "author"))
        monkeypatch.setenv("TOCSIN_OPERATOR_KEY", key)
        factories.zone(s, "West", square(0, 0))
        factories.zone(s, "Market", square(0.4, 0.4, 0.2))
        for at in ((0.1, 0.1), (0.5, 0.5), (1.05, 0.5)):
            factories.resident(s, at=[at])
        factories.resident(s, at=[(0.2, 0.2)], phone=None, email="")


def run(*arguments: str, commands: Any = alert_commands.commands) -> Result:
    return CliRunner().invoke(commands, list(arguments))


def new(*arguments: str) -> Result:
    blanks = ("--event", "storm", "--set", "hazard=wind", "--channels", "sms", "--as", AUTHOR)
    return run("new", *blanks, *arguments)


def area_of(done: Result) -> shapely.Geometry:
    assert done.exit_code == 0, done.output + str(done.exception)
    with transaction() as s:
        return shapely.from_wkb(s.get_one(Alert, int(done.stdout)).area)


def test_parts_are_united_and_left_out(tmp_path: Path) -> None:
    line = tmp_path / "river.geojson"
    line.write_text(json.dumps(to_geojson(LineString([(0.2, 1.001), (0.8, 1.001)]))))
    west = ("--zone", "West", "--without-zone", "Market", "--where", "West and around")
    shape = area_of(new(*west, "--circle", "1.002,0.5,500", "--corridor", f"{line},200"))
    assert [shape.covers(Point(xy)) for xy in ((0.1, 0.1), (1.003, 0.501), (0.5, 1.002))] == [True] * 3
    assert not shape.covers(Point(0.5, 0.5))
    hole = tmp_path / "hole.geojson"
    hole.write_text(json.dumps(to_geojson(square(0.0, 0.0, 0.2))))
    assert not area_of(new("--zone", "West", "--without-area", str(hole))).covers(Point(0.1, 0.1))


def test_what_is_doubted_is_confirmed_by_a_word() -> None:
    away = ("--circle", "40,40,500", "--where", "Somewhere")
    assert isinstance(new(*away).exception, Refused)
    assert area_of(new(*away, "--confirm", "outside-city")).covers(Point(40, 40))


@pytest.mark.parametrize("wrong", [("--circle", "here"), ("--corridor", "river"), ("--corridor", "nofile,5")])
def test_what_is_no_part_is_refused(wrong: tuple[str, str]) -> None:
    assert isinstance(new(*wrong, "--where", "x").exception, Invalid)


def test_the_audience_is_told_for_people_and_for_programs(monkeypatch: pytest.MonkeyPatch) -> None:
    number = new("--zone", "West").stdout.strip()
    told = json.loads(run("audience", number, "--json").stdout)
    assert (told["residents"], told["total"], told["by_channel"], told["no_contact"]) == (3, 2, {"sms": 2}, 1)
    assert told["waiting"] == {"no-sender": 2}
    assert told["zones"] == [{"kind": "custom", "zone": "West", "residents": 3}]
    monkeypatch.delenv("TOCSIN_OPERATOR_KEY")
    assert run("limit", AUTHOR, "1", commands=operator_commands.commands).exit_code == 0
    said = run("audience", number).stdout
    for words in (
        "Warning: It reaches more contacts than the author's limit of 1.",
        "3 residents, 2 contacts, 2 to be written to",
        "1  residents with nothing on these channels",
        "2  no sender of the channel is open",
        "custom  West",
    ):
        assert words in " ".join(said.split("\n")), said
