"""What only the owner of the schema may do, for tests that break a database on purpose."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from notify.core.db import schema_engine, transaction


@contextmanager
def owning() -> Iterator[Session]:
    """`transaction` of the role that owns the schema."""
    engine = schema_engine()
    try:
        with transaction(lambda: engine) as s:
            yield s
    finally:
        engine.dispose()


def as_owner(*statements: str, **values: Any) -> None:
    """Run statements in one transaction of the owner."""
    with owning() as s:
        for statement in statements:
            s.execute(text(statement), values)


def refuse(table: str, when: str, act: str = "UPDATE") -> None:
    """From now on PostgreSQL refuses to write this row."""
    as_owner(
        """CREATE OR REPLACE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
           'BEGIN RAISE EXCEPTION ''refused'' USING ERRCODE = ''check_violation''; END'""",
        f"CREATE TRIGGER refuses BEFORE {act} ON {table} FOR EACH ROW WHEN ({when}) EXECUTE FUNCTION refuse()",
    )
