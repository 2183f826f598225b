"""Send messages to single persons, many at a time: take slots, claim, post, record.

Messages of one channel, status and cost leave together, each in a slot of its own; while some are answered, the next
are claimed. No transaction is open during a provider call (law 5).
"""

import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime
from itertools import groupby
from typing import Any, NamedTuple

import redis
import structlog
from sqlalchemy import text
from sqlalchemy.orm import Session

from notify.audience import rules
from notify.channels.channel import CHANNELS
from notify.channels.contract import Accepted, Ambiguous, Late, Message, SendError
from notify.core import alarms, db
from notify.core.db import transaction
from notify.core.settings import Settings
from notify.delivery import direct_requests, direct_secrets, exercise, sender_health, sender_pool
from notify.delivery.capacity import Reserved
from notify.delivery.direct_conditions import BY_DAY, NEEDED
from notify.delivery.leases import CLAIM_S
from notify.delivery.throttle import Allowance, Grant, Throttle
from notify.delivery.transport import Posted, Transport
from notify.models import Lane

log = structlog.get_logger()

RUN_S = 10.0  # then what waits is looked at anew: something urgent may have come
PATIENCE_S = 3.0  # for a slot
RECORD_S = 60.0  # how long outcomes are kept in memory while PostgreSQL is away; after `LOST_AFTER` they count as lost
OPEN_WINDOWS = 4  # claimed, and not yet recorded
TRIES = 3  # a slot that this process was too slow to use is followed by another
OUTCOMES = {Accepted: "accepted", Ambiguous: "unknown", Late: "waiting"}


class Means(NamedTuple):
    """What messages are sent by. `ahead`: of other routine messages."""

    lane: Lane
    settings: Settings
    throttle: Throttle
    transport: Callable[[], Transport]
    ahead: bool = False


def send(rows: Sequence[Any], means: Means) -> int:
    """Send waiting messages, rows of `direct_requests.COLUMNS` with `urgent`: urgent ones first, then in their order.

    A channel never waits for the slots of another one. Returns how many a provider took; the others wait, or failed.
    """
    by_channel = [[row for row in rows if row.channel == channel] for channel in {row.channel for row in rows}]
    if len(by_channel) < 2:
        return sum(_send_channel(some, means) for some in by_channel)
    with ThreadPoolExecutor(len(by_channel), "direct") as threads:
        return sum(threads.map(lambda some: _send_channel(some, means), by_channel))


def _send_channel(rows: Sequence[Any], means: Means) -> int:
    until_s = time.monotonic() + RUN_S
    hidden = direct_secrets.stand_ins(means.settings)

    def alike(row: Any) -> tuple[bool, str, int]:
        return not row.urgent, row.status, CHANNELS[row.channel].cost(direct_secrets.put_in(hidden, row.text))

    ordered = sorted(rows, key=lambda row: (*alike(row), row.id))
    return sum(_Alike(list(some), how[2], until_s, means).send() for how, some in groupby(ordered, alike))


class _Window(NamedTuple):
    """Messages that are on their way. `claimed_s`: by `time.monotonic()`, before they were claimed."""

    rows: Sequence[Any]
    messages: Sequence[Message]
    sender: sender_pool.OpenSender
    grant: Grant
    claimed_s: float
    posted: "Future[list[Posted]]"


class _Alike:
    """Messages of one channel, status and cost, until they are sent, or no slots come any more."""

    def __init__(self, rows: Sequence[Any], cost: int, until_s: float, means: Means) -> None:
        self._left = deque(rows)
        self._cost = cost
        self._until_s = until_s
        self._means = means
        self._tries: Counter[int] = Counter()
        self._sent = 0

    def send(self) -> int:
        """Return how many a provider took."""
        windows: deque[_Window] = deque()
        while self._left or windows:
            answered = bool(windows) and windows[0].posted.done()
            may_take = len(windows) < OPEN_WINDOWS and time.monotonic() < self._until_s
            if self._left and may_take and not answered:
                taken = self._take_slots()
                if taken is not None:
                    if (window := self._post(*taken)) is not None:
                        windows.append(window)
                    continue
                self._left.clear()
            if not windows:
                break
            self._record(windows.popleft())
        return self._sent

    def _take_slots(self) -> tuple[sender_pool.OpenSender, Grant] | None:
        """Take slots at the first sender that has some; None if none has."""
        first = self._left[0]
        for sender in sender_pool.open_senders(first.channel):
            if exercise.may_carry(self._means.settings, sender.provider, first.status):
                transport = self._means.transport()
                transport.adapter(sender.provider)  # raises before anything is claimed
                want = min(len(self._left), transport.claim_size(sender.id, self._means.lane).messages)
                grant = _slots(sender, want, self._cost, self._means, time.monotonic() + PATIENCE_S)
                if grant is not None:
                    return sender, grant
        return None

    def _post(self, sender: sender_pool.OpenSender, grant: Grant) -> _Window | None:
        """Claim as many as there are slots, and post them; None if none is left of them."""
        began_s = time.monotonic()
        rows = [self._left.popleft() for _ in range(min(grant.messages, len(self._left)))]
        claimed = {one.id: one for one in _claim(rows, sender.id, self._cost)}
        rows = [row for row in rows if row.id in claimed]
        if not rows:
            sender_health.record(sender, [grant], self._cost, [], self._means.throttle)
            return None
        messages = [_message(row, claimed[row.id], sender, self._means.settings) for row in rows]
        return _Window(rows, messages, sender, grant, began_s, self._in_slots(sender, messages, grant, began_s))

    def _in_slots(
        self, sender: sender_pool.OpenSender, messages: Sequence[Message], grant: Grant, claimed_s: float
    ) -> "Future[list[Posted]]":
        slots_s = [grant.first_s + n * grant.interval_s for n in range(len(messages))]
        reserved = Reserved(len(messages))
        return self._means.transport().send(sender.provider, messages, slots_s, reserved, claimed_s + CLAIM_S)

    def _record(self, window: _Window) -> None:
        """Wait for the outcomes of a window and record them. What has no outcome waits, and is claimed again."""
        posted, grants = self._outcomes(window)
        outcomes = [(row.id, *_outcome(one)) for row, one in zip(window.rows, posted, strict=True)]
        db.persistently(lambda: _store(outcomes), RECORD_S)
        late = [row for row, one in zip(window.rows, posted, strict=True) if isinstance(one.answer, Late)]
        self._sent += sum(isinstance(one.answer, Accepted) for one in posted)
        size = self._means.transport().claim_size(window.sender.id, self._means.lane)
        size.learn(len(posted), time.monotonic() - window.claimed_s, late=bool(late))
        sender_health.record(window.sender, grants, self._cost, posted, self._means.throttle)
        self._tries.update(row.id for row in late)
        self._left.extend(row for row in late if self._tries[row.id] < TRIES)

    def _outcomes(self, window: _Window) -> tuple[list[Posted], list[Grant]]:
        """Return the outcomes of a window, and the grants that it took. What this process was too slow to post in its
        slot takes another one, while the claim is fresh."""
        posted, grants = window.posted.result(), [window.grant]
        until_s = window.claimed_s + CLAIM_S
        while time.monotonic() < until_s:
            late = [at for at, one in enumerate(posted) if isinstance(one.answer, Late)]
            grant = late and _slots(window.sender, len(late), self._cost, self._means, until_s)
            if not grant:
                break
            late = late[: grant.messages]
            again = self._in_slots(window.sender, [window.messages[at] for at in late], grant, window.claimed_s)
            for at, one in zip(late, again.result(), strict=True):
                posted[at] = one
            grants.append(grant)
        return posted, grants


def _slots(sender: sender_pool.OpenSender, want: int, cost: int, means: Means, until_s: float) -> Grant | None:
    """Take up to `want` slots, or return None if there is none until then (`time.monotonic()`)."""
    allowance = Allowance(sender.id, sender.rate_per_s, sender.daily_cap)
    while True:
        try:
            answer = means.throttle.take(
                allowance, want, means.lane, unit=cost, ahead=means.ahead, within_s=CLAIM_S, now=means.throttle.now()
            )
        except redis.RedisError as error:
            log.warning("throttle.unreachable", error=type(error).__name__)
            return None
        if isinstance(answer, Grant):
            return answer
        if time.monotonic() + answer.seconds >= until_s:
            return None
        time.sleep(answer.seconds)


class _Claimed(NamedTuple):
    """Where a message goes, and what is secret in its words."""

    id: int
    address: str
    hidden: direct_secrets.Secrets
    contact_id: int | None


def _claim(rows: Sequence[Any], sender_id: int, cost: int) -> list[_Claimed]:
    """Claim messages: those that are still needed, and that no other process has. The others are left out.

    What goes to a contact that was removed, changed and not verified, or cannot be read, fails. One that PostgreSQL
    refuses waits, and rings an alarm (law 15).
    """

    def work(some: Sequence[Any]) -> list[_Claimed]:
        with transaction() as s:
            return _claim_together(s, [row.id for row in some], sender_id, cost, datetime.now(UTC))

    def refused(row: Any, why: Exception) -> None:
        alarms.refused_row(f"claim message {row.id} to one person", why, datetime.now(UTC))

    return [one for some in db.in_halves(rows, work, refused) for one in some]


def _claim_together(s: Session, ids: Sequence[int], sender_id: int, cost: int, now: datetime) -> list[_Claimed]:
    claimed = s.execute(
        text(_CLAIM), {"ids": list(ids), "sender": sender_id, "cost": cost, "now": now, **rules.city_quiet(now)}
    ).all()
    opened = {row.id: direct_requests.opened(row) for row in claimed}
    hidden = direct_secrets.made(s, [row for row in claimed if opened[row.id][0]], now)
    ready, failed = [], []
    for row in claimed:
        address, reason = opened[row.id]
        if address and row.id in hidden:
            ready.append(_Claimed(row.id, address, hidden[row.id], row.contact_id))
        else:
            failed.append((row.id, "failed", reason or "not-needed", ""))
    if failed:
        _store_in(s, failed, now)
    return ready


# Locked in one order, and not waited for: another process may have some of them.
_CLAIM = f"""
    UPDATE direct_messages m SET state = 'claimed', claimed_at = :now, sender_id = :sender, cost = :cost
     WHERE m.id IN (SELECT m.id FROM direct_messages m
                     WHERE m.id = ANY(CAST(:ids AS bigint[])) AND m.state = 'waiting' AND {NEEDED} AND {BY_DAY}
                     ORDER BY m.id FOR NO KEY UPDATE SKIP LOCKED)
    RETURNING m.id, m.kind, m.channel, coalesce(m.operator_id, m.joining_id, m.contact_id) AS person,
              {direct_requests.CONTACT} AS contact_id, {direct_requests.ADDRESS}
"""


def _message(row: Any, claimed: _Claimed, sender: sender_pool.OpenSender, settings: Settings) -> Message:
    subject, words = (direct_secrets.put_in(claimed.hidden, one) for one in (row.subject, row.text))
    return direct_requests.message(row, words, subject, sender.address, claimed.address, settings, claimed.contact_id)


Outcome = tuple[int, str, str, str]  # id, state, reason, reference


def _outcome(posted: Posted) -> tuple[str, str, str]:
    answer = posted.answer
    if isinstance(answer, SendError):
        return "waiting" if answer.retryable else "failed", answer.code, ""
    reason = answer.code if isinstance(answer, Ambiguous) else ""
    return OUTCOMES[type(answer)], reason, answer.reference if isinstance(answer, Accepted) else ""


def _store(outcomes: Sequence[Outcome]) -> None:
    with transaction() as s:
        _store_in(s, outcomes, datetime.now(UTC))
    states = Counter(state for _, state, _, _ in outcomes)
    others = {number: reason or state for number, state, reason, _ in outcomes if state != "accepted"}
    log.info("direct_messages.sent", states=dict(states), others=others)


def _store_in(s: Session, outcomes: Sequence[Outcome], now: datetime) -> None:
    ids, states, reasons, references = (list(column) for column in zip(*outcomes, strict=True))
    s.execute(
        text("""UPDATE direct_messages m SET state = x.state, reason = x.reason, reference = x.reference,
                       settled_at = CASE WHEN x.state = 'waiting' THEN NULL ELSE CAST(:now AS timestamptz) END
                  FROM unnest(CAST(:ids AS bigint[]), CAST(:states AS text[]), CAST(:reasons AS text[]),
                              CAST(:references AS text[])) AS x (id, state, reason, reference)
                 WHERE m.id = x.id AND m.state = 'claimed'"""),
        {"ids": ids, "states": states, "reasons": reasons, "references": references, "now": now},
    )
