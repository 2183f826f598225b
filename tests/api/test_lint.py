"""The check of words over REST, on the console and on the command line."""

import json
import re
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import httpx
import pytest
from typer.testing import CliRunner

from notify.alerts import lifecycle
from notify.cli.root import root
from notify.core.db import transaction
from tests import factories

GOOD = "City of Tocsin: Tornado danger in Riverside. Go inside now. Danger until 8 AM Friday."
Key = Callable[..., dict[str, str]]


@pytest.fixture
def vague(city: datetime) -> int:
    with transaction() as s:
        blanks = {"hazard": "tornado", "action": "Go inside soon", "action.es": "Entre ya a un edificio"}
        return factories.alert_draft(s, now=city, blanks=blanks).id


@pytest.fixture
def wrong(city: datetime) -> int:
    with transaction() as s:
        return factories.alert_draft(s, now=city, blanks={"hazard": "tornado", "shelter": "bit.ly/x"}).id


def test_any_words_can_be_checked(door: httpx.Client, key: Key) -> None:
    body = {"messages": [{"channel": "sms", "text": GOOD}], "area_description": "Riverside"}
    answer = door.post("/api/v1/lint", json=body, headers=key(None))
    assert answer.json() == {"errors": 0, "warnings": 0, "findings": []}
    body["messages"] = [{"channel": "sms", "text": "Go inside soon. bit.ly/x"}]
    told = door.post("/api/v1/lint", json=body, headers=key(None)).json()
    assert told["errors"] > 1
    assert {one["rule"] for one in told["findings"]} >= {"no-source", "no-place", "short-link", "vague"}
    assert told["findings"][0]["level"] == "error"


def test_a_wrong_request_names_its_field(door: httpx.Client, key: Key) -> None:
    header, twice = key(), [{"channel": "sms", "text": "a"}] * 2
    for body, words in (
        ({}, "either `alert` or `messages`"),
        ({"alert": 1, "messages": twice}, "either `alert` or `messages`"),
        ({"messages": twice}, "two messages for sms"),
        ({"messages": [{"channel": "fax", "text": "a"}]}, "messages.0.channel"),
        ({"messages": [{"channel": "sms", "language": "../x", "text": "a"}]}, "language"),
    ):
        answer = door.post("/api/v1/lint", json=body, headers=header)
        assert answer.status_code == 422
        assert words in answer.text
    assert door.post("/api/v1/lint", json={"alert": 99}, headers=header).status_code == 404


def test_an_alert_comes_with_its_findings(door: httpx.Client, key: Key, vague: int) -> None:
    (one,) = door.get(f"/api/v1/alerts/{vague}", headers=key()).json()["findings"]
    assert (one["rule"], one["found"], one["acknowledged_by"]) == ("vague", "soon", None)
    checked = door.post("/api/v1/lint", json={"alert": vague}, headers=key()).json()
    assert checked["findings"] == [one]


def test_an_error_is_told_when_it_is_approved(door: httpx.Client, key: Key, wrong: int) -> None:
    answer = door.post(f"/api/v1/alerts/{wrong}/approve", headers=key())
    assert answer.status_code == 409
    assert "The words of alert" in answer.text
    assert "hides where it leads" in answer.text


def test_a_warning_is_left_as_it_is_by_a_button(at_desk: Callable[[str], httpx.Client], vague: int) -> None:
    desk = at_desk("author")
    page = desk.get(f"/console/alerts/{vague}").text
    assert "“soon” is vague." in page
    given = re.search(r'name="key" value="([0-9a-f]{64})"', page)
    assert given
    answer = desk.post(f"/console/alerts/{vague}/acknowledge", data={"key": given[1]})
    assert answer.status_code == 303
    page = desk.get(f"/console/alerts/{vague}").text
    assert "Left as it is by author@tocsin.example.org" in page
    assert 'name="key"' not in page
    assert desk.post(f"/console/alerts/{vague}/acknowledge", data={"key": "00"}).status_code == 404
    assert desk.post(f"/console/alerts/{vague}/acknowledge").status_code == 422


def test_an_error_has_no_button(operator: httpx.Client, wrong: int) -> None:
    page = operator.get(f"/console/alerts/{wrong}").text
    assert "With an error it cannot be approved." in page
    assert 'name="key"' not in page


def run(*words: str, given: str = "") -> tuple[int, str]:
    done = CliRunner().invoke(root, ["alert", "lint", *words], input=given)
    return done.exit_code, done.output


def test_the_command_line_checks_an_alert_or_a_file(vague: int, wrong: int, tmp_path: Path) -> None:
    assert run(str(vague))[0] == 0
    code, said = run(str(wrong), "--json")
    assert code == 1
    assert json.loads(said)["ready"] is False
    file = tmp_path / "words.txt"
    file.write_text(GOOD)
    assert run("--file", str(file), "--where", "Riverside") == (0, "Nothing found.\n")
    code, said = run("--file", "-", given="Be careful")
    assert code == 1
    assert "does not say where" in said
    for words in ((), ("1", "--file", "x"), ("--file", "/none"), ("--file", str(file), "--channel", "fax")):
        assert run(*words)[0] != 0


def test_an_alert_like_another_points_to_it(
    at_desk: Callable[[str], httpx.Client], key: Key, city: datetime, vague: int
) -> None:
    with transaction() as s:
        ready = factories.alert_ready(s, now=city)
        lifecycle.launch(s, ready.id, None, city)
        number, incident = ready.id, ready.incident_id
    desk = at_desk("author")
    (one,) = desk.get(f"/api/v1/alerts/{vague}", headers=key()).json()["similar"]
    assert (one["id"], one["incident"], one["state"]) == (number, incident, "sending")
    page = desk.get(f"/console/alerts/{vague}").text
    assert "There is one like it" in page
    assert f'name="incident" value="{incident}"><button name="template" value="storm update"' in page
    assert desk.get(f"/api/v1/alerts/{number}", headers=key()).json()["similar"] == []  # it is launched
