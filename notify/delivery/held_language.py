"""What is held for a resident follows them into another language: its words were chosen with its audience."""

from sqlalchemy import text
from sqlalchemy.orm import Session

from notify.delivery.digests import MERGED


def follow(s: Session, subscriber_id: int, language: str) -> None:
    """Have what quiet hours or a digest hold for a resident leave in this language, where the alert has words in it.

    What is queued or merged already leaves as it is.
    """
    s.execute(text(_FOLLOW), {"id": subscriber_id, "language": language})


_FOLLOW = f"""
    WITH mine AS MATERIALIZED (
        SELECT d.id, b.alert_id, b.channel, b.wording, b.lane, b.sender_id, b.ordinal, b.held_until, b.digest
          FROM batches b JOIN contacts c ON c.subscriber_id = :id
          JOIN deliveries d ON (d.alert_id, d.contact_id) = (b.alert_id, c.id) AND d.batch_id = b.id
         WHERE b.state = 'held' AND b.language <> :language AND d.state = 'held' AND d.reason <> '{MERGED}'
           AND EXISTS (SELECT FROM contents w
                        WHERE (w.alert_id, w.channel, w.language, w.wording)
                            = (b.alert_id, b.channel, :language, b.wording))
           FOR UPDATE OF d
    ), made AS (
        INSERT INTO batches (alert_id, channel, language, wording, lane, sender_id, ordinal, size, state, held_until,
                             digest)
        SELECT alert_id, channel, :language, wording, lane, sender_id, min(ordinal), count(*), 'held', held_until,
               digest
          FROM mine GROUP BY alert_id, channel, wording, lane, sender_id, held_until, digest
        RETURNING id, alert_id, channel, wording, sender_id, held_until, digest
    )
    UPDATE deliveries d SET batch_id = made.id
      FROM mine JOIN made USING (alert_id, channel, wording, held_until, digest)
     WHERE d.id = mine.id AND made.sender_id IS NOT DISTINCT FROM mine.sender_id
"""
