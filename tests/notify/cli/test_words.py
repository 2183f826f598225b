"""What the commands say: their help, their reports, and what to do when something is missing."""

import json
import re
import sys
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from notify.accounts import operators
from notify.cli import main
from notify.cli.alert import commands as alert_commands
from notify.cli.commands import hint_when_away
from notify.cli.root import HOMES
from notify.content import compose
from notify.core import alarms
from notify.core.db import transaction
from notify.local import folder
from tests.factories import NOW, alert_ready, resident, zone

Said = Callable[..., str]


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Said:
    """What `tocsin` and these arguments print, as `python -m notify.cli` or by any other name of the program."""
    monkeypatch.setenv("TOCSIN_DATA", str(tmp_path / "none"))

    def run(*arguments: str, code: int = 0) -> str:
        monkeypatch.setattr(sys, "argv", [str(tmp_path / "notify/cli/__main__.py"), *arguments])
        capsys.readouterr()
        with pytest.raises(SystemExit) as end:
            main()
        out, err = capsys.readouterr()
        assert end.value.code == code, err
        return " ".join((out if code == 0 else err).split())

    return run


@pytest.mark.parametrize("name", HOMES)
def test_help_calls_the_program_by_its_name(name: str, said: Said) -> None:
    assert f"Usage: tocsin {name} [OPTIONS]" in said(name, "--help")


def test_the_training_stack_is_called_one(said: Said) -> None:
    words = said("up", "--help")
    assert "training and rehearsals" in words
    assert "nothing leaves this machine" in words


def test_the_help_of_an_approval_names_what_its_author_may_not_approve(said: Said) -> None:
    words = said("alert", "approve", "--help")
    assert all(one in words for one in ("emergency", "storm", "free text", "TOCSIN_ALONE_MOST"))


def test_the_help_of_a_draft_lists_the_blanks_of_every_event(said: Said) -> None:
    """But of those that Tocsin writes itself: nobody may draft them by hand."""
    words = said("alert", "new", "--help")
    for event in (one for one in compose.catalogue().events if not one.composed):
        for blank in event.blanks("issue"):
            assert f"{blank.name}=" in words, (event.name, blank.name)
    assert "utility=power|water|gas|phone [needed]" in words


def test_an_event_alone_is_told_its_blanks(said: Said) -> None:
    words = said("alert", "new", "--event", "storm", code=2)
    assert "'hazard' is missing" in words
    for blank in compose.catalogue().event("storm").blanks("issue"):
        assert f"{blank.name}=" in words
    assert "--as EMAIL" in said("alert", "new", "--event", "storm", "--set", "hazard=wind", code=2)


def test_the_words_of_a_mail_show_no_placeholder(database: str) -> None:
    with transaction() as s:
        zone(s)
        resident(s, email="")
        alert = alert_ready(s, channels=("email",))
    shown = CliRunner().invoke(alert_commands, ["report", str(alert.id)]).stdout
    assert "(each reader's own link)" in shown
    assert compose.UNSUBSCRIBE_URL not in shown


def test_a_number_of_one_has_no_plural(database: str) -> None:
    with transaction() as s:
        zone(s)
        resident(s)
        alert = alert_ready(s)
    shown = CliRunner().invoke(alert_commands, ["audience", str(alert.id)]).stdout
    assert "1 resident, 1 contact, 1 to be written to" in shown


def test_what_to_do_about_a_database_that_is_away_fits_whose_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def hint(**given: Any) -> str:
        for name, value in given.items():
            monkeypatch.setenv(name, str(value))
        return hint_when_away()

    for name in folder.given():
        monkeypatch.delenv(name)
    data = tmp_path / "stack"
    assert hint(TOCSIN_DATA=data) == f"The stack of {data} is not running. Start it with `tocsin up --data {data}`."
    with folder.claim(data):
        folder.write_info(data, folder.StackInfo(1, "http://127.0.0.1:8000", "", str(data)))
        assert str(data / "logs") in hint()
    assert "`tocsin check`" in hint(TOCSIN_DATABASE_URL="postgresql://db.example.org/tocsin")


NEW = ("alert", "new", "--event", "storm", "--set", "hazard=wind", "--zone", "Riverside", "--as")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ((*NEW, "--severity", "High"), "There is no severity 'High'. Choose one of: Extreme, Severe, Moderate, Minor"),
        ((*NEW, "--urgency", "now"), "There is no urgency 'now'. Choose one of: Immediate, Expected"),
        ((*NEW, "--certainty", "90%"), "There is no certainty '90%'. Choose one of: Observed, Likely"),
        ((*NEW, "--at", "2020-01-01T10:00"), "The launch at 2020-01-01 10:00:00 EST is in the past."),
        ((*NEW, "--area", "none.geojson"), "none.geojson cannot be read: No such file or directory."),
        ((*NEW, "--circle", "5,5"), "'5,5' is not a circle. Write longitude, latitude and metres"),
        (("alert", "pause", "77"), "There is no alert 77. `tocsin alert list` shows"),
        (("alert", "lunch", "1"), "No such command 'lunch'. Did you mean 'launch'? See `tocsin alert --help`"),
        (("alrt", "list"), "No such command 'alrt'. Did you mean 'alert'"),
        (("senders", "lst"), "No such command 'lst'. Did you mean 'list'"),
        (("alert", "approve", "1"), "Missing option '--as'. See `tocsin alert approve --help`"),
        (("alert", "approve", "two", "--as"), "Invalid value for 'ID': give a whole number. See `tocsin alert approve"),
        (("residents", "opt-out", "1", "--how", "x", "--topic", "strom"), "Did you mean storm?"),
        (("worker", "--lane", "urgent"), "There is no lane 'urgent'. Lanes: emergency, routine."),
    ],
)
def test_an_error_is_a_line_that_says_what_to_do(
    arguments: tuple[str, ...], told: str, database: str, said: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    with transaction() as s:
        zone(s)
        author = operators.add(s, "author@tocsin.example.org", "author", NOW)
        monkeypatch.setenv("TOCSIN_OPERATOR_KEY", operators.add_key(s, "laptop", NOW, author))
    if "--as" in arguments:
        place = arguments.index("--as") + 1
        arguments = (*arguments[:place], author.email, *arguments[place:])
    line = said(*arguments, code=2)
    assert line.startswith("tocsin: ")
    assert told in line


@pytest.mark.parametrize("group", [(), ("alert",), ("senders",)])
def test_a_group_alone_shows_what_it_can_be_followed_by(
    group: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["tocsin", *group])
    with pytest.raises(SystemExit, match="2"):
        main()
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == f"Usage: {' '.join(['tocsin', *group])} [OPTIONS] COMMAND [ARGS]..."
    assert "Commands:" in lines


@pytest.mark.usefixtures("redis")
def test_a_program_is_never_given_what_is_written_for_people(
    database: str, said: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither a time on the city's clocks nor a dash for what there is not: ISO 8601 with its offset, and null."""
    with transaction() as s:
        zone(s)
        tom = resident(s)
        admin = operators.add(s, "admin@tocsin.example.org", "admin", NOW)
        monkeypatch.setenv("TOCSIN_OPERATOR_KEY", operators.add_key(s, "laptop", NOW, admin))
        alert = str(alert_ready(s).id)
        alarms.sound(s, alarms.JOB_FAILS, "It fails.", NOW)
    commands = [
        *(f"alert {what} {alert}" for what in ("show", "audience", "plan", "report")), "alert list",
        "alarms list --all", "jobs", "keys list", "map show", "operators list", f"residents find {tom.phone}",
        "senders list", "subscribers count", "zones list", "zones show Riverside",
    ]  # fmt: skip
    times = 0
    for command in commands:
        for value in _values(json.loads(said(*command.split(), "--json"))):
            assert value != "-", command
            if isinstance(value, str) and re.match(r"\d{4}-\d\d-\d\d", value):
                assert datetime.fromisoformat(value).tzinfo, (command, value)
                times += 1
    assert times > 10


def _values(document: Any) -> Iterator[Any]:
    match document:
        case dict():
            yield from (one for value in document.values() for one in _values(value))
        case list():
            yield from (one for value in document for one in _values(value))
        case _:
            yield document


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("TIMEZONE", "Mars/One", "TOCSIN_TIMEZONE: there is no time zone 'Mars/One'"),
        ("PROVIDER_TIMEOUT_S", "soon", "TOCSIN_PROVIDER_TIMEOUT_S: give a number"),
        ("LANGUAGES", "en,es", 'field "languages"'),
    ],
)
def test_a_setting_that_cannot_be_used_is_named(
    name: str, value: str, told: str, said: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"TOCSIN_{name}", value)
    line = said("alert", "show", "1", code=2)
    assert line.startswith("tocsin: The settings cannot be used.")
    assert told in line
    assert "docs/installing.md" in line
