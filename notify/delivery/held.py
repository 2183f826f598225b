"""Release what quiet hours and digests hold back. A message waits in a batch of state `held` until its time; the claim
looks again.

Safe to run at any time, repeatedly and in several processes.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from notify import audience
from notify.core import alarms, db
from notify.core.db import transaction
from notify.delivery.digests import MERGED, NEWER_WAITS, OPEN_DIGESTS
from notify.delivery.recovery import Doorbell
from notify.models import Lane
from zones.geometry import readable_areas
from zones.membership import Membership

AT_ONCE = 20  # batches in one transaction
LOOK_AGAIN = timedelta(seconds=20)  # at what waits for the fate of a later alert
REPLACED = "replaced"


def release(now: datetime) -> list[Doorbell]:
    """Put back into the queue what is due of alerts that are being sent; return the batches, whose doorbells must ring.

    What a paused alert holds stays held until it is resumed; what is held of an alert that has ended, ends with it.
    Where a later alert of the incident has the last word, a message is left out once the later one has gone to its
    resident. Until that is decided it stays held; if the later one does not go out, it does. A notice of collections
    waits until it was held against the newest edition of the calendars (`service311.notices.stale`).
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
                     WHERE b.state = 'held' AND b.held_until <= :now AND coalesce(b.not_before, :now) <= :now
                       AND a.state IN ('sending', 'sent') AND b.id > :last
                       AND NOT EXISTS (SELECT FROM collection_notices n WHERE n.alert_id = a.id
                                          AND coalesce(n.checked_edition, n.edition)
                                              < (SELECT max(number) FROM collection_editions))
                       AND NOT EXISTS (SELECT FROM alerts y WHERE (y.incident_id, y.status) = (a.incident_id, a.status)
                                          AND y.launched_at > a.launched_at AND y.state IN ('sending', 'paused')
                                          AND y.fanout_done_at IS NULL)
                     ORDER BY b.id LIMIT :some"""),
            {"now": now, "last": last, "some": AT_ONCE},
        ).all()


def _release(these: Sequence[int], now: datetime) -> list[Doorbell]:
    with transaction() as s:
        values: dict[str, Any] = {"these": list(these), "now": now, "again": now + LOOK_AGAIN}
        rows = s.execute(text(_RELEASE), values | _where_it_holds(s, these, now)).all()
    return [Doorbell(row.id, Lane(row.lane)) for row in rows]


def _where_it_holds(s: Session, these: Sequence[int], now: datetime) -> dict[str, list[int]]:
    """Return pairs of alert and resident: those with a place where the alert still has the last word, though it has
    lost it elsewhere, and those with a place where an all-clear has it. A damaged area holds everywhere, and clears
    nothing.
    """
    holds = _pairs(s, _PARTLY, these, now, otherwise=True)
    cleared = _pairs(s, _CLEARED, these, now, otherwise=False)
    return {
        "alerts": [alert for alert, _ in holds],
        "residents": [resident for _, resident in holds],
        "cleared_alerts": [alert for alert, _ in cleared],
        "cleared": [resident for _, resident in cleared],
    }


def _pairs(s: Session, question: str, these: Sequence[int], now: datetime, *, otherwise: bool) -> list[tuple[int, int]]:
    """Return alerts with those of their residents who have a place in an area. `otherwise`: all, if it is damaged."""
    pairs: list[tuple[int, int]] = []
    for row in s.execute(text(question), {"these": list(these)}).all():
        area = readable_areas([row.area]).get(bytes(row.area))
        if area is not None:
            found = set(audience.places_of(s, row.residents, now).inside(Membership(area)).residents.tolist())
        else:
            found = set(row.residents) if otherwise else set()
        pairs += [(row.alert_id, resident) for resident in found]
    return pairs


def _refused(batch: int, why: Exception, now: datetime) -> None:
    alarms.refused_row(f"release the held messages of batch {batch}", why, now)


_RESIDENTS = """
      JOIN deliveries d ON d.batch_id = b.id AND d.state = 'held' JOIN contacts c ON c.id = d.contact_id
     WHERE b.id = ANY(:these) AND c.subscriber_id IS NOT NULL
"""
_PARTLY = f"""
    SELECT b.alert_id, t.left_area AS area, array_agg(DISTINCT c.subscriber_id) AS residents
      FROM batches b JOIN standings t ON t.alert_id = b.alert_id AND t.left_area IS NOT NULL {_RESIDENTS}
     GROUP BY b.alert_id, t.left_area
"""
# One that is paused may still be cancelled: then the danger before it holds again.
_CLEARED = f"""
    SELECT b.alert_id, y.area, array_agg(DISTINCT c.subscriber_id) AS residents
      FROM batches b JOIN standings t ON t.alert_id = b.alert_id JOIN alerts a ON a.id = b.alert_id
      JOIN alerts y ON (y.incident_id, y.status) = (a.incident_id, a.status) AND y.launched_at > a.launched_at
                   AND y.phase = 'all-clear' AND y.state IN ('sending', 'sent', 'expired') AND y.area IS NOT NULL
      {_RESIDENTS} GROUP BY b.alert_id, y.id, y.area
"""

# `fate`: what became of the later words for the resident; NULL where the held ones have the last word, or where the
# later ones never went to them. A batch of which some must wait is divided. What is merged follows its carrier.
_RELEASE = f"""
    WITH due AS MATERIALIZED (
        SELECT * FROM batches WHERE id = ANY(:these) AND state = 'held' AND held_until <= :now
         ORDER BY id FOR UPDATE SKIP LOCKED
    ), later AS MATERIALIZED (
        SELECT DISTINCT a.id AS alert_id, y.id, y.state
          FROM due JOIN alerts a ON a.id = due.alert_id JOIN standings t ON t.alert_id = a.id
          JOIN alerts y USING (incident_id, status)
         WHERE y.launched_at > a.launched_at AND y.follows IS NULL
    ), {OPEN_DIGESTS}, people AS MATERIALIZED (
        SELECT d.id, due.id AS batch_id, due.alert_id, c.subscriber_id, d.reason = '{MERGED}' AS merged,
               due.digest AND {NEWER_WAITS} AS newer_waits
          FROM due JOIN deliveries d ON d.batch_id = due.id JOIN contacts c ON c.id = d.contact_id
          JOIN alerts a ON a.id = due.alert_id
         WHERE d.state = 'held'
    ), cleared AS MATERIALIZED (
        SELECT * FROM unnest(CAST(:cleared_alerts AS bigint[]), CAST(:cleared AS bigint[]))
                      AS x (alert_id, subscriber_id)
    ), asked AS MATERIALIZED (
        SELECT alert_id, subscriber_id FROM people WHERE alert_id IN (SELECT alert_id FROM later)
        EXCEPT
        SELECT * FROM unnest(CAST(:alerts AS bigint[]), CAST(:residents AS bigint[])) AS x (alert_id, subscriber_id)
    ), fates AS MATERIALIZED (
        SELECT asked.alert_id, asked.subscriber_id,
               CASE WHEN bool_or(e.state IN ('sending', 'unknown', 'accepted', 'delivered', 'undelivered'))
                    THEN '{REPLACED}'
                    WHEN bool_or(e.state IN ('queued', 'held') AND later.state IN ('sending', 'paused', 'sent'))
                    THEN 'waits'
                    WHEN bool_or(cleared.alert_id IS NOT NULL) THEN '{REPLACED}' END AS fate
          FROM asked JOIN later USING (alert_id) JOIN contacts k ON k.subscriber_id = asked.subscriber_id
          LEFT JOIN deliveries e ON (e.alert_id, e.contact_id) = (later.id, k.id)
          LEFT JOIN cleared ON (cleared.alert_id, cleared.subscriber_id) = (asked.alert_id, asked.subscriber_id)
         GROUP BY asked.alert_id, asked.subscriber_id
    ), fated AS MATERIALIZED (
        SELECT people.id, people.batch_id,
               CASE WHEN merged THEN 'waits'
                    ELSE coalesce(fates.fate, CASE WHEN newer_waits THEN 'waits' END) END AS fate
          FROM people LEFT JOIN fates USING (alert_id, subscriber_id)
    ), divided AS MATERIALIZED (
        SELECT batch_id, count(*) FILTER (WHERE fate IS NULL) AS n, row_number() OVER () AS ordinal FROM fated
         GROUP BY batch_id HAVING bool_or(fate = 'waits')
    ), made AS (
        INSERT INTO batches (alert_id, channel, language, wording, lane, sender_id, ordinal, size, state, held_until,
                             digest)
        SELECT alert_id, channel, language, wording, lane, sender_id, divided.ordinal, n, 'waiting', held_until,
               digest
          FROM divided JOIN due ON due.id = batch_id WHERE n > 0
        RETURNING id, lane, ordinal
    ), released AS (
        UPDATE deliveries d
           SET state = (CASE WHEN fate IS NULL THEN 'queued' ELSE 'skipped' END)::delivery_state, reason = fate,
               settled_at = CASE WHEN fate IS NOT NULL THEN CAST(:now AS timestamptz) END,
               batch_id = CASE WHEN fate IS NULL THEN coalesce(made.id, d.batch_id) ELSE d.batch_id END
          FROM fated LEFT JOIN divided USING (batch_id) LEFT JOIN made ON made.ordinal = divided.ordinal
         WHERE d.id = fated.id AND d.state = 'held' AND d.reason <> '{MERGED}' AND fate IS DISTINCT FROM 'waits'
    ), whole AS (
        UPDATE batches b
           SET state = (CASE WHEN divided.batch_id IS NULL THEN 'waiting' ELSE 'held' END)::batch_state,
               not_before = CASE WHEN divided.batch_id IS NOT NULL THEN CAST(:again AS timestamptz) END
          FROM due LEFT JOIN divided ON divided.batch_id = due.id WHERE b.id = due.id
        RETURNING b.id, b.lane, b.state
    )
    SELECT id, lane::text AS lane FROM whole WHERE state = 'waiting' UNION ALL SELECT id, lane::text FROM made
"""
