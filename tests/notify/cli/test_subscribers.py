"""`tocsin subscribers`: the command itself, in this process."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from notify.cli.subscribers import commands
from notify.core.db import transaction
from notify.subscribers import COLUMNS, opt_out
from tests.factories import NOW

GOOD = "+12155550100,,en,storm,-75.1,39.9,,home,,"
BAD = "nonsense,,en,storm,-75.1,39.9,,home,,"


@pytest.mark.parametrize(("rows", "code"), [([GOOD], 0), ([GOOD, BAD], 0), ([BAD], 2), ([], 0)])
@pytest.mark.parametrize("more", [[], ["--json"]])
def test_a_script_is_told_when_no_row_was_kept(
    rows: list[str], code: int, more: list[str], tmp_path: Path, database: str
) -> None:
    path = tmp_path / "residents.csv"
    path.write_text("\n".join([",".join(COLUMNS), *rows]) + "\n")
    done = CliRunner().invoke(commands, ["import", str(path), *more])
    assert (done.exit_code, "bad_count" in done.stdout or "left out" in done.stdout) == (code, True)


def test_rows_that_may_be_about_two_people_are_listed_and_merged_only_when_asked(tmp_path: Path, database: str) -> None:
    path = tmp_path / "residents.csv"
    rows = (GOOD.replace(",,en", f",{name}@example.org,en", 1) for name in "ab")
    path.write_text("\n".join([",".join(COLUMNS), *rows]) + "\n")
    done = CliRunner().invoke(commands, ["import", str(path)])
    assert done.exit_code == 2
    assert "Line 3: phone: the file gives it with more than one email." in done.stdout
    assert "--merge" in done.stdout
    assert CliRunner().invoke(commands, ["import", str(path), "--merge"]).exit_code == 0


@pytest.mark.parametrize(("others", "says"), [(0, "1 row with"), (1, "2 rows with")])
def test_rows_whose_address_opted_out_are_counted(others: int, says: str, tmp_path: Path, database: str) -> None:
    numbers = [f"+1215555010{last}" for last in range(others + 2)]
    with transaction() as s:
        for number in numbers[1:]:
            opt_out(s, "sms", number, how="a test", now=NOW)
    path = tmp_path / "residents.csv"
    rows = (GOOD.replace("+12155550100", number) for number in numbers)
    path.write_text("\n".join([",".join(COLUMNS), *rows]) + "\n")
    done = CliRunner().invoke(commands, ["import", str(path)])
    told = " ".join(done.stdout.split())
    assert f"{says} an address that opted out, bounced or complained: it gets nothing." in told


def test_a_dry_run_says_so_and_keeps_nothing(tmp_path: Path, database: str) -> None:
    path = tmp_path / "residents.csv"
    path.write_text("\n".join([",".join((*COLUMNS, "notes")), f"{GOOD},x", f"{GOOD.replace('storm', '')},"]) + "\n")
    done = CliRunner().invoke(commands, ["import", str(path), "--dry-run"])
    assert done.exit_code == 0
    for line in (
        "Ignored columns: notes.",
        "1 row without a topic",
        "2 rows without consent_at and consent_how: nothing is sent to these contacts",
        "2 rows: 2 kept (1 new resident), 0 left out.",
        "This was a dry run: nothing was stored.",
    ):
        assert line in done.stdout
    assert '"residents": 0' in CliRunner().invoke(commands, ["count", "--json"]).stdout
