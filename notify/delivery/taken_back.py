"""Take back what waits of an alert for the residents of a part of its area, while it goes on elsewhere."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from shapely.geometry.base import BaseGeometry
from sqlalchemy import text
from sqlalchemy.orm import Session

from notify import audience
from notify.core.db import transaction
from notify.core.states import HELD_BACK
from notify.delivery.digests import MERGED
from notify.models.states import DeliveryState
from zones.membership import Membership

AT_ONCE = 5_000  # residents in one transaction: whoever claims or stops meanwhile does not wait


@dataclass(frozen=True, slots=True)
class TakenBack:
    """`messages`: how many were cancelled. `left`: how many residents keep theirs, as it tells of another place of
    theirs, too. `whole`: no other message to the residents is on its way, which could come back and wait again."""

    messages: int
    left: int
    whole: bool


def take_back(
    alert_id: int, area: BaseGeometry, elsewhere: BaseGeometry, reason: str, now: datetime, *, again: bool = False
) -> TakenBack:
    """Cancel the queued and held deliveries of an alert to residents with a place in an area, and none `elsewhere`,
    where it goes on (WGS 84 both). A held batch of which nothing is left ends.

    In transactions of its own, one for AT_ONCE residents: what was killed is called again, and goes on. `again`: only
    what was on its way is looked at, which the call before could not stop.
    """
    with transaction() as s:
        waiting = s.scalars(text(_BACK if again else _RESIDENTS), {"alert": alert_id}).all()
        places = audience.places_of(s, waiting, now)
        here, there = (set(places.inside(Membership(one)).residents.tolist()) for one in (area, elsewhere))
    lose = sorted(here - there)
    parts = [lose[at : at + AT_ONCE] for at in range(0, len(lose), AT_ONCE)]
    messages = sum(_cancel(alert_id, some, reason, now) for some in parts)
    with transaction() as s:
        s.execute(text(_END_EMPTY), {"alert": alert_id})
        on_its_way = s.execute(text(_ON_ITS_WAY), {"alert": alert_id, "residents": lose}).scalar_one()
    return TakenBack(messages, len(here & there), not on_its_way)


def _cancel(alert_id: int, residents: Sequence[int], reason: str, now: datetime) -> int:
    values = {"alert": alert_id, "residents": residents, "reason": reason, "now": now}
    with transaction() as s:
        return len(s.execute(text(_CANCEL), values).all())


def is_heard(s: Session, alert_id: int) -> bool:
    """Whether a message of an alert has left, or may have, be it in that of another alert."""
    values = {"alert": alert_id, "unheard": [one.value for one in (*HELD_BACK, DeliveryState.FAILED)]}
    return bool(s.execute(text(_HEARD), values).scalar_one())


_OPEN = f"d.alert_id = :alert AND d.state IN ('queued', 'held') AND d.reason IS DISTINCT FROM '{MERGED}'"
# What may still be queued again, or held: its provider had no room, nobody knows whether it left, the carrier refused
# its sender, or its words are in the message of another alert, which may not leave.
_MAY_COME_BACK = f"""(
    d.state IN ('sending', 'unknown') OR d.state = 'held' AND d.reason = '{MERGED}'
    OR EXISTS (SELECT FROM carrier_refusals r WHERE r.delivery_id = d.id AND r.settled_at IS NULL))
"""
_OF_ALERT = """
    SELECT DISTINCT c.subscriber_id FROM deliveries d JOIN contacts c ON c.id = d.contact_id
     WHERE d.alert_id = :alert AND c.subscriber_id IS NOT NULL
"""
_RESIDENTS = f"{_OF_ALERT} AND (d.state IN ('queued', 'held') OR {_MAY_COME_BACK})"
# What came back was claimed, or belongs to a digest.
_BACK = f"""{_OF_ALERT} AND ({_MAY_COME_BACK} OR d.state IN ('queued', 'held') AND (d.claimed_at IS NOT NULL OR EXISTS (
     SELECT FROM batches b WHERE b.id = d.batch_id AND b.digest)))
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
_ON_ITS_WAY = f"""
    SELECT EXISTS (SELECT FROM deliveries d JOIN contacts c ON c.id = d.contact_id
                    WHERE d.alert_id = :alert AND {_MAY_COME_BACK}
                      AND c.subscriber_id = ANY(CAST(:residents AS bigint[])))
"""
_HEARD = f"""
    SELECT EXISTS (SELECT FROM deliveries WHERE alert_id = :alert
                      AND (state <> ALL (CAST(:unheard AS delivery_state[])) OR state = 'held' AND reason = '{MERGED}'))
"""
