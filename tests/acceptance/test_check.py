"""`tocsin check` is green against the simulators, and red, with what to do, for each fault that is planted."""

import json
import socket
import subprocess
import sys
from typing import Any

import pytest

from notify.core.db import transaction
from notify.operations import heartbeat
from tests.acceptance.city import City
from tests.acceptance.commands import PATIENCE_S, run_command
from tests.waiting import until


@pytest.fixture(autouse=True)
def _all_heard(city: City) -> None:
    """The stack may have started a moment ago."""

    def heard() -> bool:
        with transaction() as s:
            return heartbeat.jobs_run(s) and not heartbeat.lanes_without_worker(s)

    until(heard, 60, "every process was heard")


def checked(code: int) -> dict[str, Any]:
    """What `tocsin check --json` finds, by subject."""
    done = run_command("check", "--json")
    assert done.returncode == code, done.stdout + done.stderr
    document = json.loads(done.stdout)
    assert document["ready"] is (code == 0)
    return {finding["subject"]: finding for finding in document["findings"]}


def reds(found: dict[str, Any]) -> dict[str, str]:
    assert all(finding["todo"] for finding in found.values() if finding["state"] != "green")
    return {subject: finding["said"] for subject, finding in found.items() if finding["state"] == "red"}


def test_all_is_green_against_the_simulators_and_nothing_is_written(city: City) -> None:
    city.sim("/_sim/messages", method="DELETE")
    found = checked(0)
    assert {
        "worker, emergency", "worker, routine", "scheduler",
        "database", "redis", "clock, against the database's", "clock, against Redis'",
        "twilio: way out, name", "twilio: way out, connection", "twilio: way out, answer", "twilio: account",
        "twilio: +15555550100", "twilio: +15555550100, replies",
        "sendgrid: key", "sendgrid: acceptance.example.org", "sendgrid: event webhook", "mastodon: account",
    } <= found.keys()  # fmt: skip
    assert {subject for subject, finding in found.items() if finding["state"] == "yellow"} <= {
        "public address",  # the stack is on loopback
        "twilio: +15555550100, rate",
        "mastodon: city, rate",
    }
    assert found["twilio: way out, connection"]["took_s"] < 60
    assert city.sim("/_sim/messages") == []
    assert {request["method"] for request in city.sim("/_sim/requests")} == {"GET"}


def test_people_read_what_to_do(city: City) -> None:
    city.behave(twilio={"foreign": ["+15555550100"]})
    done = run_command("check")
    assert done.returncode == 1
    assert "RED  twilio: +15555550100: +15555550100 does not belong to this Twilio account." in done.stdout
    assert "Buy or move the number" in done.stdout


@pytest.mark.parametrize(
    ("variable", "value", "subject", "said"),
    [
        ("TOCSIN_TWILIO_AUTH_TOKEN", "wrong", "twilio: account", "credentials"),
        ("TOCSIN_SENDGRID_API_KEY", "SG.wrong", "sendgrid: key", "does not accept the API key"),
        ("TOCSIN_MASTODON_ACCESS_TOKEN", "wrong", "mastodon: account", "does not accept the access token"),
        ("TOCSIN_TWILIO_AUTH_TOKEN", "", "twilio", "not set"),
        ("TOCSIN_SENDGRID_WEBHOOK_PUBLIC_KEY", "", "sendgrid: event webhook", "another key"),
        ("TOCSIN_DATABASE_URL", "db.example.org", "database", "TOCSIN_DATABASE_URL is not the address"),
        ("TOCSIN_DATABASE_URL", "postgresql://tocsin:se@cret@h:x/y", "database", "TOCSIN_DATABASE_URL is not"),
        ("TOCSIN_REDIS_URL", "127.0.0.1:6379", "redis", "TOCSIN_REDIS_URL is not the address"),
        ("TOCSIN_REDIS_URL", "redis://:se/cret@h:6379", "redis", "TOCSIN_REDIS_URL is not the address"),
        ("TOCSIN_SECRET_KEY", "0" * 64, "database", "not the key"),
        ("TOCSIN_PUBLIC_URL", "http://alerts.example.org", "public address", "not an https address"),
        ("TOCSIN_PUBLIC_URL", "https://alerts.example.org", "twilio: +15555550100, replies", "STOP would be lost"),
        (
            "TOCSIN_PUBLIC_URL",
            "https://alerts.example.org",
            "sendgrid: event webhook",
            "No enabled event webhook",
        ),
        ("TOCSIN_OUTBOUND_PROXY", "socks5://proxy", "way out", "TOCSIN_OUTBOUND_PROXY"),
        ("TOCSIN_TWILIO_BASE_URL", "https://nowhere.invalid", "twilio: way out, name", "cannot be resolved"),
    ],
)
def test_a_wrong_setting_is_red(
    variable: str, value: str, subject: str, said: str, city: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, value)
    assert said in reds(checked(1))[subject]


@pytest.mark.parametrize(
    ("behaviour", "subject", "said"),
    [
        ({"twilio": {"foreign": ["+15555550100"]}}, "twilio: +15555550100", "does not belong"),
        ({"twilio": {"inbound_url": "https://old.example.org/"}}, "twilio: +15555550100, replies", "old.example.org"),
        ({"twilio": {"account_status": "suspended"}}, "twilio: account", "suspended"),
        ({"twilio": {"account_type": "Trial"}}, "twilio: account", "trial"),
        ({"twilio": {"inbound_method": "GET"}}, "twilio: +15555550100, replies", "STOP would be lost"),
        ({"twilio": {"sms_capable": False}}, "twilio: +15555550100", "cannot send texts"),
        ({"sendgrid": {"events_enabled": False}}, "sendgrid: event webhook", "No enabled event webhook"),
        ({"sendgrid": {"events_left_out": ["bounce"]}}, "sendgrid: event webhook", "does not report bounce"),
        ({"sendgrid": {"signed": False}}, "sendgrid: event webhook", "not signed"),
        ({"sendgrid": {"domains": ["example.com"]}}, "sendgrid: acceptance.example.org", "not authenticated"),
        ({"sendgrid": {"scopes": []}}, "sendgrid: key", "does not permit"),
    ],
)
def test_a_fault_at_the_provider_is_red(behaviour: dict[str, Any], subject: str, said: str, city: City) -> None:
    city.behave(**behaviour)
    assert said in reds(checked(1))[subject]


def test_what_a_key_that_only_sends_mail_cannot_see_is_said(city: City) -> None:
    """Yellow and exit 0: a key that may only send is a sound choice, and nothing was seen to be wrong."""
    city.behave(sendgrid={"scopes": ["mail.send"], "signed": False})
    found = checked(0)
    for subject in ("sendgrid: domains", "sendgrid: event webhook"):
        assert (found[subject]["state"], "cannot be seen with this API key" in found[subject]["said"]) == (
            "yellow",
            True,
        )


def test_a_closed_proxy_is_red_at_its_connection(city: City, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        monkeypatch.setenv("TOCSIN_OUTBOUND_PROXY", f"http://127.0.0.1:{unused.getsockname()[1]}")
        monkeypatch.setenv("TOCSIN_TWILIO_BASE_URL", "https://api.twilio.example")  # loopback needs no proxy
        assert "does not accept connections" in reds(checked(1))["twilio: way out, connection"]


@pytest.mark.parametrize(
    ("variable", "url", "subject"),
    [
        ("TOCSIN_REDIS_URL", "redis://127.0.0.1:9/0", "redis"),
        ("TOCSIN_DATABASE_URL", "postgresql://nobody@127.0.0.1:9/none", "database"),
    ],
)
def test_a_server_that_is_away_is_red_and_hides_nothing_else(
    variable: str, url: str, subject: str, city: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, url)
    found = checked(1)
    assert list(reds(found)) == [subject]
    assert found["twilio: account"]["state"] == "green"


OFF = """
import sys, time
from datetime import UTC, datetime
import time_machine
off_s, right = float(sys.argv.pop(1)), time.time() - time.monotonic()
travel = time_machine.travel(datetime.now(UTC), tick=True)
travel.start().shift(right + off_s - (time.time() - time.monotonic()))
from notify.cli import main
main()
"""


@pytest.mark.parametrize(
    ("off_s", "state", "code"), [(3600, "red", 1), (-3600, "red", 1), (5, "yellow", 0), (0, "green", 0)]
)
def test_a_wrong_clock_is_red(off_s: int, state: str, code: int, city: City) -> None:
    command = [sys.executable, "-c", OFF, str(off_s), "check", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    assert done.returncode == code, done.stdout + done.stderr
    found = {finding["subject"]: finding["state"] for finding in json.loads(done.stdout)["findings"]}
    assert {found[f"clock, against {whose}"] for whose in ("the database's", "Redis'")} == {state}
