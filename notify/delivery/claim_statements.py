"""The statements that claim deliveries: each judges some of a batch by the rules, and moves them all at once.

An emergency has a statement without the rules that it passes. The batch is leased to us, so its rows are not locked
before they are written. A row that a cancel or a receipt moves at the same moment is left alone, because the UPDATE
checks the state again.
"""

from notify.audience import rules, told
from notify.delivery.digests import MERGED
from notify.models import Lane

QUEUED = "d.state = 'queued'"
LIMITED = "most-a-day"  # the reason of a message above the number of alerts a day that its resident wants
HELD_FOR = ("quiet-hours", rules.DIGEST, LIMITED)
_HELD_FOR = ", ".join(f"'{reason}'" for reason in HELD_FOR)

SMALL = 100  # deliveries: a held batch may always become as large
# A batch that is released at this moment must get no more: what released it would not see them.
SURELY_HELD = "CAST(%(now)s AS timestamptz) + interval '1 minute'"

_BLOCKED = """EXISTS (SELECT FROM carrier_blocks k
                        WHERE (k.sender_id, k.address_index) = (%(sender)s, c.address_index) AND k.lifted_at IS NULL)"""
_NOW = "%(now)s"
_GIVEN = "%({})s"
_NEXT = f"d.id > %(after)s AND {QUEUED} ORDER BY d.id LIMIT %(most)s"
_THESE = f"d.id = ANY(%(ids)s) AND {QUEUED}"

# The end of each statement: how a claim is noted, and what it returns.
_CLAIMED = """reason = judged.reason, sender_id = %(sender)s, claimed_at = %(now)s, settled_at = %(now)s,
           attempts = d.attempts + CASE WHEN judged.reason IS NULL THEN 1 ELSE 0 END"""
_RETURNED = "RETURNING d.id, d.contact_id, judged.reason, d.attempts, judged.address_sealed, d.state::text"

_LEASED_BY = """
        SELECT b.*, b.id AS leased_id, a.topic{more} FROM batches b JOIN alerts a ON a.id = b.alert_id
         WHERE b.id = %(batch)s AND b.lease = %(key)s AND b.lease_until > now()
           AND a.state IN ('sending', 'sent') AND a.expires_at > %(last)s"""
_LEASED = _LEASED_BY.format(more="")
# What ends or corrects an emergency passes the wishes of those who were told of it.
_EMERGENCIES = told.of_emergencies("a.phase", "a.corrects", "a.incident_id", "a.status", "a.id")
_LEASED_ROUTINE = _LEASED_BY.format(more=f", a.severity, a.expires_at, {_EMERGENCIES} AS emergencies")
_WARNED = rules.warned("picked.emergencies")
_DIGEST_UNTIL = rules.digest_until(_GIVEN, "picked.expires_at", _WARNED)


def _emergency(*, blocks: bool) -> str:
    more = {"carrier_block": _BLOCKED} if blocks else {}
    return f"""
    WITH leased AS ({_LEASED}
    ), picked AS MATERIALIZED (
        SELECT d.id, d.contact_id, leased.topic FROM leased JOIN deliveries d ON d.batch_id = leased_id
         WHERE {_NEXT}
    ), judged AS (
        SELECT picked.id, c.address_sealed, {rules.reason(_NOW, Lane.EMERGENCY, **more)} AS reason
          FROM picked
          JOIN contacts c ON c.id = picked.contact_id
          {rules.facts("picked.topic")}
    )
    UPDATE deliveries d
       SET state = (CASE WHEN judged.reason IS NULL THEN 'sending' WHEN judged.reason = 'carrier-block' THEN 'queued'
                         ELSE 'skipped' END)::delivery_state,
           {_CLAIMED}
      FROM judged WHERE d.id = judged.id AND {QUEUED}
    {_RETURNED}
"""


def _routine(*, blocks: bool) -> str:
    """Claim what may leave now. What perhaps may not stays queued, with a reason of HELD_FOR: `_or_hold` decides."""
    more = {"carrier_block": _BLOCKED} if blocks else {}
    return f"""
    WITH leased AS ({_LEASED_ROUTINE}
    ), picked AS MATERIALIZED (
        SELECT d.id, d.contact_id, leased.topic, leased.severity, leased.emergencies
          FROM leased JOIN deliveries d ON d.batch_id = leased_id
         WHERE {_NEXT}
    ), judged AS (
        SELECT picked.id, c.address_sealed,
               coalesce({rules.reason(_NOW, Lane.ROUTINE, rules.rank_of("picked.severity"), _WARNED, **more)},
                        CASE WHEN {rules.held_until(_GIVEN, _WARNED)} IS NOT NULL THEN 'quiet-hours'
                             WHEN own.subscriber_id IS NULL OR {_WARNED} THEN NULL
                             WHEN own.digest IS NOT NULL THEN '{rules.DIGEST}'
                             WHEN own.most_a_day IS NOT NULL THEN '{LIMITED}' END) AS reason
          FROM picked
          JOIN contacts c ON c.id = picked.contact_id
          {rules.facts("picked.topic")} {rules.choices()}
    )
    UPDATE deliveries d
       SET state = (CASE WHEN judged.reason IS NULL THEN 'sending'
                         WHEN judged.reason IN ('carrier-block', {_HELD_FOR}) THEN 'queued'
                         ELSE 'skipped' END)::delivery_state,
           {_CLAIMED}
      FROM judged WHERE d.id = judged.id AND {QUEUED}
    {_RETURNED}
"""


def _or_hold(*, blocks: bool) -> str:
    """Claim or hold. What is held moves to batches of its own, by the time that it is held until, in the same
    statement: it is neither lost nor held twice. A batch that has room is used, because a slow sender's windows are
    small. What has waited for a digest does not wait for another.
    """
    more = {"carrier_block": _BLOCKED} if blocks else {}
    return f"""
    WITH leased AS ({_LEASED_ROUTINE}
    ), picked AS MATERIALIZED (
        SELECT d.id, d.contact_id, leased.topic, leased.severity, leased.alert_id, leased.emergencies,
               leased.expires_at, leased.digest
          FROM leased JOIN deliveries d ON d.batch_id = leased_id
         WHERE {_THESE}
    ), known AS (
        SELECT picked.id, c.address_sealed,
               {rules.reason(_NOW, Lane.ROUTINE, rules.rank_of("picked.severity"), _WARNED, **more)} AS reason,
               {rules.held_until(_GIVEN, _WARNED)} AS quiet_until, {_HAD_ENOUGH} AS above, {_LATER} AS above_until,
               CASE WHEN NOT picked.digest THEN {_DIGEST_UNTIL} END AS digest_until, own.digest IS NOT NULL AS digest
          FROM picked
          JOIN contacts c ON c.id = picked.contact_id
          {rules.facts("picked.topic")} {rules.choices()}
    ), judged AS MATERIALIZED (
        SELECT id, address_sealed, digest,
               coalesce(reason, CASE WHEN digest_until IS NOT NULL THEN '{rules.DIGEST}'
                                     WHEN quiet_until IS NOT NULL THEN 'quiet-hours'
                                     WHEN above THEN '{LIMITED}' END) AS reason,
               CASE WHEN reason IS NULL
                    THEN coalesce(digest_until, quiet_until, CASE WHEN above THEN above_until END) END AS held_until
          FROM known
    ), waits AS MATERIALIZED (
        SELECT held_until, digest, count(*) AS n FROM judged WHERE held_until IS NOT NULL GROUP BY held_until, digest
    ), room AS MATERIALIZED (
        SELECT h.id, waits.held_until, waits.digest, waits.n FROM waits CROSS JOIN leased b CROSS JOIN LATERAL (
            SELECT x.id FROM batches x
             WHERE (x.alert_id, x.channel, x.language, x.wording, x.held_until, x.digest)
                 = (b.alert_id, b.channel, b.language, b.wording, waits.held_until, waits.digest)
               AND x.sender_id IS NOT DISTINCT FROM b.sender_id
               AND x.state = 'held' AND x.held_until > {SURELY_HELD} AND x.size + waits.n <= greatest(b.size, {SMALL})
             ORDER BY x.id LIMIT 1 FOR UPDATE SKIP LOCKED) AS h
    ), grown AS (
        UPDATE batches x SET size = x.size + room.n FROM room WHERE x.id = room.id
        RETURNING x.id, x.held_until, x.digest
    ), made AS (
        INSERT INTO batches (alert_id, channel, language, wording, lane, sender_id, ordinal, size, state, held_until,
                             digest)
        SELECT b.alert_id, b.channel, b.language, b.wording, b.lane, b.sender_id, b.ordinal, waits.n,
               'held'::batch_state, waits.held_until, waits.digest
          FROM waits, leased b
         WHERE NOT EXISTS (SELECT FROM room WHERE (room.held_until, room.digest) = (waits.held_until, waits.digest))
        RETURNING id, held_until, digest
    ), homes AS (
        SELECT id, held_until, digest FROM grown UNION ALL SELECT id, held_until, digest FROM made
    )
    UPDATE deliveries d
       SET state = (CASE WHEN judged.reason IS NULL THEN 'sending' WHEN judged.held_until IS NOT NULL THEN 'held'
                         WHEN judged.reason IN ('carrier-block', '{LIMITED}') THEN 'queued'
                         ELSE 'skipped' END)::delivery_state,
           batch_id = coalesce(homes.id, d.batch_id),
           {_CLAIMED}
      FROM judged LEFT JOIN homes USING (held_until, digest) WHERE d.id = judged.id AND {QUEUED}
    {_RETURNED}
"""


# An alert counts once, on however many contacts it came, and a digest as the one that carries it. What failed did not
# come, and an exercise goes to nobody.
_HAD_ENOUGH = f"""NOT {_WARNED} AND own.most_a_day <= (
                   SELECT count(DISTINCT e.alert_id)
                     FROM alerts y JOIN contacts k ON k.subscriber_id = c.subscriber_id
                     JOIN deliveries e ON (e.alert_id, e.contact_id) = (y.id, k.id)
                    WHERE y.lane = 'routine' AND y.id <> picked.alert_id AND y.status <> 'Exercise'
                      AND y.launched_at IS NOT NULL AND y.expires_at > {rules.today(_GIVEN)}
                      AND e.claimed_at >= {rules.today(_GIVEN)}
                      AND e.state IN ('sending', 'unknown', 'accepted', 'delivered')
                      AND e.reason IS DISTINCT FROM '{MERGED}')"""

_LATER = f"coalesce({_DIGEST_UNTIL}, {rules.next_day(_GIVEN)})"

# Most deliveries wait for nothing, so whatever may have to is claimed in a second statement. Before it the choices of
# its residents are locked: two claims at the same moment must not both find room for one alert more, nor take the same
# along.
LOCK_CHOICES = """
    SELECT FROM choices w JOIN contacts c ON c.subscriber_id = w.subscriber_id JOIN deliveries d ON d.contact_id = c.id
     WHERE d.id = ANY(%(ids)s) ORDER BY w.subscriber_id FOR UPDATE OF w
"""
CLAIM_OR_HOLD = {blocks: _or_hold(blocks=blocks) for blocks in (False, True)}
CLAIM = {
    (lane, blocks): _emergency(blocks=blocks) if lane is Lane.EMERGENCY else _routine(blocks=blocks)
    for lane in Lane
    for blocks in (False, True)
}
