"""The residents whom no message of an alert has reached: every one of them that was sent was refused or not delivered,
or waits on a channel on which no provider has accepted any.

A follow-up alert reaches only these. They are found again whenever its audience is counted or resolved, so late
receipts count.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry
from sqlalchemy import text
from sqlalchemy.orm import Session

from notify.audience.everywhere import InCity

SILENT_AFTER = timedelta(seconds=60)  # from the launch on, or from the last time that it was resumed


class OfUnreached(InCity):
    """The area of a follow-up. `first`: the alert that it follows."""

    def __init__(self, area: BaseGeometry, first: int, *, whole: bool = False) -> None:
        super().__init__(area, whole=whole)
        self.first = first


def residents(s: Session, alert_id: int, now: datetime) -> NDArray[np.int64]:
    """Return the residents whom this alert has not reached, ascending. One whose message is still on its way, or whose
    outcome is unknown, is not among them."""
    silent = silent_channels(s, [alert_id], now).get(alert_id, ())
    found = s.execute(
        text(f"SELECT array_agg(subscriber_id) FROM ({_UNREACHED}) AS u"),
        {"first": alert_id, "silent": list(silent)},
    ).scalar()
    return np.sort(np.array(found or [], dtype=np.int64))


_UNREACHED = """
    SELECT c.subscriber_id FROM deliveries d JOIN contacts c ON c.id = d.contact_id
     WHERE d.alert_id = :first AND d.state <> 'skipped' AND c.subscriber_id IS NOT NULL
     GROUP BY c.subscriber_id
    HAVING bool_and(d.state IN ('undelivered', 'failed') OR d.state = 'queued' AND c.channel = ANY(:silent))
"""


def silent_channels(s: Session, alerts: Sequence[int], now: datetime) -> dict[int, tuple[str, ...]]:
    """Return the channels of launched alerts on which no provider has accepted a message within SILENT_AFTER.

    An alert without such a channel is left out; so is a channel without messages.
    """
    rows = s.execute(text(_SILENT), {"alerts": list(alerts), "before": now - SILENT_AFTER}).all()
    found: dict[int, tuple[str, ...]] = {}
    for row in rows:
        found[row.id] = (*found.get(row.id, ()), row.channel)
    return found


# The inner LIMITs keep it to a look at the first deliveries of each batch, by an index, until one was accepted.
_SILENT = """
    SELECT a.id, w.channel
      FROM alerts a CROSS JOIN LATERAL (
           SELECT DISTINCT channel FROM batches b WHERE b.alert_id = a.id AND b.state <> 'held'
              AND coalesce(b.held_until, a.launched_at) <= :before
              AND EXISTS (SELECT FROM deliveries d WHERE d.batch_id = b.id)) AS w
     WHERE a.id = ANY(:alerts) AND a.launched_at <= :before
       AND NOT EXISTS (SELECT FROM audit WHERE subject = 'alert' AND subject_id = a.id AND action = 'resume'
                                           AND at > :before)
       AND (SELECT 1 FROM batches b
              JOIN LATERAL (SELECT FROM deliveries d
                             WHERE d.batch_id = b.id AND d.state IN ('accepted', 'delivered', 'undelivered')
                             LIMIT 1) AS taken ON true
             WHERE b.alert_id = a.id AND b.channel = w.channel LIMIT 1) IS NULL
     ORDER BY a.id, w.channel
"""
