"""Every command that changes something knows who does it."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from shapely.geometry import LineString, box, mapping
from sqlalchemy import text
from typer.testing import CliRunner, Result

from notify.accounts import operators
from notify.cli.root import HOMES, LIGHT, _group, root
from notify.core.db import transaction
from notify.core.errors import NotAllowed
from tests.factories import NOW

pytestmark = pytest.mark.usefixtures("database")
ADMIN, AUTHOR, PHONE = "admin@tocsin.example.org", "author@tocsin.example.org", "+12025550107"

# What only an admin may do, with arguments that are right but for who gives them.
BY_ADMINS = {
    "zones import": "zones.geojson --kind snow --accept-warnings",
    "streets import": "streets.geojson --accept-warnings",
    "addresses import": "addresses.csv --accept-warnings",
    "map import": "zones.geojson --layer park",
    "senders add": f"twilio {PHONE} --rate 5",
    "senders set": "1 --rate 5",
    "operators add": "new@tocsin.example.org --role author",
    "operators disable": AUTHOR,
    "operators enable": AUTHOR,
    "operators role": f"{AUTHOR} approver",
    "operators limit": f"{AUTHOR} 5",
    "keys add": "laptop",
    "keys revoke": "chief",
    "keys rotate": "",
    "restored": "",
}
BY_OPERATORS = {
    "alert new": f"--event storm --zone Riverside --as {AUTHOR}",
    "alert approve": f"1 --as {ADMIN}",
    "alert launch": "1",
    "alert pause": "1",
    "alert resume": "1",
    "alert cancel": "1",
    "alarms resolve": "1",
    "subscribers import": "residents.csv",
    "subscribers export": "",
    "residents find": PHONE,  # the audit keeps who looked
    "residents opt-out": f"{PHONE} --how call",
    "residents lift": f"{PHONE} --how call --reason opt-out",
    "residents erase": "1 --yes",
    "residents move": "1 --place home --lon 1 --lat 1",
    "residents correct": "1 --contact 1 --phone - --how call",
}
# These look only, or make processes and the stack for training; `migrate` is the owner's of the database.
OTHERS = {
    "up", "demo", "migrate", "api", "worker", "scheduler", "simulator", "where", "check", "jobs",
    "alert list", "alert show", "alert audience", "alert plan", "alert report", "alarms list", "zones list",
    "zones show", "map show", "addresses find", "subscribers count", "senders list", "operators list", "keys list",
}  # fmt: skip


def commands() -> Iterator[str]:
    for name, home in HOMES.items():
        group = _group(home)
        if name in group.commands:
            yield name
        else:
            yield from (f"{name} {one}" for one in {**group.commands, **LIGHT.get(name, {})})


def test_each_command_is_of_one_kind() -> None:
    assert sorted(commands()) == sorted([*BY_ADMINS, *BY_OPERATORS, *OTHERS])


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
    Path("residents.csv").write_text("phone\n")


@pytest.fixture
def keys() -> dict[str, str]:
    with transaction() as s:
        return {
            email: operators.add_key(s, role, NOW, operators.add(s, email, role, NOW))
            for email, role in ((ADMIN, "admin"), (AUTHOR, "author"))
        }


def run(command: str) -> Result:
    return CliRunner().invoke(
        root, [*command.split(), *(BY_ADMINS | BY_OPERATORS)[command].split()], input=f"{PHONE}\n"
    )


@pytest.mark.parametrize("command", BY_ADMINS | BY_OPERATORS)
def test_nobody_in_particular_changes_nothing(command: str, keys: dict[str, str]) -> None:
    before = audited()
    done = run(command)
    assert isinstance(done.exception, NotAllowed), (done.exception, done.output)
    assert audited() == before


@pytest.mark.parametrize("command", BY_ADMINS)
def test_an_admin_is_needed(command: str, keys: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOCSIN_OPERATOR_KEY", keys[AUTHOR])
    before = audited()
    done = run(command)
    assert isinstance(done.exception, NotAllowed), (done.exception, done.output)
    assert audited() == before


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
    for command in ("zones import", "streets import", "addresses import", "map import", "senders add"):
        assert run(command).exit_code == 0, command


def audited() -> list[tuple[str, str, str | None]]:
    with transaction() as s:
        rows = s.execute(
            text("""SELECT a.action, a.subject, o.email FROM audit a LEFT JOIN operators o ON o.id = a.operator_id
                     ORDER BY a.id""")
        )
        return [(row.action, row.subject, row.email) for row in rows]
