"""Ask contacts that an import brought without a consent, a few at a time and by day."""

from datetime import UTC, datetime

from notify.core import db
from notify.core.db import transaction
from notify.subscribers import import_asks


def run() -> None:
    if db.exists("SELECT FROM import_asks"):
        with transaction() as s:
            import_asks.work(s, datetime.now(UTC))
