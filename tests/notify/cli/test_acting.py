"""The audit names who changed the data of the city on the command line."""

import json
from pathlib import Path

import pytest
from shapely.geometry import LineString, box, mapping
from sqlalchemy import text
from typer.testing import CliRunner, Result

from notify.accounts import operators
from notify.cli.root import root
from notify.core.db import transaction
from tests.factories import NOW

pytestmark = pytest.mark.usefixtures("database")
ADMIN, PHONE = "admin@tocsin.example.org", "+12025550107"

# Who may run each command is in tests/api/roles.txt.
BY_ADMINS = {
    "zones import": "zones.geojson --kind snow --accept-warnings",
    "streets import": "streets.geojson --accept-warnings",
    "addresses import": "addresses.csv --accept-warnings",
    "map import": "zones.geojson --layer park",
    "senders add": f"twilio {PHONE} --rate 5",
}


@pytest.fixture(autouse=True)
def _files(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TOCSIN_DATA", str(tmp_path / "no stack"))
    monkeypatch.chdir(tmp_path)
    ranges = {"name": "ELM ST", "L_F_ADD": 1, "L_T_ADD": 99, "R_F_ADD": 2, "R_T_ADD": 98}
    for file, properties, shape in (
        ("zones", {"name": "Elm"}, box(-75, 40, -74.99, 40.01)),
        ("streets", ranges, LineString([(-75, 40), (-74.99, 40)])),
    ):
        feature = {"type": "Feature", "properties": properties, "geometry": mapping(shape)}
        Path(f"{file}.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": [feature]}))
    Path("addresses.csv").write_text("number,street,lon,lat\n5,ELM ST,-75,40\n")


@pytest.fixture
def keys() -> dict[str, str]:
    with transaction() as s:
        return {
            email: operators.add_key(s, role, NOW, operators.add(s, email, role, NOW))
            for email, role in ((ADMIN, "admin"),)
        }


def run(command: str) -> Result:
    return CliRunner().invoke(root, [*command.split(), *BY_ADMINS[command].split()])


@pytest.mark.parametrize(
    ("command", "subject"),
    [
        ("zones import", "zone"),
        ("streets import", "streets"),
        ("addresses import", "address_points"),
        ("map import", "map"),
    ],
)
def test_the_audit_names_who_replaced_data_of_the_city(
    command: str, subject: str, keys: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOCSIN_OPERATOR_KEY", keys[ADMIN])
    done = run(command)
    assert done.exit_code == 0, (done.exception, done.output)
    assert audited()[-1] == ("import", subject, ADMIN)


def test_a_city_without_keys_begins_without_one() -> None:
    for command in BY_ADMINS:
        assert run(command).exit_code == 0, command


def audited() -> list[tuple[str, str, str | None]]:
    with transaction() as s:
        rows = s.execute(
            text("""SELECT a.action, a.subject, o.email FROM audit a LEFT JOIN operators o ON o.id = a.operator_id
                     ORDER BY a.id""")
        )
        return [(row.action, row.subject, row.email) for row in rows]
