"""`tocsin residents` for the one who is on the line: whom it is about, and what became of it."""

import os
import pty
import sys
from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import text

from notify.accounts import operators
from notify.cli import main
from notify.core.db import transaction
from notify.subscribers import serving
from tests.database import sql
from tests.factories import NOW, Resident, operator, resident

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def tom(database: str, monkeypatch: pytest.MonkeyPatch) -> Resident:
    with transaction() as s:
        monkeypatch.setenv("TOCSIN_OPERATOR_KEY", operators.add_key(s, "desk", NOW, operator(s, "agent")))
        return resident(s, topics=("storm", "snow"), email="")


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    def tocsin(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["tocsin", "residents", *arguments])
        capsys.readouterr()
        with pytest.raises(SystemExit) as end:
            main()
        assert isinstance(end.value.code, int)
        return end.value.code, *capsys.readouterr()

    return tocsin


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """What somebody types at a real terminal."""
    ours, theirs = pty.openpty()
    with os.fdopen(theirs, "r") as terminal:
        monkeypatch.setattr(sys, "stdin", terminal)
        yield lambda words: os.write(ours, f"{words}\n".encode()) and None
    os.close(ours)


def is_erased(one: Resident) -> bool:
    return bool(sql(f"SELECT erased_at FROM subscribers WHERE id = {one.id}")[0].erased_at)


def test_a_slip_of_a_digit_is_seen_before_somebody_is_erased(
    tom: Resident, run: Run, typed: Callable[[str], None]
) -> None:
    typed("n")
    code, _, asked = run("erase", str(tom.id))
    assert (code, is_erased(tom)) == (2, False)
    assert f"Erase resident {tom.id}: sms ***{tom.phone[-2:]}, email r***@example.org; 1 place, 2 topics" in asked
    assert "Nothing was changed." in asked
    assert tom.phone not in asked
    typed("y")
    code, said, _ = run("erase", str(tom.id))
    assert (code, said.strip(), is_erased(tom)) == (0, f"Resident {tom.id} is erased.", True)


def test_a_script_says_that_it_is_sure(tom: Resident, run: Run) -> None:
    code, _, told = run("erase", str(tom.id))
    assert (code, is_erased(tom)) == (2, False)
    assert "--yes" in told
    assert run("erase", str(tom.id), "--yes")[0] == 0
    assert is_erased(tom)


def test_what_nothing_reaches_is_not_called_lifted_first(tom: Resident, run: Run) -> None:
    with transaction() as s:
        by = operator(s, "agent")
        serving.opt_out(s, tom.phone, "call to 311", NOW, by)
        s.execute(
            text("""INSERT INTO suppressions (channel, address_index, reason, at)
                          SELECT channel, address_index, 'hard-bounce', now() FROM suppressions""")
        )
    code, said, told = run("lift", tom.phone, "--reason", "opt-out", "--how", "call to 311")
    assert code == 0, told
    assert said.startswith("It gets no messages yet: ")
    assert said.endswith(". The opt-out is lifted.\n")
    assert run("lift", tom.phone, "--reason", "hard-bounce", "--how", "it works again")[1] == "Lifted.\n"


@pytest.mark.parametrize("words", ["opted-out", "opted out", "Opt-Out"])
def test_a_reason_in_other_words_is_recognized(words: str, tom: Resident, run: Run) -> None:
    _, _, told = run("lift", tom.phone, "--reason", words, "--how", "call to 311")
    assert "Did you mean opt-out?" in told


def test_a_place_outside_names_the_option(tom: Resident, run: Run) -> None:
    _, _, told = run("move", str(tom.id), "--place", "home", "--lon", "-75", "--lat", "39")
    assert "repeat it with `--outside`" in told
    assert run("move", str(tom.id), "--place", "home", "--lon", "-75", "--lat", "39", "--outside")[0] == 0
