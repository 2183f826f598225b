"""The residents whom no message of an alert has reached: every one of them that was sent was refused or not delivered.

A follow-up alert reaches only these. They are found again whenever its audience is counted or resolved, so late
receipts count.
"""

import numpy as np
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry
from sqlalchemy import text
from sqlalchemy.orm import Session

from zones.membership import Membership


class OfUnreached(Membership):
    """The area of a follow-up. `first`: the alert that it follows."""

    def __init__(self, area: BaseGeometry, first: int) -> None:
        super().__init__(area)
        self.first = first


def residents(s: Session, alert_id: int) -> NDArray[np.int64]:
    """Return the residents whom this alert has not reached, ascending. One whose message is still on its way, or whose
    outcome is unknown, is not among them."""
    found = s.execute(text(f"SELECT array_agg(subscriber_id) FROM ({_UNREACHED}) AS u"), {"first": alert_id}).scalar()
    return np.sort(np.array(found or [], dtype=np.int64))


_UNREACHED = """
    SELECT c.subscriber_id FROM deliveries d JOIN contacts c ON c.id = d.contact_id
     WHERE d.alert_id = :first AND d.state <> 'skipped' AND c.subscriber_id IS NOT NULL
     GROUP BY c.subscriber_id HAVING bool_and(d.state IN ('undelivered', 'failed'))
"""
