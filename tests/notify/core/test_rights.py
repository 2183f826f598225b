"""What PostgreSQL refuses the role of our processes. That it suffices is what all other tests are about."""

import os
import re
from collections.abc import Iterator
from contextlib import closing
from typing import LiteralString

import psycopg
import pytest
from sqlalchemy import make_url, text
from sqlalchemy.exc import DBAPIError

from notify import migrations
from notify.alerts import lifecycle
from notify.core import crypto, db, rights
from notify.core.db import transaction
from notify.core.errors import Refused
from notify.core.settings import settings
from notify.operations import rotation
from notify.operations.check import _database
from tests.conftest import OWNER, SECRET_KEY
from tests.factories import NOW, alert_ready, operator, resident, sender, zone
from tests.notify.core.test_keyring import use_keys
from tests.owner import as_owner, owning
from tests.waiting import until

APP, MANAGER = f"app_{os.getpid()}", f"manager_{os.getpid()}"

# Of each relation: what the role may do on it, with the columns that only some of it may be done on.
GRANTED = """
    SELECT relname, privilege_type, NULL FROM pg_class, aclexplode(relacl)
     WHERE relnamespace = 'public'::regnamespace AND grantee = current_user::regrole
     UNION
    SELECT attrelid::regclass::text, privilege_type, attname FROM pg_attribute, aclexplode(attacl)
     WHERE grantee = current_user::regrole
"""


def granted() -> set[tuple[str, str, str | None]]:
    with transaction() as s:
        return {(*row,) for row in s.execute(text(GRANTED))}


def test_every_table_has_its_rights_and_every_column_of_them_exists(database: str) -> None:
    with owning() as s:
        tables = s.scalars(text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")).all()
        columns = {
            (*row,)
            for row in s.execute(
                text("SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'public'")
            )
        }
    assert set(tables) == set(rights.RIGHTS), "a new table needs a line in notify/core/rights.py"
    named = {(table, name) for table, may in rights.RIGHTS.items() for name in re.findall(r"[a-z0-9_]+", may)}
    assert ("alerts", "state") in named
    assert named <= columns


@pytest.fixture
def launched(database: str) -> int:
    with transaction() as s:
        zone(s)
        resident(s)
        alert = alert_ready(s)
        lifecycle.launch(s, alert.id, operator(s, "approver"), NOW)
        return alert.id


REFUSED = [
    *(f"TRUNCATE {table} CASCADE" for table in ("audit", "consents", "contents", "alerts", "deliveries", "contacts")),
    *(f"DELETE FROM {table}" for table in ("audit", "consents", "contents", "alerts", "deliveries", "operators")),
    "UPDATE audit SET operator_id = NULL",
    "UPDATE audit SET at = now()",
    "UPDATE consents SET kind = 'opt-in'",
    "UPDATE contents SET text = 'other words'",
    *(f"UPDATE alerts SET {column} = {column}" for column in ("blanks", "area", "event", "two_people", "created_by")),
    "UPDATE deliveries SET contact_id = 1",
    "UPDATE receipts SET state = 'delivered'",
    "UPDATE zone_versions SET geometry = 'x'",
    "UPDATE key_ring SET fingerprint = sha256('x')",
    "UPDATE alembic_version SET version_num = '0001'",
    "CREATE TABLE mine (n int)",
    "CREATE FUNCTION mine() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "ALTER TABLE audit ADD COLUMN more int",
    "ALTER TABLE audit DISABLE TRIGGER USER",
    "ALTER TABLE audit OWNER TO CURRENT_USER",
    "DROP TRIGGER audit_never_changes ON audit",
    "DROP TABLE audit",
    "CREATE TRIGGER mine BEFORE INSERT ON audit FOR EACH ROW EXECUTE FUNCTION refuse_change()",
    "CREATE RULE mine AS ON INSERT TO audit DO INSTEAD NOTHING",
    "CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
    "SET session_replication_role = replica",
    "COPY audit TO PROGRAM 'cat'",
]  # fmt: skip


@pytest.mark.parametrize("statement", REFUSED)
def test_our_processes_may_not(launched: int, statement: str) -> None:
    with pytest.raises(DBAPIError) as refused, transaction() as s:
        s.execute(text(statement))
    assert isinstance(refused.value.orig, psycopg.errors.InsufficientPrivilege)


def test_the_approvals_of_a_launched_alert_are_kept_by_the_schema(launched: int) -> None:
    """Before the launch they are written, so that no grant can refuse it."""
    for change in ("approved_by = created_by", "approved_hash = 'x'", "launched_at = NULL"):
        with pytest.raises(DBAPIError, match="never change"), transaction() as s:
            s.execute(text(f"UPDATE alerts SET {change}"))


def test_a_temporary_table_does_not_hide_that_an_alert_is_launched(launched: int) -> None:
    hidden = "CREATE TEMP TABLE alerts (id bigint, launched_at timestamptz) ON COMMIT DROP"
    more = "INSERT INTO contents SELECT alert_id, channel, 'fr', '', 'autres mots', '', 1 FROM contents LIMIT 1"
    with pytest.raises(DBAPIError, match="its words never change"), transaction() as s:
        s.execute(text(f"{hidden}; {more}"))


def test_what_is_granted_is_what_is_written(own_database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also after an earlier version granted more, and after a rotation of the key, which replaces columns."""
    before = granted()
    assert ("alerts", "UPDATE", "state") in before
    assert ("audit", "INSERT", None) in before
    as_owner(
        f'GRANT ALL ON audit, alembic_version TO "{make_url(own_database).username}"',
        f'GRANT UPDATE (at) ON audit TO "{make_url(own_database).username}"',
    )
    assert granted() > before
    migrations.upgrade()
    assert granted() == before
    use_keys(monkeypatch, "a key that comes after it, long enough", previous=SECRET_KEY)
    rotation.rotate(NOW)
    assert granted() == before


@pytest.fixture
def managed(server_urls: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A database of a role that is no superuser and may make no roles, as many a city gets it; nothing in it yet."""
    server = server_urls[OWNER]
    ask(server, f"CREATE ROLE {MANAGER} LOGIN PASSWORD 'm'", f"CREATE DATABASE {MANAGER} OWNER {MANAGER}")
    for name, role, password in ((OWNER, MANAGER, "m"), ("TOCSIN_DATABASE_URL", APP, "a")):
        url = make_url(server).set(username=role, password=password, database=MANAGER)
        monkeypatch.setenv(name, url.render_as_string(hide_password=False))
    monkeypatch.setenv("TOCSIN_SECRET_KEY", SECRET_KEY)
    forget()
    yield
    forget()
    ask(server, f"DROP DATABASE {MANAGER} WITH (FORCE)", f"DROP ROLE IF EXISTS {APP}", f"DROP ROLE {MANAGER}")


def ask(url: str, *statements: LiteralString) -> None:
    with closing(psycopg.connect(url, autocommit=True)) as connection:
        for statement in statements:
            connection.execute(statement)


def forget() -> None:
    settings.cache_clear()
    crypto.forget_keys()
    db.forget_engine()


def test_a_managed_database_is_told_which_role_it_needs_and_then_gives_it_its_rights(
    managed: None, server_urls: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(Refused, match=f"no role '{APP}'") as refused:
        migrations.upgrade()
    assert f'CREATE ROLE "{APP}" LOGIN' in (refused.value.hint or "")
    ask(server_urls[OWNER], f"CREATE ROLE {APP} LOGIN PASSWORD 'a'")
    migrations.upgrade()
    with transaction() as s:
        sender(s)
        resident(s)
    assert not [one for one in _database()[1] if one.subject == "database role"]
    with pytest.raises(DBAPIError, match="permission denied"), transaction() as s:
        s.execute(text("TRUNCATE audit"))
    # The owner is not shown where the connections of another role come from; the rotation looks as that role.
    use_keys(monkeypatch, "a key that comes after it, long enough", previous=SECRET_KEY)
    url = make_url(settings().database_url).render_as_string(hide_password=False)
    with (
        psycopg.connect(url, application_name="tocsin 0123456789ab"),
        pytest.raises(Refused, match=r"do not know both keys .* older version \(process \? on 127\.0\.0\.1\)"),
    ):
        rotation.rotate(NOW)
    asked = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'tocsin 0123456789ab'"
    with psycopg.connect(server_urls[OWNER], autocommit=True) as looking:
        until(lambda: looking.execute(asked).fetchone() == (0,), 60, "its connection is gone")
    assert rotation.rotate(NOW).rows["contacts"] == 1


def test_one_role_for_all_works_and_is_noticed(own_database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOCSIN_DATABASE_URL", settings().migration_database_url)
    monkeypatch.delenv(OWNER)
    forget()
    migrations.upgrade()
    with transaction() as s:
        sender(s)
        resident(s)
    (found,) = [one for one in _database()[1] if one.subject == "database role"]
    assert found.state == "yellow"
    assert "docs/installing.md" in found.todo
