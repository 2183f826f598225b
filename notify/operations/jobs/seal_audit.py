"""Seal new rows of the audit."""

from notify.core import audit_seals
from notify.core.db import transaction


def run() -> None:
    """Seal every row below which no other can appear any more. Each transaction is short, however many rows wait."""
    with transaction() as s:
        through = audit_seals.settled().through(s)
    while through is not None:
        with transaction() as s:
            if audit_seals.seal(s, through) < audit_seals.AT_ONCE:
                return
