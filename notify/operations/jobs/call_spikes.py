"""Propose notices about what more people call about than usual."""

from datetime import UTC, datetime

from notify.core.db import transaction
from notify.service311.calls import proposals


def run() -> None:
    """Compare the calls of this hour with those of the weeks before."""
    with transaction() as s:
        proposals.scan(s, datetime.now(UTC))
