"""`tocsin alert ask`, `acknowledge` and `break-glass`."""

import json
from datetime import UTC, datetime

import pytest
from typer.testing import CliRunner, Result

from notify.accounts import operators
from notify.alerts.words import word_versions
from notify.alerts.words.word_versions import Written
from notify.cli.alert import commands
from notify.core.db import transaction
from notify.core.errors import Invalid, NotFound, Refused
from notify.core.settings import settings
from tests.database import sql
from tests.factories import alert_draft, operator, resident, sender, zone

ADMIN = "admin@tocsin.example.org"
NOW = datetime.now(UTC)
pytestmark = pytest.mark.usefixtures("redis")


@pytest.fixture(autouse=True)
def city(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN"):
        monkeypatch.setenv(f"TOCSIN_{name}", "AC" + "0" * 32)
    settings.cache_clear()
    with transaction() as s:
        zone(s)
        sender(s, now=NOW)
        for _ in range(2):
            resident(s)
        operator(s, "approver", now=NOW)
        monkeypatch.setenv("TOCSIN_OPERATOR_KEY", operators.add_key(s, "chief", NOW, operator(s, "admin")))


def draft(event: str) -> str:
    with transaction() as s:
        return str(alert_draft(s, event=event, now=NOW).id)


def run(*arguments: str, typed: str = "") -> Result:
    return CliRunner().invoke(commands, [*arguments, "--as", ADMIN], input=typed)


def alone(alert: str, *arguments: str, typed: str = "") -> Result:
    return run("break-glass", alert, "--reason", "Nobody answers at all.", *arguments, typed=typed)


def test_ask_says_who_was_asked_and_who_is_next() -> None:
    alert = draft("snow")
    done = run("ask", alert, "--json")
    asked = json.loads(done.stdout)
    assert {one["email"] for one in asked["asked"]} == {ADMIN, "approver@tocsin.example.org"}
    assert asked["next"] == []
    assert f"Alert {alert} waits for {ADMIN}, approver@" in run("ask", alert).stdout
    assert sql("SELECT count(*) AS n FROM direct_messages")[0].n == 2


def test_break_glass_asks_for_the_number_of_messages() -> None:
    alert = draft("storm")
    wrong = alone(alert, typed="20\n")
    assert "sends 2 messages to Riverside" in wrong.stderr
    assert isinstance(wrong.exception, Refused)
    assert isinstance(alone(alert, typed="\n").exception, Invalid)
    done = alone(alert, typed="2\n")
    assert "sending" in done.stdout
    assert sql("SELECT state FROM alerts")[0].state == "sending"


def test_break_glass_needs_no_terminal_with_the_number() -> None:
    alert = draft("storm")
    assert json.loads(alone(alert, "--messages", "2", "--json").stdout)["state"] == "sending"


def test_acknowledge_shows_the_words_of_each_finding_and_asks() -> None:
    words = {"text": "{{ city }}: {{ hazard.danger }} in {{ area }} until {{ expires }}. Go inside now."}
    with transaction() as s:
        word_versions.save(s, "storm", "issue", {("sms", "en"): Written(words)}, 0, "", None, NOW, settings())
    alert = draft("storm")
    asked = run("acknowledge", alert, typed="n\n")
    assert "sms, es: This translation is older than its original" in asked.stdout
    assert "City of Tocsin: peligro de" in asked.stdout
    assert f"Alert {alert}: 0 acknowledged." in asked.stdout
    assert f"Alert {alert}: 1 acknowledged." in run("acknowledge", alert, typed="y\n").stdout
    (row,) = sql("SELECT rule, language FROM lint_acknowledgements")
    assert (row.rule, row.language) == ("stale-translation", "es")
    assert isinstance(run("acknowledge", alert, "--key", "00").exception, NotFound)
    assert isinstance(run("acknowledge", alert, "--json").exception, Invalid)
