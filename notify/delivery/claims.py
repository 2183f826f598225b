"""Claims of deliveries: the last check of whether each may be sent, less than half a second before it leaves."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import psycopg
import structlog

from notify.audience import rules
from notify.content.together import Words
from notify.core import alarms, db
from notify.core.db import AWAY, statements
from notify.delivery import carrier_blocks, claim_statements, digests
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
    words: Words | None = None  # those of a digest, in which others go along


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

    The same statement skips deliveries whose resident has opted out, left the topic or muted it since the launch.
    Another holds routine ones back in quiet time, for a digest, or if their resident had as many alerts today as they
    want. Those that the carrier blocks for this sender are passed on to another one. Nothing is claimed if the alert is
    paused, cancelled or expires within LAST_S, or if the lease has run out.
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
    statement = claim_statements.CLAIM[held.lane, blocks]
    if held.lane is Lane.ROUTINE:
        values |= rules.city_quiet(now)
    if without:
        statement, values["without"] = statement.replace(_QUEUED, f"{_QUEUED} {_WITHOUT}"), list(without)
    words: dict[int, Words] = {}
    with statements() as cursor:
        rows = cursor.execute(statement, values).fetchall()
        perhaps = [row[0] for row in rows if row[2] in claim_statements.HELD_FOR]
        if perhaps:
            more, words = _claim_or_hold(cursor, held, perhaps, values, without, blocks=blocks)
            rows += more
        blocked = [row[0] for row in rows if row[2] == carrier_blocks.REASON]
        if blocked:
            _pass_on(cursor, held, blocked, now, without)
    if not rows:
        return claim(held, sender_id, most, now, blocks=blocks, without=without) if after else None
    return [
        Claimed(delivery_id, contact_id, sealed, attempts, now, sender_id, words.get(delivery_id))
        for delivery_id, contact_id, reason, attempts, sealed, _ in rows
        if reason is None
    ]


def _claim_or_hold(
    cursor: "psycopg.Cursor[Any]",
    held: Lease,
    these: Sequence[int],
    values: dict[str, Any],
    kept: list[int] | None,
    *,
    blocks: bool,
) -> tuple[list[tuple[Any, ...]], dict[int, Words]]:
    """Claim deliveries or hold them until the end of quiet time, the next day or a digest. What is due of a digest
    takes others along. Return the rows, and the words of digests.

    The choices of residents are locked first, in a statement of its own: the claim then counts what any other claim has
    taken.
    Raises no database error: the rest of their window is claimed and must be posted.
    """

    def work(some: Sequence[int]) -> tuple[list[tuple[Any, ...]], dict[int, Words]]:
        with cursor.connection.transaction():
            cursor.execute(claim_statements.LOCK_CHOICES, {"ids": list(some)})
            rows = cursor.execute(claim_statements.CLAIM_OR_HOLD[blocks], values | {"ids": list(some)}).fetchall()
            claimed = [row[0] for row in rows if row[2] is None]
            return rows, digests.take_along(cursor, held, claimed, values["now"]) if held.digest else {}

    def refused(one: int, why: Exception) -> None:
        if kept is not None:
            kept.append(one)
        alarms.refused_row(f"claim delivery {one}", why, held.now(), alert_id=held.alert_id)

    try:
        done = db.in_halves(these, work, refused)
    except AWAY as error:  # they stay queued
        log.warning("database.away", error=db.reason(error))
        return [], {}
    words = {delivery: said for _, some in done for delivery, said in some.items()}
    return [row for rows, _ in done for row in rows], words


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


_QUEUED, _WITHOUT = claim_statements.QUEUED, "AND d.id <> ALL(%(without)s)"
