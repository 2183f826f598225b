"""Drop numbers that are reported as reassigned, such as by the FCC's Reassigned Numbers Database.

The contact is no longer verified, so nothing is sent to it. Its resident keeps other contacts and places. Who has the
number now may join with it, and sees nothing of them (docs/adr, 39).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.orm import Session

from notify.accounts import operators
from notify.channels.channel import SMS
from notify.core import audit, keyring
from notify.models import Operator
from notify.subscribers import addresses

HOW = "number reported as reassigned"


@dataclass(frozen=True, slots=True)
class Dropped:
    """`known`: how many of the lines are numbers of contacts that were dropped; `bad`: lines that are no number."""

    lines: int
    known: int
    bad: list[int]


def drop(s: Session, lines: Iterable[str], now: datetime, by: Operator | None) -> Dropped:
    """Drop the numbers of a file: one a line, or the first column of a CSV. Raises NotAllowed."""
    operators.require_by(by, "administer")
    keyring.hold(s)
    indexes: list[bytes] = []
    bad: list[int] = []
    count = 0
    for number, line in enumerate(lines, 1):
        given = line.split(",")[0].strip().strip('"')
        if not given or (number == 1 and not any(map(str.isdecimal, given))):
            continue  # an empty line, or the names of the columns
        count += 1
        try:
            indexes.append(addresses.index(SMS.name, SMS.address.kept(given)))
        except ValueError:
            bad.append(number)
    dropped = s.execute(text(_DROP), {"indexes": indexes, "channel": SMS.name, "now": now, "how": HOW}).scalars().all()
    for subscriber_id in dropped:
        audit.note(s, now=now, by=by, action="drop", subject="subscriber", subject_id=subscriber_id, reason=HOW)
    return Dropped(count, len(dropped), bad)


def disown(s: Session, channel: str, index: bytes, now: datetime, *, how: str) -> None:
    """Drop a contact whose owner says that they are somebody else. What its resident has is not shown to them."""
    s.execute(text(_DROP), {"indexes": [index], "channel": channel, "now": now, "how": how})


_DROP = """
    WITH dropped AS (
        UPDATE contacts c SET verified_at = NULL, dead_at = :now
         WHERE c.channel = :channel AND c.address_index = ANY(:indexes) AND c.address_sealed IS NOT NULL
           AND c.verified_at IS NOT NULL AND c.subscriber_id IS NOT NULL
        RETURNING c.id, c.subscriber_id, c.channel, c.address_index
    ), noted AS (
        INSERT INTO address_ledger (channel, address_index, contact_id, at, act, reason, how)
        SELECT channel, address_index, id, :now, 'suppressed', 'reassigned', :how FROM dropped
    )
    SELECT subscriber_id FROM dropped
"""
