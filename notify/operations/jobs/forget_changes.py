"""The changes of residents that the live count follows."""

from notify.audience import live_count
from notify.core.db import transaction


def run() -> None:
    """Forget those that every count has seen."""
    with transaction() as s:
        live_count.forget_changes(s)
