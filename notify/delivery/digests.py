"""Digests: what waits for a resident goes out in one message a contact.

What is due of a digest is released one delivery a contact, the newest: the others wait for it (`NEWER_WAITS`). The
claim of that one, the carrier, takes the others along in the same transaction: they are `merged` into it, and stay
held. Later they go the way of the carrier (`follow`), or back to the digest if it did not leave. No more than that is
decided before the claim, so a carrier that is cancelled, paused or never claimed has nobody else's message.
"""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import psycopg
from sqlalchemy import text
from sqlalchemy.orm import Session

from notify.audience import rules
from notify.content import together
from notify.content.together import About, Brief, Words
from notify.core import states
from notify.core.db import transaction
from notify.core.settings import settings
from notify.delivery.leases import LAST_S, Lease
from notify.delivery.regrouping import regrouped
from notify.models import Lane

MERGED = "merged"  # the reason of a delivery whose words go out with another one
AT_ONCE = 500  # merged deliveries in one transaction

# The alerts of which a digest is due, and not all has left. Few, so that each resident is looked up in each.
OPEN_DIGESTS = """open_digests AS MATERIALIZED (
        SELECT DISTINCT y.id, y.status FROM batches b JOIN alerts y ON y.id = b.alert_id
         WHERE b.state IN ('held', 'waiting', 'leased') AND b.digest AND b.held_until <= :now
           AND y.state IN ('sending', 'sent') AND y.expires_at > :now
    )"""
# Whether a newer delivery `e` of the same contact is to be claimed before `d` of the batch `due` and the alert `a`. It
# is waited for an hour at most.
NEWER_WAITS = f"""(due.held_until > CAST(:now AS timestamptz) - interval '1 hour' AND EXISTS (
           SELECT FROM open_digests y JOIN deliveries e ON (e.alert_id, e.contact_id) = (y.id, d.contact_id)
             JOIN batches later ON later.id = e.batch_id AND later.digest AND later.held_until <= :now
            WHERE y.id > a.id AND y.status = a.status
              AND e.state IN ('held', 'queued') AND e.reason IS DISTINCT FROM '{MERGED}'))"""


def take_along(cursor: "psycopg.Cursor[Any]", held: Lease, claimed: Sequence[int], now: datetime) -> dict[int, Words]:
    """Merge what is due for the same contacts into these deliveries, which this transaction claims. Return their words.

    What each of these took along at an earlier claim is looked at again. Residents are asked for by the caller, whose
    transaction has locked their choices.
    """
    if held.status != "Actual" or not claimed:
        return {}
    values = {"ids": list(claimed), "now": now, "last": now + timedelta(seconds=LAST_S), "channel": held.channel,
              "language": held.language}  # fmt: skip
    found = cursor.execute(_ALONG, values).fetchall()
    waiting: dict[int, list[tuple[int, Brief]]] = defaultdict(list)
    for carrier, delivery, alert, subject, said in found:
        waiting[carrier].append((delivery, Brief(subject, said, _link(alert))))
    words: dict[int, Words] = {}
    taken: list[tuple[int, int]] = []
    for carrier, others in waiting.items():
        written = _written(held, [brief for _, brief in others])
        if written is not None:
            words[carrier], count = written
            taken += [(delivery, carrier) for delivery, _ in others[: count - 1]]
    cursor.execute(_PUT_BACK, {"ids": list(claimed), "kept": [delivery for delivery, _ in taken]})
    if taken:
        deliveries, carriers = zip(*taken, strict=True)
        cursor.execute(_MERGE, {"these": list(deliveries), "carriers": list(carriers), "now": now})
    return words


def sent_words(s: Session, held: Lease, carriers: Sequence[int]) -> dict[int, Words]:
    """Return the words that these deliveries went out with, by delivery: of those that others are merged into."""
    others: dict[int, list[Brief]] = defaultdict(list)
    for row in s.execute(text(_MERGED_INTO), {"ids": list(carriers)}).all():
        others[row.carrier_id].append(Brief(row.subject, row.text, _link(row.alert_id)))
    written = {carrier: _written(held, briefs) for carrier, briefs in others.items()}
    return {carrier: found[0] for carrier, found in written.items() if found is not None}


def _written(held: Lease, others: Sequence[Brief]) -> tuple[Words, int] | None:
    """Return the words of a carrier with others, in their order, and how many of all have room."""
    ours = settings()
    own = Brief(held.subject, held.text, _link(held.alert_id))
    about = About(ours.city, ours.program, ours.help_contact)
    return together.write(held.channel, held.language, [own, *others], about, held.cost)


def follow(now: datetime) -> int:
    """Give merged deliveries the fate of their carriers; return how many were looked at. Those of a carrier that did
    not leave wait for their digest again.

    Safe to run at any time, repeatedly and in several processes. A carrier is looked at less and less often, because
    its provider may report for days.
    """
    looked_at = 0
    while True:
        with transaction() as s:
            some: int = s.execute(text(_FOLLOW), {"now": now, "some": AT_ONCE}).scalar_one()
        looked_at += some
        if some < AT_ONCE:
            return looked_at


def let_go(s: Session, subscriber_id: int, now: datetime) -> None:
    """Have what waits for the digest of a resident who wants none any more released at once; the claim looks again."""
    s.execute(text(_LET_GO), {"id": subscriber_id, "now": now})


def _link(alert: int) -> str:
    return f"{settings().public_url}/alerts/{alert}"


# Nothing waits for a lock: what a release has in hand, or another claim, goes its own way. A batch of which something
# is taken along is not released at the same moment, so it stays held until its merged deliveries have a fate.
# What was taken along before stays with its carrier while its alert goes on. Where an alert of the same incident is
# later, `held.release` decides whether it takes the place of this one.
_ALONG = f"""
    WITH carriers AS MATERIALIZED (
        SELECT d.id, d.contact_id, d.alert_id FROM deliveries d WHERE d.id = ANY(%(ids)s)
    ), open AS MATERIALIZED (
        SELECT id, alert_id FROM batches
         WHERE state = 'held' AND digest AND held_until <= %(now)s AND channel = %(channel)s
    ), found AS MATERIALIZED (
        SELECT k.id AS carrier_id, m.id, true AS is_new
          FROM carriers k CROSS JOIN (SELECT DISTINCT alert_id FROM open) o
          JOIN deliveries m ON (m.alert_id, m.contact_id) = (o.alert_id, k.contact_id) JOIN open ON open.id = m.batch_id
         WHERE m.state = 'held' AND m.reason <> '{MERGED}' AND m.id <> k.id
        UNION ALL
        SELECT x.carrier_id, x.delivery_id, false FROM merged x WHERE x.carrier_id = ANY(%(ids)s)
    )
    SELECT found.carrier_id, m.id, a.id, w.subject, w.text
      FROM found JOIN deliveries m ON m.id = found.id JOIN batches b ON b.id = m.batch_id
      JOIN alerts a ON a.id = m.alert_id
      JOIN contents w
        ON (w.alert_id, w.channel, w.language, w.wording) = (b.alert_id, b.channel, b.language, b.wording)
      JOIN contacts c ON c.id = m.contact_id JOIN choices own ON own.subscriber_id = c.subscriber_id
      {rules.facts("a.topic")}
     WHERE own.digest IS NOT NULL AND b.language = %(language)s  -- a message is in one language
       AND CASE WHEN is_new THEN m.state = 'held' AND m.reason <> '{MERGED}' AND b.state = 'held'
                ELSE m.state IN ('held', 'accepted') END
       AND a.state IN ('sending', 'sent') AND a.status = 'Actual' AND a.expires_at > %(last)s
       AND {rules.reason("%(now)s", Lane.ROUTINE, rules.rank_of("a.severity"))} IS NULL
       AND NOT EXISTS (SELECT FROM alerts y WHERE (y.incident_id, y.status) = (a.incident_id, a.status)
                          AND y.launched_at > a.launched_at AND y.state <> 'cancelled')
     ORDER BY found.carrier_id, a.id DESC FOR UPDATE OF m SKIP LOCKED FOR SHARE OF b SKIP LOCKED
"""
_PUT_BACK = f"""
    WITH back AS (
        DELETE FROM merged WHERE carrier_id = ANY(%(ids)s) AND delivery_id <> ALL(%(kept)s) RETURNING delivery_id
    )
    UPDATE deliveries d SET reason = '{rules.DIGEST}'
      FROM back WHERE d.id = back.delivery_id AND d.state = 'held'
"""
_MERGE = f"""
    WITH taken AS (
        INSERT INTO merged (delivery_id, carrier_id, merged_at, look_at)
        SELECT x.delivery_id, x.carrier_id, %(now)s, %(now)s
          FROM unnest(%(these)s::bigint[], %(carriers)s::bigint[]) AS x (delivery_id, carrier_id)
            ON CONFLICT (delivery_id) DO UPDATE SET merged_at = excluded.merged_at, look_at = excluded.look_at
        RETURNING delivery_id
    )
    UPDATE deliveries d SET reason = '{MERGED}' FROM taken WHERE d.id = taken.delivery_id AND d.state = 'held'
"""

_LET_GO = regrouped(f"b.digest AND d.reason = '{rules.DIGEST}'", held_until="CAST(:now AS timestamptz)", digest="false")
_MERGED_INTO = """
    SELECT x.carrier_id, m.alert_id, w.subject, w.text
      FROM merged x JOIN deliveries m ON m.id = x.delivery_id JOIN batches b ON b.id = m.batch_id
      JOIN contents w
        ON (w.alert_id, w.channel, w.language, w.wording) = (b.alert_id, b.channel, b.language, b.wording)
     WHERE x.carrier_id = ANY(:ids) ORDER BY x.carrier_id, m.alert_id DESC
"""

# The carrier is locked: no claim takes it meanwhile, with words that this would not know. An alert that has ended may
# have had its words in a message that left before. A batch that was done is held again for what comes back to it.
_FOLLOW = f"""
    WITH due AS MATERIALIZED (
        SELECT x.delivery_id, x.merged_at, m.state, m.batch_id, k.state AS carrier_state, k.reason, k.sender_id,
               k.claimed_at, k.sent_at, k.settled_at,
               k.state IN ('queued', 'held', 'skipped', 'cancelled', 'expired')
               OR k.state = 'failed' AND k.reason = 'not-sent' AS stayed
          FROM merged x JOIN deliveries m ON m.id = x.delivery_id JOIN deliveries k ON k.id = x.carrier_id
         WHERE x.look_at <= :now ORDER BY x.look_at LIMIT :some FOR UPDATE OF x, m, k SKIP LOCKED
    ), followed AS (
        UPDATE deliveries m
           SET state = due.carrier_state, sender_id = due.sender_id, claimed_at = due.claimed_at,
               sent_at = due.sent_at, settled_at = due.settled_at,
               reason = CASE WHEN due.carrier_state IN ('undelivered', 'failed') THEN due.reason ELSE '{MERGED}' END
          FROM due WHERE m.id = due.delivery_id AND m.state <> due.carrier_state AND NOT due.stayed
           AND due.carrier_state IN ('accepted', 'delivered', 'undelivered', 'failed')
           AND m.state IN ({", ".join(f"'{state}'" for state in sorted(states.CARRIED))})
    ), looked AS (
        UPDATE merged x
           SET look_at = CASE WHEN due.merged_at > CAST(:now AS timestamptz) - interval '5 days'
                              THEN CAST(:now AS timestamptz)
                                 + greatest(interval '5 seconds', (CAST(:now AS timestamptz) - due.merged_at) / 4) END
          FROM due WHERE x.delivery_id = due.delivery_id AND NOT due.stayed
    ), gone AS (
        DELETE FROM merged x USING due WHERE x.delivery_id = due.delivery_id AND due.stayed
    ), back AS (
        UPDATE deliveries m
           SET state = 'held', reason = '{rules.DIGEST}', sender_id = NULL, claimed_at = NULL, sent_at = NULL,
               settled_at = NULL
          FROM due WHERE m.id = due.delivery_id AND due.stayed AND m.state IN ('held', 'accepted')
    ), again AS (
        UPDATE batches b SET state = 'held' FROM due
         WHERE b.id = due.batch_id AND due.stayed AND due.state IN ('held', 'accepted') AND b.state = 'done'
    )
    SELECT count(*) FROM due
"""
