"""`tocsin alert list`, which has a connection of its own and no SQLAlchemy."""

import json
import sys
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import text

from notify.alerts import lifecycle, listing
from notify.alerts.reporting import reports
from notify.cli import main
from notify.core import connection, crypto, keyring
from notify.core.db import transaction
from notify.delivery import fanout
from tests.factories import NOW, alert_ready, operator, resident, zone
from tests.owner import as_owner

Said = Callable[..., str]


@pytest.fixture
def alert_ids(database: str) -> list[int]:
    """One that was sent to two residents, and one that is not launched yet."""
    with transaction() as s:
        zone(s)
        resident(s)
        resident(s)
        sent = alert_ready(s)
        lifecycle.launch(s, sent.id, operator(s), NOW)
    for _ in fanout.resolve(sent.id, NOW):
        pass
    with transaction() as s:
        return [sent.id, alert_ready(s).id]


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Said:
    monkeypatch.setenv("TOCSIN_DATA", str(tmp_path))

    def run(*style: str, code: int = 0) -> str:
        monkeypatch.setattr(sys, "argv", ["tocsin", "alert", "list", *style])
        capsys.readouterr()  # what was logged before
        with pytest.raises(SystemExit) as end:
            main()
        out, err = capsys.readouterr()
        assert end.value.code == code, err
        return out if code == 0 else err

    return run


def test_the_newest_alerts_come_first_and_nobody_was_counted_for_a_draft(alert_ids: list[int], said: Said) -> None:
    listed = json.loads(said("--json"))
    assert [(one["id"], one["audience"], one["state"]) for one in listed] == [
        (alert_ids[1], None, "approved"),
        (alert_ids[0], 2, "sending"),
    ]
    assert listed[1]["launched_at"] == NOW.isoformat()
    waiting, sending = said().splitlines()[1:]
    assert " - " in waiting
    assert "2027-01-11 12:00:00 EST" in sending


def test_rest_and_console_are_told_the_same(alert_ids: list[int]) -> None:
    with transaction() as s, connection.reading() as opened:
        assert reports.recent_alerts(s) == listing.newest(opened)


def test_an_alert_that_cannot_be_read_hides_no_other(own_database: str, said: Said) -> None:
    with transaction() as s:
        zone(s)
        bad, good = alert_ready(s).id, alert_ready(s).id
    as_owner(
        "ALTER TABLE alerts DROP CONSTRAINT launch_at_readable, DROP CONSTRAINT launch_before_end",
        f"UPDATE alerts SET launch_at = '10000-01-01 12:00+00' WHERE id = {bad}",
    )
    assert [one["id"] for one in json.loads(said("--json"))] == [good]
    with transaction() as s:
        assert s.execute(text("SELECT kind, alert_id FROM alarms")).all() == [("unreadable-row", bad)]


def test_another_key_than_that_of_the_database_is_refused(
    alert_ids: list[int], said: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOCSIN_SECRET_KEY", "another key, which nothing here was sealed with")
    crypto.forget_keys()
    assert "TOCSIN_SECRET_KEY is not the key that this database was written with" in said(code=2)


def test_its_connection_only_reads_and_is_named_like_all_others(database: str) -> None:
    with connection.reading() as opened:
        with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
            opened.execute("DELETE FROM alarms")
        opened.rollback()
        shown = opened.execute("SELECT current_setting('application_name'), current_setting('timezone')").fetchone()
        assert shown == (keyring.application_name(), "UTC")


def test_a_database_without_our_tables_says_how_to_make_them(own_database: str, said: Said) -> None:
    as_owner("DROP TABLE alerts CASCADE")
    assert "Run `tocsin migrate`" in said(code=2)


def test_a_database_that_is_away_is_told_in_a_line(database: str, said: Said, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOCSIN_DATABASE_URL", "postgresql://nobody@127.0.0.1:9/none")
    told = said(code=2)
    assert told.startswith("tocsin: The database does not answer.")
    assert told.count("\n") == 1
