"""The residents to whom earlier alerts were sent: an update, a correction and an all-clear go to them as well.

They are found again whenever the audience is counted or resolved, so whoever an earlier alert is sent to meanwhile
counts. Where they live now does not matter; what they have opted out of does.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry
from sqlalchemy import text
from sqlalchemy.orm import Session

from zones.membership import Membership


class OrTold(Membership):
    """An area, and all to whom these alerts were sent."""

    def __init__(self, area: BaseGeometry, alerts: Sequence[int]) -> None:
        super().__init__(area)
        self.alerts = tuple(alerts)


def residents(s: Session, alerts: Sequence[int], after: int, through: int) -> NDArray[np.int64]:
    """Return the residents to whom a message of these alerts was or is to be sent, ascending, each once.

    Only ids above `after` and up to `through` are returned.
    """
    if not alerts:
        return np.empty(0, np.int64)
    values = {"alerts": list(alerts), "after": after, "through": through}
    found = s.execute(text(_TOLD), values).scalar()
    return np.unique(np.array(found or [], dtype=np.int64))


# What was refused, cancelled or expired was never read. What is `undelivered` or `unknown` may have been.
_TOLD = """
    SELECT array_agg(c.subscriber_id) FROM deliveries d JOIN contacts c ON c.id = d.contact_id
     WHERE d.alert_id = ANY(:alerts) AND d.state NOT IN ('skipped', 'failed', 'cancelled', 'expired')
       AND c.subscriber_id > :after AND c.subscriber_id <= :through
"""
