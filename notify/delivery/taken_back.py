"""Take back what waits of an alert for the residents of a part of its area, while it goes on elsewhere."""

from dataclasses import dataclass
from datetime import datetime

from shapely.geometry.base import BaseGeometry
from sqlalchemy import text
from sqlalchemy.orm import Session

from notify import audience
from notify.core.states import HELD_BACK
from notify.delivery.digests import MERGED
from zones.membership import Membership


@dataclass(frozen=True, slots=True)
class TakenBack:
    """`messages`: how many were cancelled. `left`: how many residents keep theirs, as it tells of another place of
    theirs, too. `whole`: no other message to the residents is on its way, which could come back and wait again."""

    messages: int
    left: int
    whole: bool


def take_back(
    s: Session, alert_id: int, area: BaseGeometry, elsewhere: BaseGeometry, reason: str, now: datetime
) -> TakenBack:
    """Cancel the queued and held deliveries of an alert to residents with a place in an area, and none `elsewhere`,
    where it goes on (WGS 84 both). A held batch of which nothing is left ends."""
    waiting = s.scalars(text(_RESIDENTS), {"alert": alert_id}).all()
    places = audience.places_of(s, waiting, now)
    here, there = (set(places.inside(Membership(one)).residents.tolist()) for one in (area, elsewhere))
    values = {"alert": alert_id, "residents": sorted(here - there), "reason": reason, "now": now}
    messages = s.execute(text(_CANCEL), values).all()
    s.execute(text(_END_EMPTY), values)
    return TakenBack(len(messages), len(here & there), not s.execute(text(_ON_ITS_WAY), values).scalar_one())


def is_heard(s: Session, alert_id: int) -> bool:
    """Whether a message of an alert has left, or may have."""
    values = {"alert": alert_id, "held_back": [one.value for one in HELD_BACK]}
    return bool(s.execute(text(_HEARD), values).scalar_one())


_OPEN = f"d.alert_id = :alert AND d.state IN ('queued', 'held') AND d.reason IS DISTINCT FROM '{MERGED}'"
_RESIDENTS = """
    SELECT DISTINCT c.subscriber_id FROM deliveries d JOIN contacts c ON c.id = d.contact_id
     WHERE d.alert_id = :alert AND d.state IN ('queued', 'held', 'sending') AND c.subscriber_id IS NOT NULL
"""
_CANCEL = f"""
    WITH theirs AS MATERIALIZED (
        SELECT d.id FROM deliveries d JOIN contacts c ON c.id = d.contact_id
         WHERE {_OPEN} AND c.subscriber_id = ANY(CAST(:residents AS bigint[])) ORDER BY d.id FOR UPDATE OF d
    )
    UPDATE deliveries d SET state = 'cancelled', reason = :reason, settled_at = :now
      FROM theirs WHERE d.id = theirs.id AND {_OPEN} RETURNING d.id
"""
_END_EMPTY = """
    UPDATE batches SET state = 'done' WHERE id IN (
        SELECT id FROM batches b WHERE alert_id = :alert AND state = 'held' AND NOT EXISTS (
               SELECT FROM deliveries d WHERE d.batch_id = b.id AND d.state IN ('queued', 'held', 'sending', 'unknown'))
           FOR UPDATE SKIP LOCKED)
"""
_ON_ITS_WAY = """
    SELECT EXISTS (SELECT FROM deliveries d JOIN contacts c ON c.id = d.contact_id
                    WHERE d.alert_id = :alert AND d.state = 'sending'
                      AND c.subscriber_id = ANY(CAST(:residents AS bigint[])))
"""
_HEARD = """
    SELECT EXISTS (SELECT FROM deliveries
                    WHERE alert_id = :alert AND state <> ALL (CAST(:held_back AS delivery_state[])))
"""
