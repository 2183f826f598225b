"""Alembic's entry: always online, always against the database of the settings."""

from alembic import context

from notify.db import schema_engine
from notify.models import Base


def run() -> None:
    engine = schema_engine()
    with engine.connect() as connection:
        context.configure(connection=connection, target_metadata=Base.metadata)
        with context.begin_transaction():
            # Two hosts that are set up at once must not both migrate.
            connection.exec_driver_sql("SELECT pg_advisory_xact_lock(7461001)")
            context.run_migrations()
    engine.dispose()


run()
