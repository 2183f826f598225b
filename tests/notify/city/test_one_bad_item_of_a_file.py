"""One bad line, shape or row of a file of the city's keeps no other of it from being imported (law 15)."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from shapely.geometry import LineString, Point, box, mapping
from sqlalchemy import text
from typer.testing import CliRunner, Result

from notify.city import geocoder
from notify.cli import addresses, basemap, streets
from notify.core.db import transaction
from tests.notify.city.geocoder.town import NOW, avenue, house
from tests.notify.delivery.test_one_bad_row import refuse
from zones.addresses.rows import LandmarkRow

HEADER = "LON,LAT,NUMBER,STREET\n"


def run(group: Any, path: Path, *words: str) -> Result:
    return CliRunner().invoke(group.commands, ["import", str(path), *words])


def ask(question: str) -> list[Any]:
    with transaction() as s:
        return list(s.scalars(text(question)))


def good(numbers: Iterator[int] | range) -> str:
    return "".join(f"-75.0,40.0,{number},Elm St\n" for number in numbers)


@pytest.mark.parametrize(
    ("bad", "lines"),
    [
        ('-75.0,40.0,500,"Elm St\n', [7]),  # which the end of the file would close
        ('-75.0,40.0,500,"Elm St\n-75.0,40.0,501,"Oak" St\n', [7]),  # which the next quote would close
        ("-75.0,40.0,500," + "x" * 200_000 + "\n", [7]),
    ],
)
@pytest.mark.parametrize("after", [3, 40])
def test_a_quote_that_is_never_closed_or_an_endless_cell_spoils_its_own_line_only(
    bad: str, lines: list[int], after: int, tmp_path: Path, database: str
) -> None:
    path = tmp_path / "a.csv"
    path.write_text(HEADER + good(range(1, 6)) + bad + good(range(100, 100 + after)))
    told = json.loads(run(addresses, path, "--json").stdout)
    assert [one["number"] for one in told["bad"]] == lines
    assert set(ask("SELECT number FROM address_points")) >= {*range(1, 6), *range(100, 100 + after)}


def test_a_cell_of_several_lines_is_one(tmp_path: Path, database: str) -> None:
    path = tmp_path / "a.csv"
    path.write_text(HEADER + '-75.0,40.0,1,"Elm\nSt"\n' + good(range(2, 4)))
    assert json.loads(run(addresses, path, "--json").stdout)["kept"] == 3


@pytest.mark.parametrize("table", ["address_points", "streets", "landmarks"])
def test_a_row_that_the_database_refuses_is_left_out_with_its_place_in_the_file(table: str, own_database: str) -> None:
    refuse(
        table,
        {"address_points": "NEW.number = 13", "streets": "NEW.left_from = 300", "landmarks": "NEW.lon = 3"}[table],
        "INSERT",
    )
    with transaction() as s:
        if table == "address_points":
            rows = [house(str(n), "ELM ST", -75.0, 40.0) for n in range(1, 21)]
            kept = geocoder.keep_addresses(s, rows, "city", NOW, confirmed=True)
        elif table == "streets":
            kept = geocoder.keep_streets(s, avenue("ELM ST", 0), "city", NOW, confirmed=True)
        else:
            marks = [(10 * n, LandmarkRow(f"Mark {n}", (float(n), 40.0), "")) for n in range(1, 5)]
            kept = geocoder.keep_landmarks(s, marks, "city", NOW, lambda _: None, confirmed=True)
    number = {"address_points": 13, "streets": 3, "landmarks": 30}[table]
    assert [(bad.number, bad.reason) for bad in kept.bad] == [(number, "the database refused it (CheckViolation).")]
    assert ask(f"SELECT count(*) FROM {table}") == [kept.kept]
    assert kept.kept == {"address_points": 19, "streets": 3, "landmarks": 3}[table]


def features(path: Path, *rows: tuple[dict[str, Any], Any]) -> Path:
    """Shapes as GeoJSON has them, whatever they are."""
    told = [{"type": "Feature", "properties": about, "geometry": shape} for about, shape in rows]
    path.write_text(json.dumps({"type": "FeatureCollection", "features": told}))
    return path


POND = mapping(box(-75, 40, -74.99, 40.01))


def test_one_shape_or_name_of_a_map_layer_keeps_no_other(tmp_path: Path, own_database: str) -> None:
    refuse("map_features", "NEW.name = 'Odd'", "INSERT")
    path = features(
        tmp_path / "water.geojson",
        ({"name": "Pond"}, POND),
        ({"name": "Nul\x00 \ud800"}, POND),
        ({"name": "Odd"}, POND),
        ({"name": "Broken"}, {"type": "Polygon", "coordinates": [[[-75, 40], ["east", 40]]]}),
    )
    done = run(basemap, path, "--layer", "water", "--name-field", "name")
    assert done.exit_code == 0, done.exception
    assert ask("SELECT name FROM map_features ORDER BY id") == ["Pond", "Nul"]
    assert "Left out: Odd: The database refused it (CheckViolation)." in done.stdout
    assert "Left out: Feature 4: The coordinates of a Polygon cannot be read." in done.stdout


def test_a_street_whose_shape_cannot_be_read_is_told_why(tmp_path: Path, database: str) -> None:
    line = mapping(LineString([(-75, 40), (-75, 40.001)]))
    broken = {"type": "LineString", "coordinates": [["east", 40], [-75, 40]]}
    path = features(tmp_path / "s.geojson", ({"FULLNAME": "Elm St"}, line), ({"FULLNAME": "Oak St"}, broken))
    told = json.loads(run(streets, path, "--json").stdout)
    assert (told["kept"], [one["reason"][:39] for one in told["bad"]]) == (
        1,
        ["The coordinates of a LineString cannot "],
    )


def test_an_address_whose_shape_cannot_be_computed_is_left_out(tmp_path: Path, database: str) -> None:
    about = {"number": "12", "street": "Elm St"}
    hollow = {"type": "MultiPolygon", "coordinates": [[[[-75, 40]] * 4]]}  # all corners are one
    path = features(tmp_path / "a.geojson", (about, mapping(Point(-75, 40))), (about, hollow))
    told = json.loads(run(addresses, path, "--json").stdout)
    assert told["kept"] + told["bad_count"] == 2
