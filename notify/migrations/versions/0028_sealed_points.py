"""Where residents live is sealed: a dump of the database gives no home any more.

The first migration that needs the secret key. It takes the places for itself; a million take half a minute.

Revision ID: 0028
"""

import numpy as np
from alembic import op
from psycopg import Connection

from notify.core import keyring, points
from notify.core.errors import Refused

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None

AT_ONCE = 50_000
ROTATION_LOCK = 7_461_004
_ROW = np.dtype([("id", ">i8"), ("subscriber_id", ">i8"), ("lon", ">f8"), ("lat", ">f8")])


def upgrade() -> None:
    connection = op.get_bind().connection.driver_connection
    assert isinstance(connection, Connection)  # noqa: S101  the engine has no other driver
    _let_no_rotation_run(connection)
    op.execute("""
        LOCK TABLE places IN ACCESS EXCLUSIVE MODE;
        ALTER TABLE places ADD COLUMN point_sealed bytea, ADD COLUMN cell_index bytea;
        ALTER TABLE places DROP CONSTRAINT places_subscriber_id_lon_lat_key;
        DROP INDEX places_lon_lat;
        ALTER TABLE places DISABLE TRIGGER USER;  -- nobody moves
    """)
    if connection.execute("SELECT 1 FROM places LIMIT 1").fetchone():
        keyring.learn(connection.cursor())
        _seal(connection)
        _keep_one_of_those_that_are_the_same_now(connection)
    # CLUSTER writes the table anew: of a column that is only dropped, the values stay in the file.
    op.execute("""
        ALTER TABLE places DROP COLUMN lon, DROP COLUMN lat,
            ALTER COLUMN point_sealed SET NOT NULL, ALTER COLUMN cell_index SET NOT NULL,
            ADD CONSTRAINT places_point_sealed_check CHECK (octet_length(point_sealed) = 16),
            ADD CONSTRAINT places_cell_index_check CHECK (octet_length(cell_index) = 8);
        CLUSTER places USING places_pkey;
        ALTER TABLE places SET WITHOUT CLUSTER;
        ALTER TABLE places ADD UNIQUE (subscriber_id, point_sealed), ENABLE TRIGGER USER;
        CREATE INDEX places_cell ON places (cell_index) INCLUDE (subscriber_id, point_sealed, radius_m);
        ANALYZE places;
    """)


def _let_no_rotation_run(connection: "Connection[tuple[object, ...]]") -> None:
    """One that has begun has made room for the columns that there were, and would leave these behind."""
    alone = connection.execute("SELECT pg_try_advisory_xact_lock(%s)", (ROTATION_LOCK,)).fetchone()
    begun = connection.execute("SELECT 1 FROM key_ring WHERE next IS NOT NULL").fetchone()
    if begun or alone != (True,):
        raise Refused(
            "The secret key is being replaced.",
            hint="Let `tocsin keys rotate` of the version before end first, then migrate.",
        )


def _seal(connection: "Connection[tuple[object, ...]]") -> None:
    after = 0
    while True:
        row = connection.cursor(binary=True).execute(
            """SELECT string_agg(int8send(id) || int8send(subscriber_id) || float8send(lon) || float8send(lat), '')
                 FROM (SELECT * FROM places WHERE id > %s ORDER BY id LIMIT %s) AS x""",
            (after, AT_ONCE),
        ).fetchone()  # fmt: skip
        if not row or not isinstance(row[0], bytes):
            return
        places = np.frombuffer(row[0], dtype=_ROW)
        sealed = points.seal_all(places["subscriber_id"], places["lon"], places["lat"])
        connection.execute(
            """UPDATE places p SET point_sealed = x.point_sealed, cell_index = x.cell_index
                 FROM unnest(%s::bigint[], %s::bytea[], %s::bytea[]) AS x (id, point_sealed, cell_index)
                WHERE p.id = x.id""",
            (places["id"].tolist(), [one.point_sealed for one in sealed], [one.cell_index for one in sealed]),
        )
        after = int(places["id"].max())


def _keep_one_of_those_that_are_the_same_now(connection: "Connection[tuple[object, ...]]") -> None:
    """A resident's places less than a centimetre apart are one, which reaches as far as either."""
    connection.execute("""
        WITH same AS (
            SELECT subscriber_id, point_sealed, min(id) AS id, max(radius_m) AS radius_m FROM places
             GROUP BY subscriber_id, point_sealed HAVING count(*) > 1
        ), widened AS (
            UPDATE places p SET radius_m = same.radius_m FROM same WHERE p.id = same.id
        )
        DELETE FROM places p USING same
         WHERE (p.subscriber_id, p.point_sealed) = (same.subscriber_id, same.point_sealed) AND p.id <> same.id
    """)


def downgrade() -> None:
    raise NotImplementedError("The schema is not taken back: restore a backup.")
