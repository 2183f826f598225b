"""Release what quiet hours hold back. A message waits in a batch of state `held` until its time; the claim looks again.

Safe to run at any time, repeatedly and in several processes.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import text

from notify.core import alarms, db, states
from notify.core.db import transaction
from notify.delivery.recovery import Doorbell
from notify.models import Lane

AT_ONCE = 20  # batches in one transaction


def release(now: datetime) -> list[Doorbell]:
    """Put back into the queue what is due of alerts that are being sent; return the batches, whose doorbells must ring.

    What a paused alert holds stays held until it is resumed; what is held of an alert that has ended, ends with it. A
    message is left out whose resident has a later one of the incident meanwhile, which has the last word.
    """
    through, rung = 0, []  # a batch that is refused is not tried again until the next run
    while some := _due_after(through, now):
        through = some[-1]
        for bells in db.in_halves(some, lambda these: _release(these, now), lambda one, why: _refused(one, why, now)):
            rung += bells
    return rung


def _due_after(last: int, now: datetime) -> Sequence[int]:
    with transaction() as s:
        return s.scalars(
            text("""SELECT b.id FROM batches b JOIN alerts a ON a.id = b.alert_id
                     WHERE b.state = 'held' AND b.held_until <= :now AND a.state IN ('sending', 'sent')
                       AND b.id > :last
                       AND NOT EXISTS (SELECT FROM alerts y WHERE (y.incident_id, y.status) = (a.incident_id, a.status)
                                          AND y.launched_at > a.launched_at AND y.state IN ('sending', 'paused')
                                          AND y.fanout_done_at IS NULL)
                     ORDER BY b.id LIMIT :some"""),
            {"now": now, "last": last, "some": AT_ONCE},
        ).all()


def _release(these: Sequence[int], now: datetime) -> list[Doorbell]:
    with transaction() as s:
        rows = s.execute(text(_RELEASE), {"these": list(these), "now": now}).all()
    return [Doorbell(row.id, Lane(row.lane)) for row in rows]


def _refused(batch: int, why: Exception, now: datetime) -> None:
    alarms.refused_row(f"release the held messages of batch {batch}", why, now)


REPLACED = "replaced"
_NEVER_HEARD = ", ".join(f"'{state}'" for state in sorted(states.HELD_BACK))
_RELEASE = f"""
    WITH due AS MATERIALIZED (
        SELECT id FROM batches WHERE id = ANY(:these) AND state = 'held' AND held_until <= :now
         ORDER BY id FOR UPDATE SKIP LOCKED
    ), waiting AS MATERIALIZED (
        SELECT d.id, coalesce(t.later, false) AND EXISTS (
                   SELECT FROM contacts c JOIN contacts k ON k.subscriber_id = c.subscriber_id
                     JOIN deliveries e ON e.contact_id = k.id AND e.alert_id = ANY(t.alerts)
                     JOIN alerts y ON y.id = e.alert_id
                    WHERE c.id = d.contact_id
                      AND (y.state <> 'cancelled' OR e.state NOT IN ({_NEVER_HEARD}))) AS replaced
          FROM due JOIN batches b USING (id) JOIN deliveries d ON d.batch_id = due.id
          LEFT JOIN LATERAL (
               SELECT true AS later, array_agg(y.id) AS alerts FROM alerts a JOIN alerts y USING (incident_id, status)
                WHERE a.id = b.alert_id AND y.launched_at > a.launched_at AND y.follows IS NULL
               HAVING count(*) > 0) AS t ON true
         WHERE d.state = 'held'
    ), released AS (
        UPDATE deliveries d
           SET state = (CASE WHEN replaced THEN 'skipped' ELSE 'queued' END)::delivery_state,
               reason = CASE WHEN replaced THEN '{REPLACED}' END,
               settled_at = CASE WHEN replaced THEN CAST(:now AS timestamptz) END
          FROM waiting WHERE d.id = waiting.id AND d.state = 'held'
    )
    UPDATE batches b SET state = 'waiting' FROM due WHERE b.id = due.id RETURNING b.id, b.lane::text AS lane
"""
