"""Find residents' places whose stored data is damaged, so that an alert for their area would miss them."""

from collections.abc import Iterator
from datetime import UTC, datetime

import numpy as np

from notify.core import alarms, db, points
from notify.core.counting import counted
from notify.core.db import transaction

AT_ONCE = 20_000  # places per transaction: about 0.1 s
SOME = 10  # residents that the alarm names


def run() -> None:
    """Let an alarm ring for as long as there are damaged places."""
    damaged = sorted(_damaged())
    told = ""
    if damaged:
        some = ", ".join(map(str, sorted({resident for _, resident in damaged})[:SOME]))
        told = (
            f"{counted(len(damaged), 'damaged place')} cannot be found by an alert for a small area"
            f" (residents {some}). Enter the damaged places again."
        )
    with transaction() as s:
        alarms.follow(s, alarms.UNREADABLE_PLACE, {"": told} if told else {}, datetime.now(UTC))


def _damaged() -> Iterator[tuple[int, int]]:
    """The ids of damaged places and of their residents."""
    last = 0
    while True:
        with transaction() as s:
            rows = db.raw(s).cursor(binary=True).execute(_NEXT, [last, AT_ONCE]).fetchall()
        if not rows:
            return
        ids, residents, sealed, indexes = zip(*rows, strict=True)
        sound = points.are_sound(np.array(residents), points.blocks(sealed), indexes)
        yield from ((ids[at], residents[at]) for at in np.flatnonzero(~sound))
        last = ids[-1]


_NEXT = """
    SELECT id, subscriber_id, point_sealed, cell_index FROM places WHERE id > %s ORDER BY id LIMIT %s
"""
