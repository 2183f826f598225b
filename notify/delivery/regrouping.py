"""Messages that are held for a resident change what they wait for: each moves to a new batch beside its old one."""


def regrouped(
    which: str, language: str = "b.language", held_until: str = "b.held_until", digest: str = "b.digest"
) -> str:
    """Return the statement that moves what a batch `b` holds as a delivery `d` for the resident :id.

    `which`: the condition on both. `language`, `held_until`, `digest`: of the batches that they move to. All are SQL.
    """
    return f"""
    WITH mine AS MATERIALIZED (
        SELECT d.id, b.alert_id, b.channel, {language} AS language, b.wording, b.lane, b.sender_id, b.ordinal,
               {held_until} AS held_until, {digest} AS digest
          FROM batches b JOIN contacts c ON c.subscriber_id = :id
          JOIN deliveries d ON (d.alert_id, d.contact_id) = (b.alert_id, c.id) AND d.batch_id = b.id
         WHERE b.state = 'held' AND d.state = 'held' AND {which}
           FOR UPDATE OF d
    ), made AS (
        INSERT INTO batches (alert_id, channel, language, wording, lane, sender_id, ordinal, size, state, held_until,
                             digest)
        SELECT alert_id, channel, language, wording, lane, sender_id, min(ordinal), count(*), 'held', held_until, digest
          FROM mine GROUP BY alert_id, channel, language, wording, lane, sender_id, held_until, digest
        RETURNING id, alert_id, channel, language, wording, sender_id, held_until, digest
    )
    UPDATE deliveries d SET batch_id = made.id
      FROM mine JOIN made USING (alert_id, channel, language, wording, held_until, digest)
     WHERE d.id = mine.id AND made.sender_id IS NOT DISTINCT FROM mine.sender_id
"""
