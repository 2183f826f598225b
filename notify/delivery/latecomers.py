"""Add residents to the audience of an alert that was resolved without them: they joined, or added a place, since.

Their messages go the way of all others. A contact still gets an alert once: who has a delivery of it gets no other one,
but one that was left out for a reason that has ended, such as a consent that was missing, is queued.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import structlog
from sqlalchemy import text
from sqlalchemy.orm import Session

from notify import audience
from notify.core import alarms, db
from notify.core.states import LEFT_OUT
from notify.delivery import delivery_rows
from notify.delivery.recovery import Doorbell
from notify.models import Alert
from notify.models.states import DeliveryState

log = structlog.get_logger()


def add(s: Session, alert_id: int, residents: Sequence[int], now: datetime) -> list[Doorbell]:
    """Write the deliveries of residents whom no message of the alert was for, and return the batches to be rung.

    Nothing is written for an alert that is over, was cancelled, or whose audience is still being resolved. One that
    PostgreSQL refuses is set aside with an alarm.
    """
    alert = _in_force(s, alert_id, now)
    if alert is None:
        return []
    shared = delivery_rows.shared_values(s, alert, now)
    untold = _untold(s, alert_id, residents)
    readers = audience.readers_among(s, alert, untold, now)

    def refused(resident: int, why: Exception) -> None:
        alarms.refused_row(f"write the deliveries of resident {resident}", why, now, alert_id=alert_id)

    def work(some: Sequence[int]) -> list[int]:
        return _write(s, alert, {**shared, "subscribers": list(some), "wordings": readers.wordings_of(some)})

    written = db.in_halves(untold, work, refused, s.begin_nested)
    batches = [batch for some in written for batch in some]
    if batches:
        log.info("alert.joined_later", alert=alert_id, batches=batches)
    return [Doorbell(batch, alert.lane) for batch in batches]


def foresee(s: Session, alert: Alert, resident: int, now: datetime) -> datetime | None:
    """Return when `add` would have a resident sent an alert: now, or once quiet hours or a digest hold it no more. None
    if none of their contacts would get it, or only after it has expired, or if they were told already."""
    if not _untold(s, alert.id, [resident]):
        return None
    wordings = audience.readers_among(s, alert, [resident], now).wordings_of([resident])
    values = {**delivery_rows.shared_values(s, alert, now), "subscribers": [resident], "wordings": wordings}
    rows = s.execute(text(delivery_rows.reached(alert)), values).all()
    times = [row.held_until or now for row in rows if row.reason is None]
    return min((at for at in times if at < alert.expires_at), default=None)


def _in_force(s: Session, alert_id: int, now: datetime) -> Alert | None:
    """Return the alert, locked against a pause, cancellation and end until the commit; None if it takes nobody more."""
    locked = s.execute(
        text("""SELECT id FROM alerts
                 WHERE id = :alert AND state IN ('sending', 'paused', 'sent') AND fanout_done_at IS NOT NULL
                   AND expires_at > :now FOR NO KEY UPDATE"""),
        {"alert": alert_id, "now": now},
    ).scalar()
    return s.get_one(Alert, locked, populate_existing=True) if locked else None


def _untold(s: Session, alert_id: int, residents: Sequence[int]) -> list[int]:
    """Return those of the residents none of whose contacts the alert was sent to, or is on its way to."""
    return list(
        s.scalars(
            text("""SELECT r.id FROM subscribers r
                     WHERE r.id = ANY(:residents) AND r.erased_at IS NULL AND NOT EXISTS (
                           SELECT FROM contacts c JOIN deliveries d ON (d.alert_id, d.contact_id) = (:alert, c.id)
                            WHERE c.subscriber_id = r.id AND d.state <> ALL (CAST(:left_out AS delivery_state[])))
                     ORDER BY r.id"""),
            {"alert": alert_id, "residents": list(residents), "left_out": sorted(LEFT_OUT)},
        )
    )


def _write(s: Session, alert: Alert, values: dict[str, Any]) -> list[int]:
    """Write the deliveries of some residents. Returns the ids of the batches that need no quiet time to end first."""
    values |= {"left_out": sorted(LEFT_OUT)}
    # One that lay in a restored backup may have been sent since, so it is not queued again.
    again = [] if alert.ask_since else s.scalar(text(_AGAIN[alert.lane]), values) or []
    batches, added = delivery_rows.write(s, _UNWRITTEN.format(delivery_rows.reached(alert)), values)
    s.execute(text(_COUNT), values | {"added": added})
    return [*again, *batches]


_UNWRITTEN = """SELECT found.* FROM ({}) AS found
         WHERE NOT EXISTS (SELECT FROM deliveries d WHERE (d.alert_id, d.contact_id) = (:alert, found.contact_id))"""
# Deliveries without a batch were left out when the audience was resolved. They are in its total already. Quiet hours
# hold them at their claim.
_AGAIN = {
    lane: f"""
    WITH again AS MATERIALIZED (
        SELECT found.channel, found.language, found.wording, d.id
          FROM ({reached}) AS found
          JOIN deliveries d ON (d.alert_id, d.contact_id) = (:alert, found.contact_id)
         WHERE found.reason IS NULL AND d.batch_id IS NULL AND d.state = ANY (CAST(:left_out AS delivery_state[]))
    ), new_batches AS (
        INSERT INTO batches (alert_id, channel, language, wording, lane, ordinal, size, state)
        SELECT :alert, channel, language, wording, CAST(:lane AS lane), 0, count(*), 'waiting'
          FROM again GROUP BY channel, language, wording
        RETURNING id, channel, language, wording
    ), queued AS (
        UPDATE deliveries d SET state = '{DeliveryState.QUEUED}', reason = NULL, settled_at = NULL, batch_id = b.id
          FROM again JOIN new_batches b USING (channel, language, wording)
         WHERE d.id = again.id AND d.state = ANY (CAST(:left_out AS delivery_state[])) RETURNING d.id
    )
    SELECT array(SELECT id FROM new_batches ORDER BY id) WHERE (SELECT count(*) FROM queued) > 0
"""
    for lane, reached in audience.REACHED.items()
}
# Before, all deliveries of these residents were left out.
_COUNT = """
    UPDATE alerts SET audience_total = audience_total + :added,
           joined_later = joined_later + (
               SELECT count(*) FROM contacts c JOIN deliveries d ON (d.alert_id, d.contact_id) = (:alert, c.id)
                WHERE c.subscriber_id = ANY (CAST(:subscribers AS bigint[]))
                  AND d.state <> ALL (CAST(:left_out AS delivery_state[])))
     WHERE id = :alert
"""
