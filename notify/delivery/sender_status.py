"""How the senders do now: rate, backlog, breaker, what is left of today's cap, and when each channel last worked."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import redis
from sqlalchemy import text
from sqlalchemy.orm import Session

from notify.channels.channel import CHANNELS
from notify.delivery.breaker import Break, Breaker, key_of
from notify.delivery.senders import all_senders
from notify.delivery.usage import CAP_DAY

TEST_EVERY = timedelta(days=31)  # a channel that nothing was sent on for longer is due for a test
STEP_S = 15  # the time of a backlog is told in steps, so that it does not change each second


@dataclass(frozen=True, slots=True)
class SenderStatus:
    """One sender. `left`: of today's cap; None: there is no cap, or nobody has counted today. `broken`: its breaker is
    open. `known`: False while Redis does not answer."""

    id: int
    channel: str
    provider: str
    address: str
    rate_per_s: float
    status: str
    note: str
    daily_cap: int | None
    left: int | None
    broken: Break | None
    known: bool

    @property
    def works(self) -> bool:
        return self.status == "open" and self.broken is None and self.left != 0


@dataclass(frozen=True, slots=True)
class ChannelStatus:
    """A channel and its senders. `waiting`: messages that wait for any of them, which take `wait_s` (None: nothing is
    open). `last_sent`, `last_test`: when the messages of an alert last left, or those of an exercise, a test or an
    operator's test to themselves, and the alert. `being_sent`: the newest alert whose messages leave now."""

    channel: str
    senders: tuple[SenderStatus, ...]
    waiting: int
    wait_s: int | None
    last_sent: tuple[int, datetime] | None
    last_test: tuple[int, datetime] | None
    being_sent: int | None

    @property
    def works(self) -> bool:
        """Whether any sender can send now. If not, nobody may be promised a message on this channel."""
        return any(one.works for one in self.senders)

    def overdue(self, now: datetime) -> bool:
        """Whether a test is due: no message has left for a month, neither of a test nor of an alert."""
        proven = [at for _, at in filter(None, (self.last_sent, self.last_test))]
        return not proven or now - max(proven) > TEST_EVERY


def failing(s: Session, client: "redis.Redis") -> frozenset[int]:
    """Return the senders whose provider fails now; none while Redis does not answer."""
    try:
        return frozenset(Breaker(client).open_ones([row.id for row in all_senders(s)]))
    except redis.RedisError:
        return frozenset()


def read(s: Session, client: "redis.Redis", now: datetime) -> tuple[ChannelStatus, ...]:
    """Read the channels that have senders."""
    senders = _senders(s, client, now)
    waiting = {row.channel: row for row in s.execute(text(_WAITING)).all()}
    proofs = s.execute(text(_PROOFS), {"channels": sorted({one.channel for one in senders})}).all()
    leaving = {row.channel: row.alert_id for row in s.execute(text(_LEAVING)).all()}
    found = []
    for channel in CHANNELS:
        of_channel = tuple(one for one in senders if one.channel == channel)
        if of_channel:
            backlog = waiting.get(channel)
            last = {row.test: (row.alert_id, row.was_p95_at) for row in proofs if row.channel == channel}
            found.append(
                ChannelStatus(
                    channel,
                    of_channel,
                    backlog.messages if backlog else 0,
                    _wait_s(of_channel, backlog.tokens if backlog else 0),
                    last.get(False),
                    last.get(True),
                    leaving.get(channel),
                )
            )
    return tuple(found)


def _wait_s(senders: Sequence[SenderStatus], tokens: int) -> int | None:
    rate = sum(one.rate_per_s for one in senders if one.status == "open")
    return (round(tokens / rate / STEP_S) * STEP_S if tokens else 0) if rate else None


def _senders(s: Session, client: "redis.Redis", now: datetime) -> list[SenderStatus]:
    rows = all_senders(s)
    try:
        broken = Breaker(client).open_ones([row.id for row in rows])
        used = _used(client, [row.id for row in rows], now)
        known = True
    except redis.RedisError:
        broken, used, known = {}, {}, False
    return [
        SenderStatus(
            row.id,
            row.channel,
            row.provider,
            row.address,
            row.rate_per_s,
            row.status,
            row.note,
            row.daily_cap,
            max(0, row.daily_cap - used[row.id]) if row.daily_cap is not None and row.id in used else None,
            broken.get(row.id),
            known,
        )
        for row in rows
    ]


def _used(client: "redis.Redis", senders: Sequence[int], now: datetime) -> dict[int, int]:
    """The tokens that senders have used of today's cap, as far as the throttle has counted the whole day."""
    day = now.astimezone(CAP_DAY).date().isoformat().encode()
    with client.pipeline(transaction=False) as asked:
        for sender in senders:
            asked.hmget(key_of(sender), "day", "counted", "used")
        found = zip(senders, asked.execute(), strict=True)
    used = {}
    for sender, (of_day, counted, tokens) in found:
        if of_day is not None and of_day < day:
            used[sender] = 0  # the bucket has seen all of the new day
        elif counted == day and of_day == day:
            used[sender] = int(tokens or 0)
    return used


# Batches that are not done: an index serves it, whatever was sent before. What is held waits for its hour, not for a
# sender.
_WAITING = """
    SELECT b.channel, sum(b.size)::bigint AS messages, sum(b.size * w.cost)::bigint AS tokens
      FROM batches b JOIN contents w USING (alert_id, channel, language, wording)
      JOIN alerts a ON a.id = b.alert_id AND a.state IN ('sending', 'sent')
     WHERE b.state <> 'done' AND b.state <> 'held' GROUP BY b.channel
"""
# Alerts that are being sent, which an index finds: when their messages left is measured once all are settled.
_LEAVING = """
    SELECT p.channel, max(p.alert_id) AS alert_id FROM alerts a JOIN predictions p ON p.alert_id = a.id
     WHERE a.state IN ('sending', 'paused') AND a.status = 'Actual' AND p.messages > 0 GROUP BY p.channel
"""
# The newest alert of each channel whose messages left; tests and exercises apart. Read backwards by the primary key.
# An alert's test to an operator leaves by the same senders.
_PROOFS = """
    SELECT DISTINCT ON (channel, test) * FROM (
    SELECT c.channel, t.test, p.alert_id, p.was_p95_at
      FROM unnest(CAST(:channels AS text[])) AS c (channel) CROSS JOIN (VALUES (true), (false)) AS t (test)
      JOIN LATERAL (
           SELECT p.alert_id, p.was_p95_at FROM predictions p JOIN alerts a ON a.id = p.alert_id
            WHERE p.channel = c.channel AND p.was_p95_at IS NOT NULL AND (a.status <> 'Actual') = t.test
            ORDER BY p.alert_id DESC LIMIT 1) p ON true
    UNION ALL
    SELECT channel, true, alert_id, settled_at FROM direct_messages
     WHERE kind = 'test' AND state = 'accepted' AND channel = ANY(:channels)
    ) AS proofs ORDER BY channel, test, was_p95_at DESC
"""
