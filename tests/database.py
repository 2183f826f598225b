"""What tests ask PostgreSQL, as the role of our processes. `tests.owner` is for what only the owner may do."""

from typing import Any

from sqlalchemy import text

from notify.core.db import transaction


def sql(statement: str, **values: Any) -> list[Any]:
    """Run one statement in a transaction of its own; returns its rows, if it has any."""
    with transaction() as s:
        result = s.execute(text(statement), values)
        return list(result) if result.returns_rows else []
