"""Write the deliveries of an alert and their batches: one statement for those whom a query reaches.

`fanout` writes the audience by it, slice by slice, and `latecomers` those who join during the alert.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from notify import audience
from notify.audience import rules
from notify.models import Alert, Lane

BATCH_S = 10.0  # a batch takes about this long at its channel's rate
BATCH_MOST = 1000  # deliveries

# Writes deliveries and their batches. The tables are joined by (channel, language, wording, sender, ordinal).
_WRITE = """
    WITH reached AS MATERIALIZED (
        {reached}
    ), sizes AS (
        SELECT * FROM unnest(CAST(:channels AS text[]), CAST(:sizes AS integer[])) AS z (channel, size)
    ), numbered AS MATERIALIZED (
        SELECT reached.*, held_until IS NOT NULL AND digests AS digest,
               (row_number() OVER (PARTITION BY channel, language, wording, sender_id, reason IS NULL, held_until,
                                                digests
                                   ORDER BY contact_id) - 1)
               / size AS ordinal
          FROM reached JOIN sizes USING (channel)
    ), new_batches AS (
        INSERT INTO batches (alert_id, channel, language, wording, lane, sender_id, ordinal, size, state, held_until,
                             digest)
        SELECT :alert, channel, language, wording, CAST(:lane AS lane), sender_id, ordinal, count(*),
               CAST(CASE WHEN CAST(:ask AS timestamptz) IS NOT NULL THEN 'unsettled'
                         WHEN held_until IS NOT NULL THEN 'held' ELSE 'waiting' END AS batch_state), held_until,
               digest
          FROM numbered WHERE reason IS NULL
         GROUP BY channel, language, wording, sender_id, ordinal, held_until, digest
        RETURNING id, channel, language, wording, sender_id, ordinal, held_until, digest
    ), added AS (
        INSERT INTO deliveries (alert_id, contact_id, batch_id, state, reason, settled_at, claimed_at, sender_id)
        SELECT :alert, d.contact_id, b.id,
               CAST(CASE WHEN d.reason IS NOT NULL THEN 'skipped'
                         WHEN CAST(:ask AS timestamptz) IS NOT NULL THEN 'unknown'
                         WHEN d.held_until IS NOT NULL THEN 'held' ELSE 'queued' END AS delivery_state),
               coalesce(d.reason, CASE WHEN CAST(:ask AS timestamptz) IS NOT NULL THEN 'restored'
                                       WHEN d.held_until IS NOT NULL THEN d.held_for END),
               CASE WHEN d.reason IS NULL THEN NULL ELSE CAST(:now AS timestamptz) END,
               CASE WHEN d.reason IS NULL THEN CAST(:ask AS timestamptz) END,
               CASE WHEN d.reason IS NULL AND CAST(:ask AS timestamptz) IS NOT NULL
                    THEN coalesce(d.sender_id, (SELECT min(id) FROM senders x WHERE x.channel = d.channel)) END
          FROM numbered d LEFT JOIN new_batches b
            ON d.reason IS NULL AND b.digest = d.digest
           AND (b.channel, b.language, b.wording, b.ordinal, coalesce(b.sender_id, 0),
                coalesce(b.held_until, '-infinity'))
             = (d.channel, d.language, d.wording, d.ordinal, coalesce(d.sender_id, 0),
                coalesce(d.held_until, '-infinity'))
        RETURNING id
    )
    SELECT array(SELECT id FROM new_batches WHERE held_until IS NULL ORDER BY id) AS batches,
           (SELECT count(*) FROM added) AS added
"""


def reached(alert: Alert) -> str:
    """Return the query for the residents of an alert: routine messages are held as they are written, in quiet time.

    After a restored backup the provider is asked first; what it never got is held at its claim.
    """
    if alert.lane is Lane.ROUTINE and alert.ask_since is None:
        return audience.REACHED_IN_TIME
    return audience.REACHED[alert.lane]


def shared_values(s: Session, alert: Alert, now: datetime) -> Mapping[str, Any]:
    """Return the parameters of `write` that are the same for every slice: all but the residents."""
    return (
        audience.parameters(s, alert, [], now, audience.fallback_of(s, alert))
        | rules.city_quiet(now)
        | {
            "lane": alert.lane.value,
            "sizes": _batch_sizes(s, alert),
            "ask": alert.ask_since,  # after a restored backup: may have been sent already (`restoring`)
        }
    )


def write(s: Session, reached: str, values: Mapping[str, Any]) -> tuple[list[int], int]:
    """Write the deliveries of those whom the query `reached` returns, and their batches. Return the ids of the batches
    that need no quiet time to end first, and the number of deliveries."""
    # PostgreSQL underestimates the batches: a merge join would compare each delivery with all batches of its language.
    s.execute(text("SET LOCAL enable_mergejoin = off"))
    written = s.execute(text(_WRITE.format(reached=reached)), values).one()
    return written.batches, written.added


def _batch_sizes(s: Session, alert: Alert) -> list[int]:
    """Return the batch size for each of the alert's channels: about `BATCH_S` at the rate of its open senders."""
    rows = s.execute(
        text("""
            SELECT coalesce(r.rate, 1) / coalesce(w.cost, 1)
              FROM unnest(CAST(:channels AS text[])) WITH ORDINALITY AS c (channel, place)
              LEFT JOIN (SELECT channel, sum(rate_per_s) AS rate FROM senders
                          WHERE status = 'open' GROUP BY channel) r USING (channel)
              LEFT JOIN (SELECT channel, max(cost) AS cost FROM contents
                          WHERE alert_id = :alert GROUP BY channel) w USING (channel)
             ORDER BY c.place"""),
        {"channels": list(alert.channels), "alert": alert.id},
    ).scalars()
    return [max(1, min(BATCH_MOST, round(BATCH_S * per_second))) for per_second in rows]
