"""The columns of the schema that depend on the secret key, and their replacement by a rotation (`rotation`).

The indexes and constraints of a column are read from PostgreSQL's catalogue, so that none is forgotten.
"""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import psycopg
from psycopg import sql

INDEX, SEALED, POINT, CELL = "address_index", "address_sealed", "point_sealed", "cell_index"
SECRET, WISH, KEPT = "secret_sealed", "wish_sealed", "kept_sealed"


class Keyed(NamedTuple):
    """A table with keyed columns, the first of which is never NULL. `purpose`, `resident`: SQL for the purpose that its
    addresses are sealed for, and for the resident of its points."""

    table: str
    columns: tuple[str, ...]
    purpose: str = "''"
    resident: str = "NULL"

    @property
    def pending(self) -> str:
        """The SQL condition for rows whose new columns are not filled."""
        return f"next_{self.columns[0]} IS NULL"


KEYED = (
    Keyed("suppressions", (INDEX,)),
    Keyed("carrier_blocks", (INDEX,)),
    Keyed("inbound", (INDEX,)),
    Keyed("address_ledger", (INDEX,)),
    Keyed("contacts", (INDEX, SEALED), "channel"),
    Keyed("places", (POINT, CELL, SEALED), "'address'", "subscriber_id"),
    Keyed("operator_contacts", (SEALED,), "channel"),
    Keyed("credentials", (SECRET,), "'totp'"),
    Keyed("signing_keys", (SECRET,), "'signing'"),
    Keyed("joinings", (SEALED, WISH, INDEX), "channel"),
    Keyed("collection_feeds", (SEALED,), "'collections'"),
    Keyed("city_requests", (SEALED,), "'request'"),
    Keyed("conversations", (INDEX, KEPT), "channel"),
    Keyed("sealed_words", (KEPT,), "channel"),
)


def make_room(connection: "psycopg.Connection[Any]") -> None:
    """Add the new columns, empty. A trigger empties them again whenever the row changes."""
    for keyed in KEYED:
        columns = ", ".join(f"ADD COLUMN next_{column} bytea" for column in keyed.columns)
        changed = " OR ".join(f"OLD.{column} IS DISTINCT FROM NEW.{column}" for column in keyed.columns)
        cleared = " ".join(f"NEW.next_{column} := NULL;" for column in keyed.columns)
        run(
            connection,
            f"""ALTER TABLE {keyed.table} {columns};
                CREATE INDEX {keyed.table}_to_rekey ON {keyed.table} (id) WHERE {keyed.pending};
                CREATE FUNCTION {keyed.table}_rekey() RETURNS trigger LANGUAGE plpgsql AS $$
                    BEGIN {cleared} RETURN NEW; END $$;
                CREATE TRIGGER {keyed.table}_rekey BEFORE UPDATE ON {keyed.table} FOR EACH ROW
                    WHEN ({changed}) EXECUTE FUNCTION {keyed.table}_rekey();""",
        )


class Index(NamedTuple):
    """An index on a keyed column, and its replacement."""

    table: str
    name: str
    is_constraint: bool
    at_switch: bool  # built at the switch: empty columns would collide; its table is small
    definition: str

    @property
    def next_name(self) -> str:
        return f"next_{self.name}"[:63]

    def create(self, how: str = "") -> str:
        to = re.sub(rf"\b({INDEX}|{SEALED}|{POINT}|{CELL}|{SECRET}|{WISH}|{KEPT})\b", r"next_\1", self.definition)
        return re.sub(r"INDEX \S+ ON", f"INDEX {how} {self.next_name} ON", to, count=1)


def indexes(connection: "psycopg.Connection[Any]") -> Iterator[Index]:
    for keyed in KEYED:
        rows = connection.execute(
            """SELECT c.relname, k.oid IS NOT NULL, i.indnullsnotdistinct, pg_get_indexdef(i.indexrelid)
                 FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
                 LEFT JOIN pg_constraint k ON k.conindid = i.indexrelid AND k.conrelid = i.indrelid
                WHERE i.indrelid = %s::regclass
                  AND EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = i.indrelid AND a.attnum = ANY(i.indkey)
                                 AND a.attname = ANY(%s))""",
            (keyed.table, list(keyed.columns)),
        )
        for row in rows.fetchall():
            yield Index(keyed.table, *row)


def build_indexes(connection: "psycopg.Connection[Any]") -> None:
    """Build the new indexes beside the old ones, while others write rows. One left incomplete by a kill is built again.

    VACUUM removes finished rows from the index of pending ones. Otherwise the switch would step over each of them in
    its search for late rows, while everybody waits.
    """
    for index in indexes(connection):
        if not index.at_switch:
            run(connection, f"DROP INDEX IF EXISTS {index.next_name}")
            run(connection, index.create("CONCURRENTLY"))
    for keyed in KEYED:
        run(connection, f"VACUUM (ANALYZE) {keyed.table}")


def swap(connection: "psycopg.Connection[Any]", keyed: Keyed, indexes: Sequence[Index]) -> None:
    """Replace the old columns and their constraints by the new ones. The constraints apply to new rows at once; a check
    of all rows would keep everybody waiting, so it comes later (`rules_to_validate`)."""
    table = keyed.table
    rules = connection.execute(
        """SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint k
            WHERE conrelid = %s::regclass AND contype = 'c'
              AND EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = k.conrelid AND a.attnum = ANY(k.conkey)
                             AND a.attname = ANY(%s))""",
        (table, list(keyed.columns)),
    ).fetchall()
    run(
        connection, f"DROP TRIGGER {table}_rekey ON {table}; DROP FUNCTION {table}_rekey(); DROP INDEX {table}_to_rekey"
    )
    for column in keyed.columns:
        needed = run(
            connection,
            f"SELECT attnotnull FROM pg_attribute WHERE attrelid = '{table}'::regclass AND attname = '{column}'",
        ).fetchone()
        run(connection, f"ALTER TABLE {table} DROP COLUMN {column}")
        run(connection, f"ALTER TABLE {table} RENAME COLUMN next_{column} TO {column}")
        if needed and needed[0]:
            rules.append((_filled(table, column), f"CHECK ({column} IS NOT NULL)"))
    for name, definition in rules:
        run(connection, f"ALTER TABLE {table} ADD CONSTRAINT {name} {definition} NOT VALID")
    for index in indexes:
        as_constraint = f"ALTER TABLE {table} ADD CONSTRAINT {index.name} UNIQUE USING INDEX {index.next_name}"
        renamed = f"ALTER INDEX {index.next_name} RENAME TO {index.name}"
        run(connection, as_constraint if index.is_constraint else renamed)


def unchanged(connection: "psycopg.Connection[Any]", keyed: Keyed) -> list[int]:
    """The ids of rows that could not be read: their values are unchanged, while sealing always gives a new value."""
    same = [f"next_{column} = {column}" for column in keyed.columns if column in (SEALED, POINT, SECRET)]
    rows = run(connection, f"SELECT id FROM {keyed.table} WHERE {' OR '.join(same)} ORDER BY id") if same else ()
    return [row[0] for row in rows]


def pending(connection: "psycopg.Connection[Any]", keyed: Keyed) -> list[int]:
    """The ids of rows whose new columns are not filled."""
    rows = run(connection, f"SELECT id FROM {keyed.table} WHERE {keyed.pending} ORDER BY id")
    return [row[0] for row in rows]


@contextmanager
def unhindered(connection: "psycopg.Connection[Any]", keyed: Keyed) -> Iterator[None]:
    """Suspend triggers and constraints that are not validated, which old rows may violate. The caller's transaction
    must have locked the table."""
    table = sql.Identifier(keyed.table)
    triggers = connection.execute(
        "SELECT tgname FROM pg_trigger WHERE tgrelid = %s::regclass AND NOT tgisinternal AND tgenabled = 'O'",
        (keyed.table,),
    ).fetchall()
    rules = connection.execute(
        """SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint
            WHERE conrelid = %s::regclass AND contype = 'c' AND NOT convalidated""",
        (keyed.table,),
    ).fetchall()

    def change(act: str, names: Sequence[tuple[str, ...]]) -> None:
        for name, *definition in names:
            what = sql.SQL(act).format(sql.Identifier(name), *map(sql.SQL, definition))
            connection.execute(sql.SQL("ALTER TABLE {} ").format(table) + what)

    change("DISABLE TRIGGER {}", triggers)
    change("DROP CONSTRAINT {}", rules)
    yield
    change("ADD CONSTRAINT {} {}", rules)
    change("ENABLE TRIGGER {}", triggers)


def rules_to_validate(connection: "psycopg.Connection[Any]") -> Iterator[str]:
    """Statements that have PostgreSQL check the constraints on all rows, while others read and write."""
    for keyed in KEYED:
        rows = connection.execute(
            """SELECT conname FROM pg_constraint
                WHERE conrelid = %s::regclass AND contype = 'c' AND NOT convalidated ORDER BY 1""",
            (keyed.table,),
        )
        for row in rows.fetchall():
            yield f"ALTER TABLE {keyed.table} VALIDATE CONSTRAINT {row[0]}"


def columns_to_require(connection: "psycopg.Connection[Any]") -> Iterator[str]:
    """Statements that turn the validated `_filled` constraints into NOT NULL, without another scan of the rows."""
    for keyed in KEYED:
        for column in keyed.columns:
            name = _filled(keyed.table, column)
            found = connection.execute(
                "SELECT FROM pg_constraint WHERE conrelid = %s::regclass AND conname = %s", (keyed.table, name)
            )
            if found.fetchone() is not None:
                yield (
                    f"ALTER TABLE {keyed.table} ALTER COLUMN {column} SET NOT NULL; "
                    f"ALTER TABLE {keyed.table} DROP CONSTRAINT {name}"
                )


def _filled(table: str, column: str) -> str:
    """The constraint that replaces NOT NULL until it is validated."""
    return f"{table}_{column}_filled"


def run(
    connection: "psycopg.Connection[Any]", statement: str, values: Sequence[Any] | None = None
) -> "psycopg.Cursor[Any]":
    """Run SQL composed of names of our own schema; values are always bound."""
    return connection.execute(sql.SQL(statement), values)
