"""`tocsin addresses` and `tocsin streets`: the commands themselves, in this process."""

import json
from pathlib import Path
from typing import Any

import pytest
from shapely.geometry import LineString
from sqlalchemy import text
from typer.testing import CliRunner, Result

from notify.cli import addresses, streets
from notify.core.db import transaction
from notify.core.errors import Invalid
from notify.core.settings import settings
from tests.notify.city.geocoder.town import found
from tests.zones.test_importing import geojson
from zones.errors import ZoneError

CSV = "LON,LAT,NUMBER,STREET\n-75.0,40.0,12,Elm St\n-75.0,40.0,,Elm St\n-75.0,40.1,14,Oak St\n"


@pytest.fixture
def file(tmp_path: Path, database: str) -> Path:
    path = tmp_path / "addresses.csv"
    path.write_text(CSV)
    return path


def run(*words: str, of: Any = addresses) -> Result:
    """The command, by somebody who has looked where it lies."""
    return asked(*words, *(("--accept-warnings",) if words[0] == "import" else ()), of=of)


def asked(*words: str, of: Any = addresses) -> Result:
    return CliRunner().invoke(of.commands, list(words))


def test_a_first_import_is_asked_about_and_what_is_known_then_is_the_city(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TOCSIN_CITY_CENTER")
    settings.cache_clear()
    error = asked("import", str(file)).exception
    assert isinstance(error, Invalid)
    assert "Nothing is known of the city yet" in error.message
    assert "Philadelphia" in error.message
    assert "--accept-warnings" in error.hint
    assert not found("12 Elm St").matches
    assert run("import", str(file)).exit_code == 0
    file.write_text(CSV.replace("-75.0,40.0", "-75.2,40.1"))
    assert asked("import", str(file), "--source", "county").exit_code == 0
    assert asked("import", str(file)).exit_code == 0, "the next edition"


def test_a_first_import_is_held_against_the_middle_of_the_city(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOCSIN_CITY_CENTER", "-75.1,40.0")
    settings.cache_clear()
    assert asked("import", str(file)).exit_code == 0
    monkeypatch.setenv("TOCSIN_CITY_CENTER", "-80,26")
    settings.cache_clear()
    with transaction() as s:
        s.execute(text("DELETE FROM address_points"))
    error = asked("import", str(file)).exception
    assert isinstance(error, Invalid)
    assert "2 of 2 addresses lie outside the city" in error.message


def test_addresses_in_the_gulf_of_guinea_are_asked_about(file: Path) -> None:
    """What a .prj file that says degrees makes of feet."""
    assert run("import", str(file)).exit_code == 0
    file.write_text(CSV.replace("-75.0,40.", "0.01,0."))
    error = asked("import", str(file), "--source", "county").exception
    assert isinstance(error, Invalid)
    assert "2 of 2 addresses lie outside the city" in error.message
    assert "--crs" in error.hint
    rehearsed = asked("import", str(file), "--source", "county", "--dry-run")
    assert isinstance(rehearsed.exception, Invalid), "a dry run ends as the import does"
    assert run("import", str(file), "--source", "county").exit_code == 0, "somebody has looked"


def test_streets_elsewhere_are_asked_about_and_a_stray_one_is_left_out(tmp_path: Path, database: str) -> None:
    def lines(count: int, lon: float, name: str) -> list[dict[str, Any]]:
        line = LineString([(lon, 40.0), (lon, 40.001)])
        return [{"FULLNAME": f"{name} {n} St", "lfromadd": 1, "ltoadd": 99, "shape": line} for n in range(count)]

    path = geojson(tmp_path / "streets.geojson", lines(150, -75.0, "Elm"))
    assert run("import", str(path), of=streets).exit_code == 0
    geojson(path, [*lines(150, -75.0, "Elm"), *lines(1, 7.0, "Stray")])
    done = asked("import", str(path), of=streets)
    assert "km from the city: 1 row, such as" in " ".join(done.stdout.split()), done.exception
    assert "150 blocks of streets of 'city' instead of 150, 1 row left out." in " ".join(done.stdout.split())
    geojson(path, lines(150, 7.0, "Elm"))
    error = asked("import", str(path), of=streets).exception
    assert isinstance(error, Invalid)
    assert "150 of 150 blocks of streets lie outside the city" in error.message


def test_addresses_are_imported_and_found(file: Path) -> None:
    done = run("import", str(file))
    assert done.exit_code == 0, done.exception
    assert "Row 3: number: there is none." in done.stdout
    assert "2 addresses of 'city', 1 row left out." in done.stdout
    assert "2 addresses of 'city' instead of 2" in run("import", str(file)).stdout
    told = json.loads(run("find", "12 elm street", "--json").stdout)
    assert (told["matches"][0]["label"], told["matches"][0]["kind"], told["certain"]) == ("12 Elm St", "point", True)
    assert "12 Elm St" in run("find", "12 elm").stdout
    assert "Nothing was found" in run("find", "1 nowhere rd").stdout


def test_a_dry_run_changes_nothing(file: Path) -> None:
    told = json.loads(run("import", str(file), "--dry-run", "--json").stdout)
    assert (told["kept"], told["bad_count"], told["bad"][0]["number"], told["dry_run"]) == (2, 1, 3, True)
    assert not found("12 Elm St").matches


def test_columns_by_mapping_and_landmarks_without_a_first_line(file: Path, tmp_path: Path) -> None:
    file.write_text("LON,LAT,NR,WEG\n-75.0,40.0,12,Elm St\n")
    assert run("import", str(file), "--map", "number=NR", "--map", "street=WEG").exit_code == 0
    marks = tmp_path / "landmarks.csv"
    marks.write_text("City Hall,12 Elm St\nLost Place,1 Nowhere Rd\n")
    done = run("import", str(marks), "--kind", "landmark", "--columns", "name,address")
    assert "Row 2: address: it was not found with certainty." in done.stdout
    assert found("city hall").matches[0].kind == "landmark"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--map", "number"], "--map 'number' is not valid."),
        (["--map", "number=HSE"], "addresses.csv: There is no field 'HSE'."),
        (["--kind", "ghost"], "There is no kind 'ghost'."),
        (["--source", ""], "The source needs a name"),
        (["--layer", "a"], "addresses.csv: A CSV file has no layers."),
    ],
)
def test_what_is_wrong_is_said_in_one_line(words: list[str], message: str, file: Path) -> None:
    error = run("import", str(file), *words).exception
    assert isinstance(error, Invalid | ZoneError)
    assert error.message.startswith(message)
    assert "\n" not in str(error)


def test_streets_are_imported(tmp_path: Path, database: str) -> None:
    line = LineString([(-75.0, 40.0), (-75.0, 40.001)])
    row = {"WHAT": "Elm St", "lfromadd": 1, "ltoadd": 99, "shape": line}
    path = geojson(tmp_path / "streets.geojson", [row, row | {"shape": None}])
    done = run("import", str(path), "--map", "name=WHAT", of=streets)
    assert "1 block of a street of 'city', 1 row left out." in done.stdout, done.exception
    assert found("51 Elm St").certain
    assert not found("50 Elm St").certain
