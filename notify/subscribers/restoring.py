"""Restore what the rows of an export tell beyond the usual columns (`history`), after the rows themselves are stored.

What is stored here wins. Choices and topics are taken for residents who are new; consents, opt-outs and the ledger of
an address are added to what there is. An opt-out is never undone, and one that was lifted here since does not come
back.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from notify.subscribers.consent import BY_OWNER
from notify.subscribers.history import History, OfContact
from notify.subscribers.identity import Key


@dataclass(frozen=True, slots=True)
class Told:
    """What a row told. `keys`: its addresses, by column. `is_new`: the resident was not stored before."""

    history: History
    keys: Mapping[str, Key]
    resident: int
    is_new: bool


def restore_consents(s: Session, told: Sequence[Told], had: set[Key]) -> int:
    """Store the consents that these rows told, which are never changed afterwards: so before those of the rows' own
    columns, whose words are tidied. Return how many of the rows' own are among them."""
    contacts = _contacts(told, had)
    if not contacts:
        return 0
    found: int = s.execute(text(_CONTACTS + _CONSENTS), {"given": json.dumps(contacts, default=_plain)}).scalar_one()
    return found


def restore(s: Session, told: Sequence[Told], had: set[Key]) -> None:
    """Store what else these rows told. `had`: the addresses that were stored before."""
    choices = [
        {
            "id": one.resident, "quiet": chosen.quiet, "timezone": chosen.timezone,
            "most_a_day": chosen.most_a_day, "digest": chosen.digest, "topics": chosen.topics,
            "muted_until": chosen.muted_until,
        }
        for one in told
        if one.is_new and (chosen := one.history.choices)
    ]  # fmt: skip
    for rows, given, statements in (
        (choices, _RESIDENTS, _OF_RESIDENTS),
        (_contacts(told, had), _CONTACTS, _OF_CONTACTS),
    ):
        if rows:
            document = json.dumps(rows, default=_plain)
            for statement in statements:
                owners = {"by_owner": list(BY_OWNER)} if ":by_owner" in statement else {}
                s.execute(text(given + statement), {"given": document} | owners)


def _contacts(told: Sequence[Told], had: set[Key]) -> Sequence[Mapping[str, Any]]:
    return [
        _contact(one.keys[column], of, is_new=one.keys[column] not in had)
        for one in told
        for column, of in one.history.contacts.items()
        if column in one.keys
    ]


def _contact(key: Key, of: OfContact, *, is_new: bool) -> Mapping[str, Any]:
    verified_at, dead_at, asked_at, entered_at = of.times
    return {
        "channel": key[0], "index": key[1].hex(), "is_new": is_new, "verified_at": verified_at,
        "dead_at": dead_at, "asked_at": asked_at, "entered_at": entered_at,
        "lowest_severity": of.lowest_severity, "consents": of.consents, "suppressions": of.suppressions,
        "ledger": of.ledger, "blocks": of.blocks, "still_there": of.still_there,
    }  # fmt: skip


def _plain(value: Any) -> str:
    return str(value.isoformat())


_RESIDENTS = """
    WITH given AS (
        SELECT * FROM json_to_recordset(CAST(:given AS json))
            AS g (id bigint, quiet json, timezone text, most_a_day smallint, digest text,
                  muted_until timestamptz, topics json)
    )
"""
_OF_RESIDENTS = (
    """
    INSERT INTO choices (subscriber_id, quiet_from, quiet_to, timezone, most_a_day, digest, muted_until)
    SELECT id, CAST(quiet ->> 0 AS time), CAST(quiet ->> 1 AS time), timezone, most_a_day, digest,
           muted_until
      FROM given
     WHERE quiet ->> 0 IS NOT NULL OR timezone IS NOT NULL OR most_a_day IS NOT NULL
        OR digest IS NOT NULL OR muted_until IS NOT NULL
    ON CONFLICT DO NOTHING""",
    """
    INSERT INTO preferences (subscriber_id, topic, muted_until)
    SELECT g.id, CAST(t.key AS topic), CAST(t.value AS timestamptz) FROM given g, json_each_text(g.topics) t
    ON CONFLICT (subscriber_id, topic) DO UPDATE SET muted_until = excluded.muted_until""",
)
_CONTACTS = """
    WITH given AS (
        SELECT c.id, c.channel, c.address_index, g.is_new, g.verified_at, g.dead_at, g.asked_at,
               g.entered_at, g.lowest_severity, g.consents, g.suppressions, g.ledger, g.blocks, g.still_there,
               c.subscriber_id
          FROM json_to_recordset(CAST(:given AS json))
            AS g (channel text, index text, is_new bool, verified_at timestamptz,
                  dead_at timestamptz, asked_at timestamptz, entered_at timestamptz, lowest_severity smallint,
                  consents json, suppressions json, ledger json, blocks json, still_there json)
          JOIN contacts c ON (c.channel, c.address_index) = (g.channel, decode(g.index, 'hex'))
    )
"""
# The suppressions come first: in whatever order others look, nobody is verified without them. One that is older than
# what the owner of a phone or email has agreed to here is not taken, nor an older report about one verified here since.
_OF_CONTACTS = (
    """
    INSERT INTO suppressions (channel, address_index, topic, reason, at)
    SELECT g.channel, g.address_index, CAST(x ->> 0 AS topic), x ->> 1, CAST(x ->> 2 AS timestamptz)
      FROM given g, json_array_elements(g.suppressions) x
     WHERE NOT EXISTS (SELECT FROM address_ledger l
                        WHERE (l.channel, l.address_index) = (g.channel, g.address_index) AND l.act = 'lifted'
                          AND l.topic IS NOT DISTINCT FROM CAST(x ->> 0 AS topic) AND l.reason = x ->> 1
                          AND l.at >= CAST(x ->> 2 AS timestamptz))
       AND (g.is_new OR NOT EXISTS (
            SELECT FROM contacts c LEFT JOIN consents o ON o.contact_id = c.id
             WHERE c.id = g.id AND CASE x ->> 1
                   WHEN 'opt-out' THEN o.kind = 'opt-in' AND o.how = ANY(:by_owner)
                        AND o.topic IS NOT DISTINCT FROM CAST(x ->> 0 AS topic) AND o.at > CAST(x ->> 2 AS timestamptz)
                        AND NOT EXISTS (SELECT FROM json_array_elements(g.consents) y
                                         WHERE CAST(y ->> 2 AS timestamptz) = o.at AND y ->> 3 = o.how)
                   ELSE c.verified_at > CAST(x ->> 2 AS timestamptz) END))
    ON CONFLICT DO NOTHING""",
    """
    INSERT INTO address_ledger (channel, address_index, contact_id, at, act, topic, reason, how, evidence)
    SELECT g.channel, g.address_index, g.id, CAST(x ->> 0 AS timestamptz), x ->> 1, CAST(x ->> 2 AS topic), x ->> 3,
           x ->> 4, x ->> 5
      FROM given g, json_array_elements(g.ledger) WITH ORDINALITY AS e (x, n)
     WHERE NOT EXISTS (SELECT FROM address_ledger l
                        WHERE (l.channel, l.address_index) = (g.channel, g.address_index)
                          AND l.at = CAST(x ->> 0 AS timestamptz) AND l.act = x ->> 1
                          AND l.topic IS NOT DISTINCT FROM CAST(x ->> 2 AS topic) AND l.reason = x ->> 3)
     ORDER BY g.id, n""",
    """
    UPDATE contacts c
       SET verified_at = g.verified_at, dead_at = g.dead_at, asked_at = g.asked_at, entered_at = g.entered_at,
           lowest_severity = g.lowest_severity
      FROM given g WHERE c.id = g.id AND g.is_new""",
    # What is known here of a sender and a phone is newer. A sender that is not set up here has nothing to block.
    """
    INSERT INTO carrier_blocks (sender_id, address_index, at, lifted_at, doubtful)
    SELECT x.id, g.address_index, CAST(b ->> 2 AS timestamptz), CAST(b ->> 3 AS timestamptz), CAST(b ->> 4 AS bool)
      FROM given g, json_array_elements(g.blocks) b
      JOIN senders x ON x.provider = b ->> 0 AND x.address = b ->> 1
     WHERE x.channel = g.channel
    ON CONFLICT (sender_id, address_index) DO NOTHING""",
    """
    INSERT INTO address_checks (subscriber_id, contact_id, asked_at, answer, answered_at)
    SELECT g.subscriber_id, g.id, CAST(k ->> 0 AS timestamptz), k ->> 1, CAST(k ->> 2 AS timestamptz)
      FROM given g, json_array_elements(g.still_there) WITH ORDINALITY AS e (k, n)
     WHERE NOT EXISTS (SELECT FROM address_checks c
                        WHERE (c.subscriber_id, c.contact_id) = (g.subscriber_id, g.id)
                          AND c.asked_at = CAST(k ->> 0 AS timestamptz))
     ORDER BY g.id, n""",
)
_CONSENTS = """
    , new AS (
        INSERT INTO consents (contact_id, kind, topic, at, how, words)
        SELECT g.id, x ->> 0, CAST(x ->> 1 AS topic), CAST(x ->> 2 AS timestamptz), x ->> 3, x ->> 4
          FROM given g, json_array_elements(g.consents) WITH ORDINALITY AS e (x, n)
         WHERE NOT EXISTS (SELECT FROM consents o
                            WHERE o.contact_id = g.id AND o.kind = x ->> 0
                              AND o.topic IS NOT DISTINCT FROM CAST(x ->> 1 AS topic)
                              AND o.at = CAST(x ->> 2 AS timestamptz) AND o.how = x ->> 3)
         ORDER BY g.id, n
        RETURNING contact_id, kind, topic, at, how
    )
    SELECT count(*) FROM (SELECT DISTINCT contact_id, at, how FROM new WHERE kind = 'opt-in' AND topic IS NULL) n
      JOIN contacts c ON c.id = n.contact_id
     WHERE EXISTS (SELECT FROM incoming i WHERE (i.consent_at, i.consent_how) = (n.at, n.how)
                      AND c.address_index IN (i.phone_index, i.email_index))
"""
