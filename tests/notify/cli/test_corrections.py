"""`tocsin alert new --corrects`: residents read that a message corrects the one before it."""

import json
from datetime import UTC, datetime

import pytest
from typer.testing import CliRunner, Result

from notify.accounts import operators
from notify.alerts import lifecycle
from notify.alerts.reporting import reports
from notify.cli.alert import commands
from notify.core.db import transaction
from notify.core.errors import Invalid
from tests.factories import alert_ready, operator, zone

ADMIN = "admin@tocsin.example.org"
NOW = datetime.now(UTC)
NEW = ("new", "--event", "storm", "--set", "hazard=wind", "--channels", "sms", "--as", ADMIN, "--corrects", "--json")


@pytest.fixture
def incident(database: str, monkeypatch: pytest.MonkeyPatch) -> str:
    with transaction() as s:
        zone(s)
        first = alert_ready(s, now=NOW)
        lifecycle.launch(s, first.id, None, NOW)
        monkeypatch.setenv("TOCSIN_OPERATOR_KEY", operators.add_key(s, "chief", NOW, operator(s, "admin")))
        return str(first.incident_id)


def new(*more: str) -> Result:
    return CliRunner().invoke(commands, [*NEW, *more])


def test_an_update_says_that_it_is_a_correction(incident: str) -> None:
    done = new("--phase", "update", "--incident", incident)
    assert done.exit_code == 0, done.exception
    with transaction() as s:
        words = [one.text for one in reports.words(s, json.loads(done.stdout)["id"])]
    assert all(one.startswith(("Correction:", "Correccion:", "Corrección:")) for one in words)


def test_a_first_alert_corrects_nothing(incident: str) -> None:
    assert isinstance(new("--zone", "Riverside").exception, Invalid)
