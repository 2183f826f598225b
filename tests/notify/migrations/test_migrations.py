"""Alembic's history, the models beside it, and what the database itself refuses."""

import subprocess
import sys

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import text

from notify import migrations
from notify.core.db import engine
from notify.models import Base
from tests.owner import as_owner


def test_models_and_schema_are_the_same(database: str) -> None:
    with engine().connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, Base.metadata) == []


def test_upgrade_again_changes_nothing(own_database: str) -> None:
    migrations.upgrade()
    with engine().connect() as connection:
        assert connection.execute(text("SELECT version_num FROM alembic_version")).scalars().all() == [
            migrations.head()
        ]


def test_two_hosts_that_are_set_up_at_once_do_not_collide(own_database: str) -> None:
    as_owner("DROP SCHEMA public CASCADE", "CREATE SCHEMA public")
    command = [sys.executable, "-c", "from notify import migrations; migrations.upgrade()"]
    hosts = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(3)]
    assert [(host.communicate()[1], host.returncode) for host in hosts] == [("", 0)] * 3
    with engine().connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM alembic_version")).scalar_one() == 1


def test_a_database_that_is_newer_is_refused_in_one_line(database: str) -> None:
    as_owner("UPDATE alembic_version SET version_num = '9999'")
    command = [sys.executable, "-m", "notify.cli", "migrate"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    line = done.stderr.splitlines()[-1]  # above it, the log of how far the migration came
    assert line.startswith(f"tocsin: The database has schema 9999, not {migrations.head()}. It is newer than this")
    with engine().connect() as connection:
        assert connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one() == "9999"
