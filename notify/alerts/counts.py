"""Count the deliveries of an alert by channel, state and reason: all of them, or what can have changed meanwhile."""

import time
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import text
from sqlalchemy.orm import Session

from notify.models import Alert
from notify.models.states import AlertState, BatchState


class Count(NamedTuple):
    """Deliveries that are alike, and when the first and the last of them left."""

    channel: str
    state: str
    reason: str | None
    number: int
    first_sent: datetime | None
    last_sent: datetime | None


def of(s: Session, alert: Alert) -> Sequence[Count]:
    """Count all deliveries of an alert."""
    return _summed(Count(*row) for row in s.execute(text(f"{_IN_BATCHES} UNION ALL {_LEFT_OUT}"), {"alert": alert.id}))


class RunningCount:
    """The count of one alert that is being sent, for somebody who asks again and again.

    What a worker does changes the row of its batch, and so only batches that changed or are leased are counted again.
    Receipts do not: for them the batches counted longest ago are counted again, too, some at each time. At a million
    deliveries this is exact at once for what is sent, and within a minute for what was received.
    """

    AT_ONCE = 20_000  # deliveries counted again for receipts, at each time
    RESTS = 9  # all of them are not counted again before this many times as long as it took have passed

    def __init__(self) -> None:
        self._batches: dict[int, tuple[str, list[Count]]] = {}  # the one counted longest ago first
        self._left_out: list[Count] = []  # of the audience; what is written of them does not change
        self._last_whole: Sequence[Count] = ()
        self._whole_in: AlertState | None = None  # the state of the alert then
        self._whole_due_s = 0.0  # when it is counted again, by time.monotonic()
        self._left_out_of: tuple[int, datetime | None] = 0, None  # how many there were, and when all were written

    def of(self, s: Session, alert: Alert) -> Sequence[Count]:
        """Return what the function `of` returns. It is exact when the alert ends; only receipts come later."""
        if alert.state not in {AlertState.SENDING, AlertState.PAUSED}:
            return self._whole(s, alert)
        rows = {row.id: row for row in s.execute(text(_BATCHES), {"alert": alert.id})}
        self._count_again(s, rows)
        self._count_left_out(s, alert, sum(row.size for row in rows.values()))
        return _summed([*self._left_out, *(one for _, counts in self._batches.values() for one in counts)])

    def _whole(self, s: Session, alert: Alert) -> Sequence[Count]:
        began_s = time.monotonic()
        if alert.state is not self._whole_in or began_s >= self._whole_due_s:
            self._whole_in, self._last_whole = alert.state, of(s, alert)
            self._whole_due_s = began_s + (self.RESTS + 1) * (time.monotonic() - began_s)
        return self._last_whole

    def _count_left_out(self, s: Session, alert: Alert, in_batches: int) -> None:
        """They are written while the audience is resolved, slice by slice, with batches and the alert's total."""
        written = alert.audience_total - in_batches, alert.fanout_done_at
        if written != self._left_out_of:
            self._left_out = [Count(*row) for row in s.execute(text(_LEFT_OUT), {"alert": alert.id})]
            self._left_out_of = written

    def _count_again(self, s: Session, rows: Mapping[int, Any]) -> None:
        again = {
            n for n, row in rows.items() if row.leased or n not in self._batches or self._batches[n][0] != row.version
        }
        more = 0
        for number in self._batches:  # by age
            if number in rows and number not in again and more < self.AT_ONCE:
                again.add(number)
                more += rows[number].size
        found: dict[int, list[Count]] = {number: [] for number in again}
        for batch, *count in s.execute(text(_OF_BATCHES), {"batches": sorted(again)}):
            found[batch].append(Count(rows[batch].channel, *count))
        for number, counts in found.items():
            self._batches.pop(number, None)  # to the end: counted last
            self._batches[number] = (rows[number].version, counts)


def _summed(counts: Iterable[Count]) -> Sequence[Count]:
    """Add those that are alike, in the order of channel, state and reason."""
    sums: dict[tuple[str, str, str | None], Count] = {}
    for one in counts:
        same = sums.get(one[:3])
        sums[one[:3]] = one if same is None else _added(same, one)
    return sorted(sums.values(), key=lambda one: (one.channel, one.state, one.reason or ""))


def _added(one: Count, other: Count) -> Count:
    firsts = [at for at in (one.first_sent, other.first_sent) if at]
    lasts = [at for at in (one.last_sent, other.last_sent) if at]
    return Count(*one[:3], one.number + other.number, min(firsts, default=None), max(lasts, default=None))


_ALIKE = "state::text AS state, reason, count(*) AS number, min(sent_at) AS first_sent, max(sent_at) AS last_sent"

# Batches give the channel. Only deliveries without one, which were left out of the audience, need their contacts.
_IN_BATCHES = f"""
    SELECT b.channel, n.state, n.reason, n.number, n.first_sent, n.last_sent
      FROM (SELECT batch_id, {_ALIKE} FROM deliveries WHERE alert_id = :alert AND batch_id IS NOT NULL
             GROUP BY batch_id, state, reason) AS n
      JOIN batches b ON b.id = n.batch_id
"""
_LEFT_OUT = f"""
    SELECT c.channel, {_ALIKE} FROM deliveries d JOIN contacts c ON c.id = d.contact_id
     WHERE d.alert_id = :alert AND d.batch_id IS NULL GROUP BY c.channel, d.state, d.reason
"""
_BATCHES = f"""
    SELECT id, channel, size, state = '{BatchState.LEASED}' AS leased, xmin::text AS version
      FROM batches WHERE alert_id = :alert
"""
_OF_BATCHES = f"""
    SELECT batch_id, {_ALIKE} FROM deliveries WHERE batch_id = ANY(:batches) GROUP BY batch_id, state, reason
"""
