"""The changes of residents that the live count follows."""

from notify.core.db import transaction
from notify.pipeline import headcount


def run() -> None:
    """Forget those that every count has seen."""
    with transaction() as s:
        headcount.forget_changes(s)
