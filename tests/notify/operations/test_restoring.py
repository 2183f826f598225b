"""A row that PostgreSQL refuses to change does not keep `tocsin restored` from holding all others (law 15)."""

import pytest
from sqlalchemy import text
from typer.testing import CliRunner

from notify.alerts import lifecycle
from notify.cli import restored as command
from notify.core.db import forget_engine, transaction
from notify.delivery import fanout
from notify.operations import restoring
from notify.operations.restoring import Restored
from tests.database import sql
from tests.factories import NOW, alert_ready, operator, resident, sender, zone
from tests.notify.delivery.test_one_bad_row import refuse, told
from tests.owner import as_owner


@pytest.fixture
def sent(own_database: str) -> list[int]:
    """Two alerts in mid-send, each with a batch of five."""
    with transaction() as s:
        zone(s)
        sender(s)
        for _ in range(5):
            resident(s, email="")
        ready = [alert_ready(s, channels=("sms",)).id for _ in range(2)]
        for one in ready:
            lifecycle.launch(s, one, operator(s), NOW)
    for one in ready:
        assert [batch for batches in fanout.resolve(one, NOW) for batch in batches]
    return ready


def restored() -> Restored:
    with transaction() as s:
        return restoring.restored(s, NOW)


def test_nothing_is_refused_as_a_rule(sent: list[int]) -> None:
    assert restored() == Restored(sent, [], 10, 0)
    assert sql("SELECT DISTINCT state::text FROM deliveries") == [("unknown",)]
    assert restored() == Restored([], [], 10, 0), "it may be done again"


def test_no_number_that_was_lost_is_given_again(sent: list[int]) -> None:
    """Mail that is out leads to /alerts/ID, and the alert that had this number is not in the backup."""
    with transaction() as s:
        last = {table: s.scalar(text(f"SELECT max(id) FROM {table}")) or 0 for table in restoring.LEFT_OUT}
    restored()
    with transaction() as s:
        new = alert_ready(s, channels=("sms",))
        resident(s, email="")
        contact = s.scalar(text("SELECT min(id) FROM (SELECT id FROM contacts ORDER BY id DESC LIMIT 2) AS new")) or 0
        person, place = (s.scalar(text(f"SELECT max(id) FROM {table}")) or 0 for table in ("subscribers", "places"))
    assert new.id > last["alerts"] + 1_000
    assert new.incident_id > last["incidents"] + 1_000, "an all-clear names one"
    assert contact > last["contacts"] + 10_000_000
    assert person > last["subscribers"] + 100_000, "operators type them"
    assert place > last["places"] + 100_000


def test_one_delivery_that_is_refused_keeps_no_other_of_its_batch(sent: list[int]) -> None:
    ((bad,),) = sql(f"SELECT min(id) FROM deliveries WHERE alert_id = {sent[0]}")
    refuse("deliveries", f"OLD.id = {bad}")
    assert restored() == Restored(sent, [], 9, 1)
    assert sql("SELECT id FROM deliveries WHERE state <> 'unknown'") == [(bad,)]
    assert sql("SELECT DISTINCT state::text FROM batches") == [("unsettled",)]
    assert [f"delivery {bad} " in message for message in told()] == [True]


@pytest.mark.parametrize("table", ["alerts", "batches"])
def test_one_alert_or_batch_that_is_refused_keeps_no_other_and_its_messages_are_asked_about(
    sent: list[int], table: str
) -> None:
    ((bad,),) = sql(f"SELECT min(id) FROM {table}")
    refuse(table, f"OLD.id = {bad}")
    done = restored()
    assert (done.paused, done.asked) == (sent if table == "batches" else sent[1:], 10)
    assert done.refused == (2 if table == "alerts" else 1), "neither paused nor asked about"
    assert sql("SELECT DISTINCT state::text FROM deliveries") == [("unknown",)]
    assert sql("SELECT state::text FROM batches ORDER BY id")[1:] == [("unsettled",)]


def test_the_exit_code_tells_that_somebody_must_look_before_anything_starts(
    sent: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "WITHIN_S", 0)
    refuse("alerts", f"OLD.id = {sent[0]}")
    forget_engine()  # the connections of this test
    done = CliRunner().invoke(command.commands, [])
    assert (done.exit_code, "before anything starts" in done.stdout) == (1, True), done.exception
    as_owner("DROP TRIGGER refuses ON alerts")
    forget_engine()
    again = CliRunner().invoke(command.commands, [])
    assert (again.exit_code, "Start the workers" in again.stdout) == (0, True), again.output
    told = " ".join(again.stdout.split())
    assert "Of the alerts in this backup, 10 messages may have been sent" in told
    assert "their messages cannot be seen here" in told, "of alerts that were written after it"
    assert sql("SELECT DISTINCT state::text FROM alerts") == [("paused",)]
