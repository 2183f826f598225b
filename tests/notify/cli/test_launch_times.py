"""What the commands say before a launch: when it is, and whom it would reach."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from pydantic import SecretStr
from typer.testing import CliRunner, Result

from notify.accounts import operators
from notify.alerts.reporting import reports
from notify.cli import alert_list
from notify.cli.alert import commands
from notify.core import city_time
from notify.core.db import transaction
from notify.core.errors import Invalid, Refused
from notify.core.settings import settings
from tests.factories import CREDENTIALS, alert_draft, alert_ready, operator, resident, sender, zone

ADMIN = "admin@tocsin.example.org"
NOW = datetime.now(UTC)
AT = (NOW + timedelta(hours=13)).replace(microsecond=0)
NEW = ("new", "--event", "storm", "--set", "hazard=wind", "--zone", "Riverside", "--channels", "sms", "--as", ADMIN)


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


@pytest.mark.parametrize("option", ["--at", "--expires"])
@pytest.mark.parametrize(
    ("time", "says"),
    [
        ("2027-03-14T02:30", "does not exist: the clocks jump over it when summer time begins."),
        ("2027-11-07T01:30", "comes twice, because the clocks are set back."
         " Which is it: 2027-11-07T01:30-04:00 or 2027-11-07T01:30-05:00."),
        ("2027-02-30T12:00", "is not a valid time. Use 30m, 6h, 2d or an ISO 8601 time"),
    ],
)  # fmt: skip
def test_a_time_that_the_citys_clocks_never_show_or_show_twice_is_not_guessed(
    option: str, time: str, says: str
) -> None:
    done = CliRunner().invoke(commands, [*NEW, option, time])
    assert isinstance(done.exception, Invalid)
    assert f"{option}: '{time}' {says}" in str(done.exception)
    with transaction() as s:
        assert reports.recent_alerts(s, 1) == [], "nothing was written"


def test_a_length_of_life_counts_from_the_planned_launch_and_ends_at_a_moment() -> None:
    for more, begins in ((["--at", AT.isoformat()], AT), ([], datetime.now(UTC))):
        told = json.loads(run(*NEW, "--expires", "30m", *more, "--json").stdout)
        ends = datetime.fromisoformat(told["expires_at"])
        assert timedelta(0) <= ends - begins - timedelta(minutes=30) < timedelta(minutes=5)
        show = " ".join(run("show", str(told["id"])).stdout.split())
        assert f"Expires {city_time.shown(ends, settings().tz)}, in " in show


def test_a_launch_whose_time_has_passed_says_what_to_do() -> None:
    before = NOW - timedelta(hours=5)
    with transaction() as s:
        number = str(alert_ready(s, now=before, launch_at=NOW - timedelta(hours=2)).id)
    show = " ".join(run("show", number).stdout.split())
    assert "2 hours ago, but nobody scheduled it" in show
    assert "it needs" not in show
    done = CliRunner().invoke(commands, ["launch", number])
    assert isinstance(done.exception, Refused)
    assert str(done.exception).endswith(
        "2 hours ago. Cancel it and write it again, with a later launch or without one."
    )


@pytest.mark.parametrize("hours", ["00:00-23:59", "off"])
def test_a_launch_in_quiet_hours_says_that_messages_wait(hours: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOCSIN_QUIET_HOURS", hours)
    settings.cache_clear()
    with transaction() as s:
        number = str(alert_ready(s, event="snow", now=NOW, severity="Minor", urgency="Future").id)
    told = " ".join(run("launch", number).stdout.split())
    assert ("Residents have quiet hours until" in told) is (hours != "off"), told


def test_an_author_sees_at_once_when_a_draft_is_to_be_launched() -> None:
    done = run(*NEW, "--at", AT.isoformat())
    assert int(done.stdout)  # the number alone, for scripts
    assert f"To be launched at {shown()}" in done.stderr
    assert datetime.fromisoformat(json.loads(run(*NEW, "--at", AT.isoformat(), "--json").stdout)["launch_at"]) == AT
    assert run(*NEW).stderr == ""


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
    approved = " ".join(run("approve", number, "--as", ADMIN).stdout.split())
    assert f"`tocsin alert launch {number}` schedules it for {shown()}." in approved
    assert f"; expires {city_time.shown(AT + timedelta(hours=12), settings().tz)}, in 25 hours;" in approved
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
    assert f"not counted yet; `tocsin alert audience {number}`" in said
    assert "Not launched" in said


@pytest.mark.usefixtures("redis")
def test_a_plan_says_that_it_is_one() -> None:
    assert "if launched now (" in run("plan", ready(None)).stdout
    assert f"if launched at its time ({city_time.shown(AT, settings().tz)})" in run("plan", ready()).stdout


def test_what_was_counted_is_told() -> None:
    number = ready(None)
    with transaction() as s:
        progress = reports.progress(s, int(number))
    assert progress.audience.total == 0
    assert progress.as_json()["audience"]["total"] is None
