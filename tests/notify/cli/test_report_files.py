"""The after-action reports of an alert and of an incident, as files of the command line."""

import json
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.orm import InstrumentedAttribute
from typer.testing import CliRunner

from notify.accounts import operators
from notify.cli.alert import commands as alert_commands
from notify.cli.commands import Commands
from notify.cli.incident import commands as incident_commands
from notify.core.db import transaction
from notify.core.errors import Invalid
from notify.models import Alert
from tests.factories import NOW, alert_resolved, resident, zone


@pytest.mark.parametrize(("commands", "number"), [(alert_commands, Alert.id), (incident_commands, Alert.incident_id)])
def test_the_name_of_the_file_chooses_its_format(
    commands: Commands,
    number: InstrumentedAttribute[int],
    database: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with transaction() as s:
        zone(s)
        resident(s)
        key = operators.add_key(s, "laptop", NOW, operators.add(s, "chief@tocsin.example.org", "admin", NOW))
    monkeypatch.setenv("TOCSIN_OPERATOR_KEY", key)
    alert_resolved()
    with transaction() as s:
        of = str(s.scalars(select(number)).one())

    def written(name: str) -> bytes:
        file = tmp_path / name
        done = CliRunner().invoke(commands, ["report", of, "--output", str(file)])
        if done.exception:
            raise done.exception
        assert f"{of}: the report is in" in done.stdout
        return file.read_bytes()

    assert json.loads(written("report.json"))
    assert b"contacts" in written("report.csv")
    assert written("report.PDF").startswith(b"%PDF-")
    with pytest.raises(Invalid, match=r"report\.txt is not a name for a report"):
        written("report.txt")
    with pytest.raises(Invalid, match="cannot be written: No such file or directory"):
        written("nowhere/report.csv")
