"""How a process connects to PostgreSQL: to which one, how patiently, and only with the key that its data has.

`db` makes its pools of this. A command that asks one question opens a connection by itself: it then needs no
SQLAlchemy, which takes longer to import than everything else together.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict

from notify.core import keyring
from notify.core.settings import settings

READ_ONLY = "-c default_transaction_read_only=on"

# A host that lost its power or its cable says nothing. Left to itself, TCP would wait for it for minutes to hours.
GONE_S = 10


def parameters(url: str, options: str = "") -> dict[str, Any]:
    """Of every connection, by libpq's names. `options`: more of them for the server."""
    return conninfo_to_dict(url) | {
        "application_name": keyring.application_name(),
        "connect_timeout": 5,
        "options": f"-c timezone=UTC -c lock_timeout=10s -c idle_in_transaction_session_timeout=60s {options}"
        + "".join(f" -c {name}={value}" for name, value in _patience("tcp_").items()),
        **_patience(),
    }


@contextmanager
def reading() -> Iterator["psycopg.Connection[Any]"]:
    """A connection that only reads, without a pool. Raises psycopg.OperationalError and WrongKey."""
    with psycopg.connect(**parameters(settings().require_database(), READ_ONLY)) as opened:
        check_key(opened, records=False)
        yield opened


def check_key(opened: "psycopg.Connection[Any]", *, records: bool = True) -> None:
    """Nothing is read or written with a key that is not the database's: raises WrongKey and closes the connection.

    `records`: where the database has no key yet, ours is written down.
    """
    try:
        keyring.check(opened, records)
    except BaseException:
        opened.close()
        raise


def _patience(prefix: str = "") -> dict[str, int]:
    """How long either end waits for the other's TCP, by libpq's names; PostgreSQL has a prefix for some of them.

    The server asks, too, because a backend whose client is gone may hold the scheduler's lock. Both have to know how
    long what was sent may stay unacknowledged, and when to ask in a silence. No server needs to be set up for that.
    """
    return {
        "tcp_user_timeout": GONE_S * 1000,  # ms
        f"{prefix}keepalives_idle": max(1, GONE_S * 2 // 5),
        f"{prefix}keepalives_interval": max(1, GONE_S // 5),
        f"{prefix}keepalives_count": 3,
    }
