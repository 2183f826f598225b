"""Claims of deliveries: the last check of whether each may be sent, less than half a second before it leaves."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import psycopg
import structlog

from notify.audience import rules
from notify.core import alarms, db
from notify.core.db import AWAY, statements
from notify.delivery import carrier_blocks
from notify.delivery.leases import LAST_S, Lease
from notify.models import Lane

log = structlog.get_logger()


class Claimed(NamedTuple):
    """A delivery that this process may send, or ask the provider about."""

    delivery_id: int
    contact_id: int
    address_sealed: bytes
    attempts: int
    claimed_at: datetime
    sender_id: int


def claim(
    held: Lease,
    sender_id: int,
    most: int,
    now: datetime,
    after: int = 0,
    *,
    blocks: bool = True,
    without: list[int] | None = None,
) -> list[Claimed] | None:
    """Claim up to `most` queued deliveries, in the order of their ids. Return None when nothing is left to claim.

    The same statement skips deliveries whose resident has opted out, left the topic or muted it since the launch, and
    holds routine ones back in quiet time. Those that the carrier blocks for this sender are passed on to another one.
    Nothing is claimed if the alert is paused,
    cancelled or expires within LAST_S, or if the lease has run out.
    `after`: the last id claimed, so that deliveries that came back are tried again only after all others.
    `blocks`: whether any address is blocked for this sender; if not, a claim costs less.
    `without`: ids not to claim; a delivery that cannot be passed on is added.
    """
    values: dict[str, Any] = {
        "batch": held.batch_id,
        "key": held.key,
        "sender": sender_id,
        "most": most,
        "now": now,
        "after": after,
    }
    values["last"] = now + timedelta(seconds=LAST_S)
    statement = _CLAIM_BLOCKED if blocks else _CLAIM
    if held.lane is Lane.ROUTINE:
        statement = _CLAIM_IN_TIME_BLOCKED if blocks else _CLAIM_IN_TIME
        values |= rules.city_quiet(now)
    if without:
        statement, values["without"] = statement.replace(_QUEUED, f"{_QUEUED} {_WITHOUT}"), list(without)
    with statements() as cursor:
        rows = cursor.execute(statement, values).fetchall()
        blocked = [row[0] for row in rows if row[2] == carrier_blocks.REASON]
        if blocked:
            _pass_on(cursor, held, blocked, now, without)
    if not rows:
        return claim(held, sender_id, most, now, blocks=blocks, without=without) if after else None
    return [
        Claimed(delivery_id, contact_id, sealed, attempts, now, sender_id)
        for delivery_id, contact_id, reason, attempts, sealed in rows
        if reason is None
    ]


def _pass_on(
    cursor: "psycopg.Cursor[Any]", held: Lease, blocked: Sequence[int], now: datetime, kept: list[int] | None
) -> None:
    """Pass blocked deliveries on. Raises no database error: the rest of their window is claimed and must be posted."""

    def work(some: Sequence[int]) -> None:
        carrier_blocks.pass_on(cursor, held.batch_id, held.key, some, now)

    def refused(one: int, why: Exception) -> None:
        if kept is not None:
            kept.append(one)
        alarms.refused_row(f"pass delivery {one} on to another sender", why, held.now(), alert_id=held.alert_id)

    try:
        db.in_halves(blocked, work, refused)
    except AWAY as error:  # they stay queued, and are passed on at their next claim
        log.warning("database.away", error=db.reason(error))


def claim_apart(
    held: Lease, sender_id: int, most: int, now: datetime, after: int, refused: list[int], *, blocks: bool
) -> list[Claimed] | None:
    """`claim`, in smaller parts where PostgreSQL refuses a delivery, so that the others still go out (law 15).

    The one refused raises an alarm and is added to `refused`, whose deliveries are not claimed.
    """
    while True:
        try:
            return claim(held, sender_id, most, now, after, blocks=blocks, without=refused)
        except AWAY:
            raise
        except psycopg.Error as error:
            if most == 1:
                _set_refused_aside(held, after, refused, error)
            most = max(1, most // 2)


def _set_refused_aside(held: Lease, after: int, refused: list[int], error: psycopg.Error) -> None:
    """Add the delivery that a claim of one would take to `refused`, with an alarm. Raises `error` if there is none."""
    with statements() as cursor:
        found = cursor.execute(
            f"""SELECT d.id FROM deliveries d WHERE d.batch_id = %(batch)s AND {_QUEUED} {_WITHOUT}
                 ORDER BY d.id <= %(after)s, d.id LIMIT 1""",
            {"batch": held.batch_id, "after": after, "without": refused},
        ).fetchone()
    if found is None:
        raise error
    refused.append(found[0])
    alarms.refused_row(f"claim delivery {found[0]}", error, held.now(), alert_id=held.alert_id)


_QUEUED, _WITHOUT = "d.state = 'queued'", "AND d.id <> ALL(%(without)s)"


# The batch is leased to us, so its rows are not locked before they are written. A row that a cancel or a receipt moves
# at the same moment is left alone, because the UPDATE checks the state again.
_CLAIM = f"""
    WITH leased AS (
        SELECT b.id AS batch_id, a.topic FROM batches b JOIN alerts a ON a.id = b.alert_id
         WHERE b.id = %(batch)s AND b.lease = %(key)s AND b.lease_until > now()
           AND a.state = 'sending' AND a.expires_at > %(last)s
    ), picked AS MATERIALIZED (
        SELECT d.id, d.contact_id, leased.topic FROM leased JOIN deliveries d USING (batch_id)
         WHERE d.id > %(after)s AND d.state = 'queued' ORDER BY d.id LIMIT %(most)s
    ), judged AS (
        SELECT picked.id, c.address_sealed, {rules.reason("%(now)s")} AS reason
          FROM picked
          JOIN contacts c ON c.id = picked.contact_id
          {rules.facts("picked.topic")}
    )
    UPDATE deliveries d
       SET state = (CASE WHEN judged.reason IS NULL THEN 'sending' WHEN judged.reason = 'carrier-block' THEN 'queued'
                         ELSE 'skipped' END)::delivery_state,
           reason = judged.reason, sender_id = %(sender)s, claimed_at = %(now)s, settled_at = %(now)s,
           attempts = d.attempts + CASE WHEN judged.reason IS NULL THEN 1 ELSE 0 END
      FROM judged WHERE d.id = judged.id AND d.state = 'queued'
    RETURNING d.id, d.contact_id, judged.reason, d.attempts, judged.address_sealed
"""
_BLOCKED = """EXISTS (SELECT FROM carrier_blocks k
                        WHERE (k.sender_id, k.address_index) = (%(sender)s, c.address_index) AND k.lifted_at IS NULL)"""
_CLAIM_BLOCKED = _CLAIM.replace(rules.reason("%(now)s"), rules.reason("%(now)s", carrier_block=_BLOCKED))

# Of a routine alert. What is held moves to batches of its own, one for each time that it is held until, in the same
# statement: it is neither lost nor held twice.
_CLAIM_IN_TIME = f"""
    WITH leased AS (
        SELECT b.*, b.id AS batch_id, a.topic FROM batches b JOIN alerts a ON a.id = b.alert_id
         WHERE b.id = %(batch)s AND b.lease = %(key)s AND b.lease_until > now()
           AND a.state = 'sending' AND a.expires_at > %(last)s
    ), picked AS MATERIALIZED (
        SELECT d.id, d.contact_id, leased.topic FROM leased JOIN deliveries d USING (batch_id)
         WHERE d.id > %(after)s AND d.state = 'queued' ORDER BY d.id LIMIT %(most)s
    ), known AS (
        SELECT picked.id, c.address_sealed, {rules.reason("%(now)s")} AS reason,
               {rules.held_until("%({})s")} AS held_until
          FROM picked
          JOIN contacts c ON c.id = picked.contact_id
          {rules.facts("picked.topic")} {rules.choices()}
    ), judged AS MATERIALIZED (
        SELECT id, address_sealed, coalesce(reason, CASE WHEN held_until IS NOT NULL THEN 'quiet-hours' END) AS reason,
               CASE WHEN reason IS NULL THEN held_until END AS held_until
          FROM known
    ), made AS (
        INSERT INTO batches (alert_id, channel, language, lane, sender_id, ordinal, size, state, held_until)
        SELECT b.alert_id, b.channel, b.language, b.lane, b.sender_id, b.ordinal, count(*), 'held'::batch_state,
               judged.held_until
          FROM judged, leased b WHERE judged.held_until IS NOT NULL
         GROUP BY b.alert_id, b.channel, b.language, b.lane, b.sender_id, b.ordinal, judged.held_until
        RETURNING id, held_until
    )
    UPDATE deliveries d
       SET state = (CASE WHEN judged.reason IS NULL THEN 'sending' WHEN judged.reason = 'carrier-block' THEN 'queued'
                         WHEN judged.held_until IS NOT NULL THEN 'held' ELSE 'skipped' END)::delivery_state,
           batch_id = coalesce(made.id, d.batch_id),
           reason = judged.reason, sender_id = %(sender)s, claimed_at = %(now)s, settled_at = %(now)s,
           attempts = d.attempts + CASE WHEN judged.reason IS NULL THEN 1 ELSE 0 END
      FROM judged LEFT JOIN made USING (held_until) WHERE d.id = judged.id AND d.state = 'queued'
    RETURNING d.id, d.contact_id, judged.reason, d.attempts, judged.address_sealed
"""
_CLAIM_IN_TIME_BLOCKED = _CLAIM_IN_TIME.replace(
    rules.reason("%(now)s"), rules.reason("%(now)s", carrier_block=_BLOCKED)
)
