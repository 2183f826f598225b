"""Alembic's history, the models beside it, and what the database itself refuses."""

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import text

from notify import migrations
from notify.db import engine
from notify.models import Base


def test_models_and_schema_are_the_same(database: str) -> None:
    with engine().connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, Base.metadata) == []


def test_upgrade_again_changes_nothing(database: str) -> None:
    migrations.upgrade()
    with engine().connect() as connection:
        assert connection.execute(text("SELECT version_num FROM alembic_version")).scalars().all() == [
            migrations.head()
        ]
