"""A backup that was made in mid-send is restored after everything went out: nobody is written to twice or missed."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from psycopg import sql

from notify.accounts import operators
from notify.alerts import lifecycle
from notify.core.db import one_moment, raw, transaction
from notify.models.states import AlertState
from notify.operations import restoring
from tests.acceptance.city import APPROVER, City
from tests.owner import owning
from tests.waiting import until

PEOPLE = 1_800  # for three minutes
LEFT = "SELECT 1 FROM deliveries WHERE alert_id = :a AND state IN ('queued', 'unknown', 'failed')"
Backup = tuple[dict[str, bytes], list[tuple[Any, ...]]]


def backup() -> Backup:
    """All rows and the numbers of all sequences, as one moment has them: what pg_dump writes."""
    with one_moment() as s:
        connection = raw(s)
        names = [name for (name,) in connection.execute(TABLES)]
        return {name: copied(connection, name) for name in names}, connection.execute(SEQUENCES).fetchall()


TABLES = """SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'alembic_version'"""
SEQUENCES = "SELECT format('%I', sequencename), last_value FROM pg_sequences WHERE last_value IS NOT NULL"


def copied(connection: "psycopg.Connection[Any]", table: str) -> bytes:
    command = sql.SQL("COPY {} TO STDOUT").format(sql.Identifier(table))
    with connection.cursor() as cursor, cursor.copy(command) as copy:
        return b"".join(bytes(part) for part in copy)


def restore(saved: Backup) -> restoring.Restored:
    """In the place of all that is there, and hold it in the same moment, because this city's processes run."""
    rows, sequences = saved
    with owning() as s:
        connection = raw(s)
        connection.execute("SET LOCAL session_replication_role = replica")
        connection.execute("SET LOCAL deadlock_timeout = '1 min'")  # of a deadlock the running processes notice first
        names = sql.SQL(", ").join(sql.Identifier(name) for name in rows)
        connection.execute(sql.SQL("TRUNCATE {}").format(names))
        for name, data in rows.items():
            command = sql.SQL("COPY {} FROM STDIN").format(sql.Identifier(name))
            with connection.cursor() as cursor, cursor.copy(command) as copy:
                copy.write(data)
        for name, last in sequences:
            connection.execute("SELECT setval(%s::regclass, %s)", (name, last))
        return restoring.restored(s, datetime.now(UTC))


@pytest.mark.long
def test_a_backup_of_mid_send_reaches_everybody_once(city: City) -> None:
    block, alert = city.sending(PEOPLE, per_s=10, out=10)
    later = city.block(phones=5)
    scheduled = city.approved(later.zone, launch_at=datetime.now(UTC) + timedelta(seconds=30))
    with transaction() as s:
        launched = lifecycle.launch(s, scheduled, operators.find(s, APPROVER), datetime.now(UTC))
        assert launched.state is AlertState.SCHEDULED
    saved = backup()
    until(lambda: len(city.texts(later.phones)) == 5, 120, "the scheduled one went out after the backup")
    until(lambda: len(city.texts(block.phones)) >= 30, 60, "more went out after the backup")
    with transaction() as s:
        lifecycle.pause(s, alert, operators.find(s, APPROVER), datetime.now(UTC))
    until(lambda: not city.sql("SELECT 1 FROM batches WHERE state = 'leased'"), 60, "what was in hand is recorded")
    out = Counter(city.texts(block.phones))
    assert 30 <= len(out) < PEOPLE

    done = restore(saved)
    assert (alert in done.paused, scheduled in done.unscheduled) == (True, True)
    unknown = "SELECT 1 FROM deliveries WHERE alert_id = :a AND state IN ('unknown', 'sending')"
    until(lambda: not city.sql(unknown, a=alert), 60, "the provider was asked about everybody")
    assert Counter(city.texts(block.phones)) == out, "paused: nothing goes out"

    with transaction() as s:
        lifecycle.resume(s, alert, operators.find(s, APPROVER), datetime.now(UTC))
    city.launch(scheduled)
    city.rate("sms", 2000)
    for each in (alert, scheduled):
        city.until_over(each)
    assert Counter(city.texts(block.phones)) == Counter(block.phones)
    assert Counter(city.texts(later.phones)) == Counter(later.phones)
    for each in (alert, scheduled):
        assert not city.sql(LEFT, a=each)
    with transaction() as s:
        assert restoring.restored(s, datetime.now(UTC)) == restoring.Restored([], [], asked=0)
