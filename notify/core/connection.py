"""Connect to PostgreSQL: parameters, timeouts, and the check that our secret key is the database's.

`db` builds its pools on this. A command that runs a single query opens a connection directly, because SQLAlchemy
takes longer to import than everything else together.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict

from notify.core import keyring
from notify.core.settings import settings

READ_ONLY = "-c default_transaction_read_only=on"

# A host that loses its power or its cable falls silent. By default, TCP would wait for it for minutes to hours.
GONE_S = 10


def parameters(url: str, options: str = "") -> dict[str, Any]:
    """The libpq parameters of every connection. `options`: additional options for the server."""
    return conninfo_to_dict(url) | {
        "application_name": keyring.application_name(),
        "connect_timeout": 5,
        "options": f"-c timezone=UTC -c lock_timeout=10s -c idle_in_transaction_session_timeout=60s {options}"
        + "".join(f" -c {name}={value}" for name, value in _patience("tcp_").items()),
        **_patience(),
    }


@contextmanager
def reading() -> Iterator["psycopg.Connection[Any]"]:
    """Open a read-only connection outside of any pool. Raises psycopg.OperationalError and WrongKey."""
    with psycopg.connect(**parameters(settings().require_database(), READ_ONLY)) as opened:
        check_key(opened, records=False)
        yield opened


def check_key(opened: "psycopg.Connection[Any]", *, records: bool = True) -> None:
    """Close the connection and raise WrongKey when our key is not the database's, before anything is read or written.

    `records`: record our key when the database has none yet.
    """
    try:
        keyring.check(opened, records)
    except BaseException:
        opened.close()
        raise


def _patience(prefix: str = "") -> dict[str, int]:
    """TCP timeouts by libpq's names. `prefix` makes them PostgreSQL's names for the server's end.

    Both ends need them: a backend whose client is gone may hold the scheduler's lock. They limit how long data may stay
    unacknowledged, and how long a silence may last before a probe. The server needs no configuration for this.
    """
    return {
        "tcp_user_timeout": GONE_S * 1000,  # ms
        f"{prefix}keepalives_idle": max(1, GONE_S * 2 // 5),
        f"{prefix}keepalives_interval": max(1, GONE_S // 5),
        f"{prefix}keepalives_count": 3,
    }
