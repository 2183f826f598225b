"""Delete the recorded changes of residents that no live count needs."""

from notify.audience import live_count
from notify.core.db import transaction


def run() -> None:
    """Delete the changes that every live count has seen."""
    with transaction() as s:
        live_count.forget_changes(s)
