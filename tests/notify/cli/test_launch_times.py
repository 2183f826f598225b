"""What the commands say before a launch: when it is, and whom it would reach."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from pydantic import SecretStr
from typer.testing import CliRunner, Result

from notify.accounts import operators
from notify.alerts import reports
from notify.cli import alert_list
from notify.cli.alert import commands
from notify.core import city_time
from notify.core.db import transaction
from notify.core.settings import settings
from tests.factories import CREDENTIALS, alert_draft, alert_ready, operator, resident, sender, zone

ADMIN = "admin@tocsin.example.org"
NOW = datetime.now(UTC)
AT = (NOW + timedelta(hours=13)).replace(microsecond=0)


@pytest.fixture(autouse=True)
def city(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with transaction() as s:
        zone(s)
        resident(s)
        resident(s, topics=("snow",))
        resident(s, verified=False)
        monkeypatch.setenv("TOCSIN_OPERATOR_KEY", operators.add_key(s, "chief", NOW, operator(s, "admin")))


def run(*arguments: str) -> Result:
    done = CliRunner().invoke(commands, list(arguments))
    assert done.exit_code == 0, done.output + str(done.exception)
    return done


def ready(at: datetime | None = AT) -> str:
    with transaction() as s:
        return str(alert_ready(s, now=NOW, launch_at=at).id)


def shown(at: datetime = AT) -> str:
    return f"{city_time.shown(at, settings().tz)}, in 13 hours"


def test_an_author_sees_at_once_when_a_draft_is_to_be_launched() -> None:
    new = ("new", "--event", "storm", "--set", "hazard=wind", "--zone", "Riverside", "--channels", "sms", "--as", ADMIN)
    done = run(*new, "--at", AT.isoformat())
    assert int(done.stdout)  # the number alone, for scripts
    assert f"To be launched at {shown()}" in done.stderr
    assert datetime.fromisoformat(json.loads(run(*new, "--at", AT.isoformat(), "--json").stdout)["launch_at"]) == AT
    assert run(*new).stderr == ""


def test_a_scheduled_alert_says_when_it_goes_out() -> None:
    number = ready()
    assert f"To be launched at {shown()}; not scheduled yet" in run("show", number).stdout
    assert f"scheduled for {shown()}." in run("launch", number).stdout
    assert f"Scheduled for {shown()}" in run("show", number).stdout
    listed = CliRunner().invoke(alert_list.commands, [])
    assert city_time.shown(AT, settings().tz) in listed.stdout


def test_an_approval_names_the_time_that_it_is_given_for(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in CREDENTIALS.items():
        plain = value.get_secret_value() if isinstance(value, SecretStr) else value
        monkeypatch.setenv(f"TOCSIN_{name.upper()}", plain)
    settings.cache_clear()
    with transaction() as s:
        sender(s)
        number = str(alert_draft(s, now=NOW, launch_at=AT).id)
    assert f"not scheduled yet: it needs `tocsin alert approve {number}" in run("show", number).stdout
    assert f"`tocsin alert launch {number}` schedules it for {shown()}." in run("approve", number, "--as", ADMIN).stdout
    assert datetime.fromisoformat(json.loads(run("launch", number, "--json").stdout)["launch_at"]) == AT


def test_before_the_launch_nobody_has_been_counted_and_nothing_says_none() -> None:
    number = ready(None)
    said = run("show", number).stdout
    assert "Audience, if launched now: 3 contacts in the area, 1 to be written to" in said
    assert "Not launched" in said
    assert "0 contacts" not in said + run("report", number).stdout
    assert json.loads(run("show", number, "--json").stdout)["audience"] == {
        "total": None, "by_channel": {}, "skipped": {},
    }  # fmt: skip


def test_of_an_alert_that_was_called_off_nobody_was_counted_either() -> None:
    number = ready()
    run("cancel", number)
    said = run("show", number).stdout
    assert f"not counted yet: `tocsin alert audience {number}`" in said
    assert "Not launched" in said


def test_a_plan_says_that_it_is_one() -> None:
    assert "if launched now (" in run("plan", ready(None)).stdout
    assert f"if launched at its time ({city_time.shown(AT, settings().tz)})" in run("plan", ready()).stdout


def test_what_was_counted_is_told() -> None:
    number = ready(None)
    with transaction() as s:
        progress = reports.progress(s, int(number))
    assert progress.audience.total == 0
    assert progress.as_json()["audience"]["total"] is None
