"""Pairs of a sender and an address that the carrier blocks, because the person texted STOP to that sender.

Twilio refuses such a message with error 21610. The block is about the pair of numbers: another sender still reaches
the phone, and only START texted to the same sender lifts it, whatever our own records say
(https://www.twilio.com/docs/api/errors/21610). A pair whose block was lifted is kept with the time. For such a
pair, and for one that we know nothing of, 21610 is news of a STOP that we were not told of. A pair is doubtful when
there was a STOP to that sender and we cannot tell whether the carrier blocks it: words that only we understand, or a
restored backup. It is tried, and 21610 is then no news.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import psycopg
from sqlalchemy import text
from sqlalchemy.orm import Session

from notify.channels.contract import Inbound
from notify.core import alarms, db, states

REASON = "carrier-block"  # of a delivery that ended because every open sender is blocked
TOLL_FREE = tuple(f"+1{code}" for code in (800, 833, 844, 855, 866, 877, 888))
# For toll-free numbers the carrier handles STOP and START, and does not recognise YES:
# https://help.twilio.com/articles/223134027
TOLL_FREE_LIFTED_BY = frozenset({"start", "unstop"})


class Senders(NamedTuple):
    """The open senders of a channel, for one address, the fastest first."""

    blocked: tuple[str, ...]
    others: tuple[str, ...]

    @property
    def reach(self) -> bool:
        """Whether any sender is not blocked; true if there is no sender at all."""
        return bool(self.others) or not self.blocked

    def block(self, inbound: Inbound) -> bool:
        """Whether the sender that the resident wrote to is blocked from answering."""
        return not {inbound.sender_address, inbound.service}.isdisjoint(self.blocked)

    def number_to_start(self, inbound: Inbound) -> str:
        """The number to send START to. A Messaging Service (`MG...`) has no number of its own."""
        numbers = [address for address in self.blocked if is_number(address)]
        return inbound.sender_address if self.block(inbound) or not numbers else numbers[0]

    def number_to_answer(self, inbound: Inbound) -> str:
        """Another number that may answer; "" if none is needed or there is none."""
        numbers = [address for address in self.others if is_number(address)]
        return numbers[0] if self.block(inbound) and numbers else ""


def is_number(address: str) -> bool:
    return address.removeprefix("+").isdecimal()


def block(s: Session, provider: str, inbound: Inbound, index: bytes, now: datetime) -> None:
    """Record that the carrier received STOP. Call this if the provider recognises the word."""
    s.execute(text(_SET), _values(provider, inbound, index, now) | {"lifted_at": None, "doubtful": False})


def mark_doubtful(s: Session, provider: str, inbound: Inbound, index: bytes, now: datetime) -> None:
    """Record a STOP in words that the carrier may or may not have recognised."""
    s.execute(text(_SET), _values(provider, inbound, index, now) | {"lifted_at": now, "doubtful": True})


def lift(s: Session, provider: str, inbound: Inbound, index: bytes, now: datetime) -> None:
    """Record that the carrier received START. Call this if the provider recognises the word."""
    word = inbound.text.strip().lower()
    if inbound.sender_address.startswith(TOLL_FREE) and word not in TOLL_FREE_LIFTED_BY:
        return
    s.execute(text(_SET), _values(provider, inbound, index, now) | {"lifted_at": now, "doubtful": False})


def senders(s: Session, channel: str, index: bytes) -> Senders:
    """Return the open senders of a channel, and which are blocked for an address."""
    rows = s.execute(
        text("""SELECT x.address, EXISTS (SELECT FROM carrier_blocks k
                                           WHERE (k.sender_id, k.address_index) = (x.id, :index)
                                             AND k.lifted_at IS NULL) AS blocked
                  FROM senders x WHERE x.channel = :channel AND x.status = 'open'
                 ORDER BY x.rate_per_s DESC, x.id"""),
        {"channel": channel, "index": index},
    ).all()
    blocked, others = (tuple(row.address for row in rows if row.blocked is so) for so in (True, False))
    return Senders(blocked, others)


def pass_on(
    cursor: "psycopg.Cursor[Any]", batch_id: int, lease: UUID, delivery_ids: Sequence[int], now: datetime
) -> None:
    """Move queued deliveries of a leased batch to batches of senders that may reach them; one that none may reach ends
    as skipped. This is a single statement: each is moved once, or stays."""
    cursor.execute(_MOVE, {"batch": batch_id, "key": lease, "ids": list(delivery_ids), "now": now})


def note_refusals(cursor: "psycopg.Cursor[Any]", refused: Sequence[tuple[int, str, str]], now: datetime) -> None:
    """Record attempts (delivery, reference, code) that the carrier refused for their sender alone, after acceptance.

    Later receipts for such an attempt do not apply to its delivery. `settle_refusals` decides what happens to it.
    """
    cursor.executemany(_NOTE, [(*one, now) for one in refused])


def settle_refusals(now: datetime) -> None:
    """Pass each refused delivery on to another sender, once, if its alert still runs and a sender can reach the phone;
    else fail it. A delivery has to wait until its batch is given back: its worker may not have recorded the attempt."""

    def work(some: Sequence[int]) -> None:
        values = {"ids": list(some), "now": now, "from": [state.value for state in states.PASSED_ON]}
        with db.statements() as cursor:
            cursor.execute(_SETTLE, values)

    def refused(one: int, why: Exception) -> None:
        alarms.refused_row(f"apply the carrier's refusal of delivery {one}", why, now)

    with db.statements() as cursor:
        found = cursor.execute("SELECT delivery_id FROM carrier_refusals WHERE settled_at IS NULL").fetchall()
    db.in_halves([row[0] for row in found], work, refused)


def _values(provider: str, inbound: Inbound, index: bytes, now: datetime) -> dict[str, object]:
    ours = [address for address in (inbound.sender_address, inbound.service) if address]
    return {"provider": provider, "ours": ours, "index": index, "now": now}


# A keyword sent to a number of a Messaging Service counts for the whole service.
_SET = """
    INSERT INTO carrier_blocks AS known (sender_id, address_index, at, lifted_at, doubtful)
    SELECT id, :index, :now, CAST(:lifted_at AS timestamptz), :doubtful FROM senders
     WHERE provider = :provider AND address = ANY(:ours)
    ON CONFLICT (sender_id, address_index) DO UPDATE
       SET at = excluded.at, lifted_at = excluded.lifted_at, doubtful = excluded.doubtful
     WHERE known.lifted_at IS NOT NULL OR NOT excluded.doubtful
"""

_FREE = """(SELECT x.id FROM senders x
                  WHERE x.channel = c.channel AND x.status = 'open'
                    AND NOT EXISTS (SELECT FROM carrier_blocks k
                                     WHERE (k.sender_id, k.address_index) = (x.id, c.address_index)
                                       AND k.lifted_at IS NULL)
                  ORDER BY x.rate_per_s DESC, x.id LIMIT 1)"""

# Moves each delivery to the fastest open sender that may reach it, in a batch that is bound to this sender.
_MOVE = f"""
    WITH ours AS (
        SELECT * FROM batches WHERE id = %(batch)s AND lease = %(key)s AND lease_until > now() FOR UPDATE
    ), passed AS MATERIALIZED (
        SELECT d.id, {_FREE} AS sender_id
          FROM ours JOIN deliveries d ON d.batch_id = ours.id JOIN contacts c ON c.id = d.contact_id
         WHERE d.id = ANY(%(ids)s) AND d.state = 'queued'
    ), made AS (
        INSERT INTO batches (alert_id, channel, language, wording, lane, sender_id, ordinal, size, state, held_until,
                             digest)
        SELECT ours.alert_id, ours.channel, ours.language, ours.wording, ours.lane, passed.sender_id, ours.ordinal,
               count(*), 'waiting'::batch_state, ours.held_until, ours.digest
          FROM passed, ours WHERE passed.sender_id IS NOT NULL
         GROUP BY ours.alert_id, ours.channel, ours.language, ours.wording, ours.lane, passed.sender_id,
                  ours.ordinal, ours.held_until, ours.digest
        RETURNING id, sender_id
    )
    UPDATE deliveries d
       SET batch_id = coalesce(made.id, d.batch_id), settled_at = %(now)s,
           state = (CASE WHEN made.id IS NULL THEN 'skipped' ELSE 'queued' END)::delivery_state
      FROM passed LEFT JOIN made USING (sender_id) WHERE d.id = passed.id AND d.state = 'queued'
"""

_NOTE = """
    INSERT INTO carrier_refusals (delivery_id, reference, code, told_at) VALUES (%s, %s, %s, %s)
    ON CONFLICT DO NOTHING
"""

_SETTLE = f"""
    WITH refused AS MATERIALIZED (
        SELECT r.delivery_id, r.reference, r.code, d.contact_id, b.*
          FROM carrier_refusals r JOIN deliveries d ON d.id = r.delivery_id JOIN batches b ON b.id = d.batch_id
         WHERE r.delivery_id = ANY(%(ids)s) AND r.settled_at IS NULL AND b.state <> 'leased' AND d.state <> 'sending'
           FOR UPDATE OF r, b SKIP LOCKED
    ), passed AS MATERIALIZED (
        SELECT refused.delivery_id, refused.reference, refused.code, a.id AS alert_id, refused.channel,
               refused.language, refused.wording, refused.lane, refused.ordinal, refused.held_until, refused.digest,
               CASE WHEN a.state IN ('sending', 'paused') AND a.expires_at > %(now)s THEN {_FREE} END AS sender_id
          FROM refused JOIN alerts a ON a.id = refused.alert_id JOIN contacts c ON c.id = refused.contact_id
    ), made AS (
        INSERT INTO batches (alert_id, channel, language, wording, lane, sender_id, ordinal, size, state, held_until,
                             digest)
        SELECT alert_id, channel, language, wording, lane, sender_id, min(ordinal), count(*), 'waiting'::batch_state,
               max(held_until), digest
          FROM passed WHERE sender_id IS NOT NULL
         GROUP BY alert_id, channel, language, wording, lane, sender_id, digest
        RETURNING id, alert_id, channel, language, wording, sender_id, digest
    ), settled AS (
        UPDATE carrier_refusals r SET settled_at = %(now)s
          FROM refused WHERE (r.delivery_id, r.reference) = (refused.delivery_id, refused.reference)
    )
    UPDATE deliveries d
       SET state = (CASE WHEN made.id IS NULL THEN 'failed' ELSE 'queued' END)::delivery_state,
           reason = CASE WHEN made.id IS NULL THEN passed.code ELSE 'carrier-block' END,
           reference = CASE WHEN made.id IS NULL THEN passed.reference END,
           attempts = d.attempts - CASE WHEN made.id IS NULL THEN 0 ELSE 1 END,
           batch_id = coalesce(made.id, d.batch_id), settled_at = %(now)s
      FROM passed LEFT JOIN made USING (alert_id, channel, language, wording, sender_id, digest)
     WHERE d.id = passed.delivery_id AND d.state = ANY(%(from)s::delivery_state[])
       AND coalesce(d.reference, passed.reference) = passed.reference
"""
