"""How many messages the drafts on the console's first page would be: roughly, and without ever waiting for the count.

Exact counts of an area are recorded in the audit, because the difference of two can reveal a home. Those are on the
page of the draft; the numbers here are rounded instead, and nothing is recorded.
"""

import threading
from collections.abc import Sequence
from datetime import UTC, datetime

import structlog
from sqlalchemy.exc import SQLAlchemyError

from api.console.alert import alert_view
from api.console.kept import Kept, remembered
from notify.alerts.situation import Item
from notify.core import db
from notify.core.errors import TocsinError

log = structlog.get_logger()

EVERY_S = 60.0
MOST = 30  # drafts that are counted, the newest first
_counting = threading.Lock()


def sizes(drafts: Sequence[Item]) -> dict[int, int]:
    """Return the rounded numbers of messages by draft, of those counted so far. A thread counts those that are due.

    A follow-up is left out: its audience cannot be counted in memory.
    """
    kept = {one.id: _size(one.id) for one in [one for one in drafts if one.follows is None][:MOST]}
    due = [one for one in kept.values() if one.due]
    if due and not _counting.locked():
        threading.Thread(target=_count, args=(due,), name="draft_sizes", daemon=True).start()
    return {number: one.last for number, one in kept.items() if one.last is not None}


def rounded(messages: int) -> int:
    """Return a number with two digits that count, and never the last one: 1,234 is 1,200, and 57 is 60."""
    return round(messages, -max(1, len(str(messages)) - 2)) if messages >= 10 else messages


@remembered
def _size(alert_id: int) -> Kept[int | None]:
    return Kept(lambda: _messages(alert_id), EVERY_S)


def _count(due: Sequence[Kept[int | None]]) -> None:
    if _counting.acquire(blocking=False):
        try:
            for one in due:
                one.get()
        finally:
            _counting.release()


def _messages(alert_id: int) -> int | None:
    """Return None for a draft that is gone, or cannot be counted now."""
    try:
        return rounded(sum(alert_view.reached(alert_id, datetime.now(UTC)).by_channel.values()))
    except TocsinError:
        return None
    except SQLAlchemyError as error:  # tried again when it is due
        log.warning("draft_sizes.not_counted", alert=alert_id, error=db.reason(error))
        return None
