"""Backends that hold an advisory lock in the database under test, which is not the only one on its server."""

from tests.database import sql


def holders(*key: int) -> list[int]:
    """The backends that hold this lock now. `key`: one number or two, as `pg_advisory_lock` takes them."""
    first, second = (0, *key)[-2:]
    found = sql(
        """SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted
              AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
              AND classid = :first AND objid = :second AND objsubid = :numbers""",
        first=first,
        second=second,
        numbers=len(key),
    )
    return [row.pid for row in found]
