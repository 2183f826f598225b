"""`tocsin alarms`: the command itself, in this process."""

import json
from datetime import UTC, datetime

import pytest
from typer.testing import CliRunner

from notify.accounts import operators
from notify.cli.alarms import commands
from notify.core import alarms
from notify.core.db import transaction
from notify.core.errors import NotAllowed, Refused
from tests import factories


@pytest.fixture
def alarm(database: str, monkeypatch: pytest.MonkeyPatch) -> int:
    with transaction() as s:
        alarms.sound(s, "a-kind", "Something is wrong", datetime.now(UTC))
        key = operators.add_key(s, "approver", datetime.now(UTC), factories.operator(s, "approver"))
        monkeypatch.setenv("TOCSIN_OPERATOR_KEY", key)
        factories.operator(s, "agent")
        return alarms.ringing(s)[0].id


def test_it_is_listed_and_resolved(alarm: int) -> None:
    command = CliRunner()
    (told,) = json.loads(command.invoke(commands, ["list", "--json"]).stdout)
    assert (told["id"], told["message"], told["count"], told["resolved_at"]) == (alarm, "Something is wrong", 1, None)
    assert command.invoke(commands, ["resolve", str(alarm), "--as", "approver@tocsin.example.org"]).exit_code == 0
    assert json.loads(command.invoke(commands, ["list", "--json"]).stdout) == []
    (told,) = json.loads(command.invoke(commands, ["list", "--all", "--json"]).stdout)
    assert told["resolved_at"] is not None
    assert isinstance(command.invoke(commands, ["resolve", str(alarm)]).exception, Refused)


def test_an_agent_may_not_resolve(alarm: int, monkeypatch: pytest.MonkeyPatch) -> None:
    with transaction() as s:
        key = operators.add_key(s, "agent", datetime.now(UTC), factories.operator(s, "agent"))
    monkeypatch.setenv("TOCSIN_OPERATOR_KEY", key)
    done = CliRunner().invoke(commands, ["resolve", str(alarm), "--as", "agent@tocsin.example.org"])
    assert isinstance(done.exception, NotAllowed)
