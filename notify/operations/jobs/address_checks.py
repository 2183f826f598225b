"""Ask residents once a year whether they still live there."""

from datetime import UTC, datetime

from notify.core.db import transaction
from notify.core.settings import settings
from notify.subscribers import address_checks


def run() -> None:
    """Ask today's share of those who are due (`TOCSIN_ADDRESS_CHECKS_A_DAY`)."""
    with transaction() as s:
        address_checks.ask_due(s, datetime.now(UTC), settings().address_checks_a_day)
