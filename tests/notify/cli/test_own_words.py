"""`tocsin words ...`."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from notify.accounts import operators
from notify.cli.words import commands
from notify.core.db import transaction
from notify.core.errors import Invalid, NotFound, Refused
from tests.factories import operator

APPROVER = "approver@tocsin.example.org"
SMS, SPANISH, EMAIL = (
    ("storm", "all-clear", "sms", "en"),
    ("storm", "all-clear", "sms", "es"),
    ("storm", "issue", "email", "en"),
)
OURS = "{{ city }}: {{ hazard.danger }} is over in {{ area }}. {{ hazard.after }} Check on your neighbors.\n"


@pytest.fixture(autouse=True)
def desk(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    now = datetime.now(UTC)
    with transaction() as s:
        by = operator(s, "approver", now=now)
        monkeypatch.setenv("TOCSIN_OPERATOR_KEY", operators.add_key(s, "desk", now, by))


def run(*arguments: str, typed: str = "") -> Result:
    return CliRunner().invoke(commands, [*arguments], input=typed)


def write(*arguments: str, typed: str = OURS) -> Result:
    return run("set", *arguments, "--as", APPROVER, typed=typed)


def listed() -> dict[tuple[str, ...], dict[str, object]]:
    found = json.loads(run("list", "--json").stdout)["words"]
    return {(one["event"], one["phase"], one["channel"], one["language"]): one for one in found}


def test_words_are_set_shown_and_taken_back(tmp_path: Path) -> None:
    built_in = run("show", *SMS).stdout
    done = write(*SMS, "--file", "-", "--note", "After the flood")
    assert done.stdout == "Version 1 of storm all-clear, sms, en is in force.\n", done.exception
    assert "Check on your neighbors." in run("show", *SMS).stdout
    assert run("show", *SMS, "--version", "0").stdout == built_in
    assert (listed()[SMS]["own"], listed()[SPANISH]["stale"]) == (True, True)
    assert "older than its original" in run("list").stdout
    assert "Version 1 of storm all-clear, sms, es is in force." in write(*SPANISH, "--fits").stdout
    assert not listed()[SPANISH]["stale"]
    write(*SMS, "--built-in")
    assert run("show", *SMS).stdout == built_in
    versions = json.loads(run("history", "storm", "all-clear", "--json").stdout)["versions"]
    assert [(one["language"], one["version"], one["by"]) for one in versions] == [
        ("en", 2, APPROVER), ("es", 1, APPROVER), ("en", 1, APPROVER),
    ]  # fmt: skip
    assert "After the flood" in run("history", "storm", "all-clear").stdout


def test_a_subject_is_set_and_the_text_stays() -> None:
    text = json.loads(run("show", *EMAIL, "--json").stdout)["words"]["text"]
    subject = "{{ hazard.danger }} in {{ area }}, until {{ expires }}"
    assert write(*EMAIL, "--subject", subject).exit_code == 0
    assert json.loads(run("show", *EMAIL, "--json").stdout)["words"] == {"subject": subject, "text": text}
    assert subject in run("show", *EMAIL).stdout


def test_what_cannot_be_is_refused_in_words() -> None:
    seen = json.loads(run("show", *SMS, "--json").stdout)["seen"]
    assert write(*SMS, "--file", "-", "--seen", str(seen)).exit_code == 0
    assert isinstance(write(*SMS, "--file", "-", "--seen", str(seen), typed=OURS + "Go.").exception, Refused)
    assert isinstance(write(*SMS, "--built-in", "--file", "-").exception, Invalid)
    assert isinstance(write(*SMS, "--file", "-", typed="{{ aera }}").exception, Invalid)
    assert isinstance(write(*SMS, "--file", "/nowhere/words.txt").exception, Invalid)
    assert isinstance(write("storm", "all-clear", "fax", "en", "--built-in").exception, NotFound)
    assert isinstance(run("history", "strom", "issue").exception, NotFound)
    assert isinstance(run("show", "storm", "over", "sms", "en").exception, NotFound)
