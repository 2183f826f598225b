"""`tocsin policies ...`, and the owner of a zone."""

import json
from datetime import UTC, datetime

import pytest
from typer.testing import CliRunner, Result

from notify.accounts import operators
from notify.cli import zones
from notify.cli.policies import commands
from notify.core.db import transaction
from notify.core.errors import Invalid, NotFound, Refused
from tests import factories
from tests.database import sql

ADMIN = "admin@tocsin.example.org"
POLICY = ("sms", "--owner", "Mayor Lee", "--reason", "Texts cost.", "--topic", "snow", "--as", ADMIN)


@pytest.fixture(autouse=True)
def desk(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    now = datetime.now(UTC)
    with transaction() as s:
        by = factories.operator(s, "admin", now=now)
        factories.zone(s)
        monkeypatch.setenv("TOCSIN_OPERATOR_KEY", operators.add_key(s, "desk", now, by))


def run(*arguments: str, group: object = commands) -> Result:
    return CliRunner().invoke(group, list(arguments))  # type: ignore[arg-type]


def test_a_policy_is_made_listed_and_ended() -> None:
    done = run("add", *POLICY, "--review-on", "2099-01-01")
    assert "no sms for snow, to be reviewed on 2099-01-01." in done.stdout, done.exception
    (listed,) = json.loads(run("list", "--json").stdout)["policies"]
    assert (listed["channel"], listed["topic"], listed["owner"]) == ("sms", "snow", "Mayor Lee")
    assert "Texts cost." in run("list").stdout
    assert isinstance(run("add", *POLICY, "--review-on", "2099-01-01").exception, Refused)
    assert isinstance(run("add", *POLICY, "--review-on", "2020-01-01").exception, Invalid)
    assert "has ended" in run("end", str(listed["id"]), "--as", ADMIN).stdout
    assert json.loads(run("list", "--json").stdout) == {"policies": []}
    assert isinstance(run("end", str(listed["id"]), "--as", ADMIN).exception, NotFound)


def test_a_zone_has_an_owner() -> None:
    done = run("owner", "Riverside", "Streets", "--as", ADMIN, group=zones.commands)
    assert done.stdout == "Riverside is kept by Streets.\n", done.exception
    shown = json.loads(run("show", "Riverside", "--json", group=zones.commands).stdout)
    assert shown["properties"]["owner"] == "Streets"
    assert sql("SELECT count(*) AS n FROM audit WHERE action = 'owner'")[0].n == 1
    assert "is kept by nobody" in run("owner", "Riverside", "", "--as", ADMIN, group=zones.commands).stdout
    assert isinstance(run("owner", "Nowhere", "x", "--as", ADMIN, group=zones.commands).exception, NotFound)
