"""Alembic's entry point: always online, always on the database of the settings."""

from alembic import context
from sqlalchemy import Connection

from notify.core import rights
from notify.core.db import raw, schema_engine
from notify.core.settings import settings
from notify.models import Base


def run() -> None:
    engine = schema_engine()
    try:
        with engine.connect() as connection:
            _upgrade(connection)
    finally:
        engine.dispose()


def _upgrade(connection: Connection) -> None:
    context.configure(connection=connection, target_metadata=Base.metadata)
    with context.begin_transaction():
        # Only one of two hosts that are set up at once may migrate.
        connection.exec_driver_sql("SELECT pg_advisory_xact_lock(7461001)")
        context.run_migrations()
        if login := settings().runtime_login():
            rights.give(raw(connection), rights.Login(*login))


run()
