"""How fast messages leave, held against law 6.

Judged is when each one left, which PostgreSQL knows. When it arrived would be judged by a stand-in that oversleeps on a
machine short of processors, and what came meanwhile would look like a burst. That the records are no fiction is
judged, too: the usual message arrives when it is said to have left.
"""

from collections.abc import Collection, Mapping
from math import inf
from statistics import median

from sqlalchemy import text

from notify.core import crypto
from notify.core.db import transaction
from notify.delivery.throttle import JITTER, LATENESS_S

WAY_S = JITTER - LATENESS_S  # of what the unused share of the rate pays for, this is for the way


def departures() -> dict[str, float]:
    """When the last text to each number left, in seconds of the epoch, on the clock of the process that sent it."""
    with transaction() as s:
        rows = s.execute(
            text("""SELECT c.address_sealed, extract(epoch FROM d.sent_at) AS at
                      FROM deliveries d JOIN contacts c ON c.id = d.contact_id
                     WHERE c.channel = 'sms' AND d.sent_at IS NOT NULL ORDER BY d.id""")
        ).all()
    return {crypto.unseal(row.address_sealed, "sms"): float(row.at) for row in rows}


def fullest_second(
    left: Mapping[str, float], arrived: Mapping[str, float], begin: float = -inf, end: float = inf
) -> int:
    """Of the messages that arrived, the most that left in any one second between these moments.

    `left`, `arrived`: by number, in seconds of the epoch.
    """
    ways_s = [at - left[number] for number, at in arrived.items()]
    assert 0 <= median(ways_s) < WAY_S, ways_s
    moments = [left[number] for number in arrived if begin <= left[number] < end]
    return max(counts_from(moments, moments))


def counts_from(moments: Collection[float], starts: Collection[float]) -> list[int]:
    """How many of these moments lie in the second from each start."""
    return [sum(start <= at < start + 1 for at in moments) for start in starts]
