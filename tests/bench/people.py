"""Make the residents of a benchmark by SQL and COPY, not by the importer, which has a benchmark of its own."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import text

from notify.core import crypto, db, points
from notify.core.db import raw
from tests.owner import owning


def settle(first: int, count: int, channel: str, west: float, inside: int, newest: bool) -> None:
    """Add `count` residents with ids above all others, of whom `inside` live in the area at `west`.

    Only those inside have an address that can be decrypted, because nobody else gets a message.
    """
    rng = np.random.default_rng(first)
    now = datetime.now(UTC)
    with owning() as s:
        start = s.execute(text("SELECT coalesce(max(id), 0) FROM subscribers")).scalar_one()
        places = np.arange(count - inside, count) if newest else np.sort(rng.permutation(count)[:inside])
        chosen = places + start + 1
        values = {"first": start + 1, "last": start + count, "west": west, "now": now, "channel": channel}
        # Skip foreign keys, which are right by construction; four million checks would take longer than all the rest.
        s.execute(text("SET LOCAL session_replication_role = replica"))
        for statement in PEOPLE:
            s.execute(text(statement), values)
        s.execute(text("CREATE TEMP TABLE inside (id bigint PRIMARY KEY, index bytea, sealed bytea) ON COMMIT DROP"))
        _copy(s, "inside", ((int(n), *_sealed(channel, int(n))) for n in chosen))
        s.execute(text(CONTACTS), values)
        _copy(s, f"places ({PLACED})", _placed(rng, start + 1, count, chosen, west, now))
    with db.schema_connection() as connection:
        connection.execute("VACUUM ANALYZE subscribers, preferences, contacts, places")


PEOPLE = (
    """INSERT INTO subscribers (id, language, created_at) OVERRIDING SYSTEM VALUE
       SELECT n, 'en', :now FROM generate_series(CAST(:first AS bigint), :last) AS n""",
    "SELECT setval(pg_get_serial_sequence('subscribers', 'id'), :last)",
    """INSERT INTO preferences (subscriber_id, topic)
       SELECT n, t FROM generate_series(CAST(:first AS bigint), :last) AS n,
              unnest(ARRAY['storm', 'snow']::topic[]) AS t""",
)
CONTACTS = """
    INSERT INTO contacts (subscriber_id, channel, address_index, address_sealed, verified_at, created_at)
    SELECT n, :channel, coalesce(i.index, sha256(CAST(CAST(n AS text) AS bytea))), coalesce(i.sealed, 'x'), :now, :now
      FROM generate_series(CAST(:first AS bigint), :last) AS n LEFT JOIN inside i ON i.id = n ORDER BY n
"""
ROUNDED = 1e-7  # degrees by which a point may be rounded; nobody lives this near to the border
PLACED = "subscriber_id, label, created_at, point_sealed, cell_index"


def _placed(
    rng: np.random.Generator, first: int, count: int, inside: NDArray[np.int64], west: float, now: datetime
) -> Iterator[tuple[Any, ...]]:
    """Yield places. The area is a square in the corner of a square city; some of those outside live due north of it."""
    east = rng.random(count) < 0.69
    beyond = 0.1 + ROUNDED
    lon = np.where(east, beyond + 0.12 * rng.random(count), 0.1 * rng.random(count))
    lat = np.where(east, 0.22 * rng.random(count), beyond + 0.12 * rng.random(count))
    lon[inside - first], lat[inside - first] = (0.1 - ROUNDED) * rng.random((2, inside.size))
    residents = np.arange(first, first + count)
    for resident, sealed in zip(residents.tolist(), points.seal_all(residents, lon + west, lat + 40.0), strict=True):
        yield resident, "home", now, *sealed


def _copy(s: Any, into: str, rows: Iterator[tuple[Any, ...]]) -> None:
    with raw(s).cursor() as cursor, cursor.copy(f"COPY {into} FROM STDIN") as copy:
        for row in rows:
            copy.write_row(row)


def _sealed(channel: str, n: int) -> tuple[bytes, bytes]:
    address = phone(n) if channel == "sms" else f"resident{n}@example.org"
    return crypto.address_index(channel, address), crypto.seal(address, channel)


def phone(n: int) -> str:
    """Return the phone of a resident: a number that passes as one."""
    return f"+1201{2_000_000 + n:07}"
