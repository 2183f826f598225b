"""Release what quiet hours hold back. A message waits in a batch of state `held` until its time; the claim looks again.

Safe to run at any time, repeatedly and in several processes.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import text

from notify.core import alarms, db
from notify.core.db import transaction
from notify.delivery.recovery import Doorbell
from notify.models import Lane

AT_ONCE = 20  # batches in one transaction


def release(now: datetime) -> list[Doorbell]:
    """Put back into the queue what is due of alerts that are being sent; return the batches, whose doorbells must ring.

    What a paused alert holds stays held until it is resumed; what is held of an alert that has ended, ends with it.
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
                     WHERE b.state = 'held' AND b.held_until <= :now AND a.state IN ('sending', 'sent') AND b.id > :last
                     ORDER BY b.id LIMIT :some"""),
            {"now": now, "last": last, "some": AT_ONCE},
        ).all()


def _release(these: Sequence[int], now: datetime) -> list[Doorbell]:
    with transaction() as s:
        rows = s.execute(text(_RELEASE), {"these": list(these), "now": now}).all()
    return [Doorbell(row.id, Lane(row.lane)) for row in rows]


def _refused(batch: int, why: Exception, now: datetime) -> None:
    alarms.refused_row(f"release the held messages of batch {batch}", why, now)


_RELEASE = """
    WITH due AS MATERIALIZED (
        SELECT id FROM batches WHERE id = ANY(:these) AND state = 'held' AND held_until <= :now
         ORDER BY id FOR UPDATE SKIP LOCKED
    ), released AS (
        UPDATE deliveries d SET state = 'queued', reason = NULL, settled_at = NULL
          FROM due WHERE d.batch_id = due.id AND d.state = 'held'
    )
    UPDATE batches b SET state = 'waiting' FROM due WHERE b.id = due.id RETURNING b.id, b.lane::text AS lane
"""
