"""The lock between what decides about residents as they are stored: imports, erasures, changes, and who joins.

It is taken first: before the key in force (`keyring.hold`), and before any row of a resident or a joining.
"""

from hashlib import blake2b

from sqlalchemy import text
from sqlalchemy.orm import Session

from notify.core.db import take_lock

IMPORT_LOCK = 7_461_002  # two simultaneous imports could make two residents of one person


def take(s: Session) -> None:
    """Wait until nobody else has the lock in any way, and keep it until the transaction ends."""
    take_lock(s, IMPORT_LOCK)


def share(s: Session, channel: str, address: str) -> None:
    """Wait for who takes the lock, and for others who share it for the same address; all others go on beside.

    Within a savepoint that is rolled back it is given up. Who shares the lock may not take it later: two would wait for
    each other.
    """
    which = int.from_bytes(blake2b(f"{channel} {address}".encode(), digest_size=4).digest(), "big", signed=True)
    s.execute(text("SELECT pg_advisory_xact_lock_shared(:lock)"), {"lock": IMPORT_LOCK})
    # Locks of two keys are apart from those of one.
    s.execute(text("SELECT pg_advisory_xact_lock(:lock, :which)"), {"lock": IMPORT_LOCK, "which": which})
