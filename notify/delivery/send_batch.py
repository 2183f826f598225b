"""Send one leased batch, window by window: take tokens, claim, post, record.

No transaction is open during a provider call (law 5). The claim checks that a delivery may still go out: its alert is
still being sent, its resident still wants it and has not opted out. The claim comes after the tokens and less than half
a second before the post (law 4). Nothing is claimed so late that it could leave, or wait at the provider, after its
alert has expired (`leases.LAST_S`).
"""

import threading
import time
from collections.abc import Hashable, Mapping, Sequence
from datetime import UTC, datetime

import redis
import structlog

from notify.channels.contract import Content, Late, Message, Recipient, SendError
from notify.content.together import Words
from notify.core import db
from notify.core.settings import Settings
from notify.delivery import (
    carrier_blocks,
    claims,
    exercise,
    leases,
    recording,
    recovery,
    sender_health,
    sender_pool,
    unreadable,
)
from notify.delivery.capacity import ClaimSize, Window
from notify.delivery.claims import Claimed
from notify.delivery.leases import CLAIM_S, Lease
from notify.delivery.outcomes import outcomes
from notify.delivery.requests import content, message, recipients
from notify.delivery.throttle import SLICE_S, Allowance, Grant, Throttle, Wait
from notify.delivery.transport import Posted, Transport

log = structlog.get_logger()

BUSY_S = 0.005  # while this process has too many posts waiting to start
LONGEST_WAIT_S = 2.0  # a batch that would have to wait longer is given back
NOBODY_PAUSE_S = 5.0  # when no sender is open
AWAY_PAUSE_S = 0.5  # while PostgreSQL is away
REMEMBER_S = 120.0  # how long outcomes are kept in memory while PostgreSQL is away
BROKEN_PAUSE_S = 10.0  # after an unexpected error
BACK_OFF_S, LONGEST_BACK_OFF_S = 0.5, 30.0  # when a whole window is refused: doubled with each attempt


class LeasedBatch:
    """One batch while this process holds its lease.

    `stop` is set when the process is to end: the window in flight is finished, the rest is given back.
    """

    def __init__(
        self, held: Lease, settings: Settings, throttle: Throttle, transport: Transport, stop: threading.Event
    ) -> None:
        self._held = held
        self._settings = settings
        self._throttle = throttle
        self._transport = transport
        self._stop = stop
        self._content = content(held, settings)
        self._left = held.size  # the most that is left to claim
        self._last = 0  # the delivery that was claimed last
        self._refused: list[int] = []  # deliveries that PostgreSQL refuses to claim
        self._held_since_s = time.monotonic()

    def send(self) -> bool:
        """Send until nothing is left to claim, the wait is long, the process is to stop, or the lease is lost.

        Returns False when all batches of the channel would have long to wait.
        """
        pause_s = BROKEN_PAUSE_S
        try:
            pause_s = self._send_windows()
        finally:
            db.persistently(lambda: leases.finish(self._held, not_before_s=pause_s), REMEMBER_S)
        return not pause_s or self._held.only_sender is not None or bool(self._refused)

    def _send_windows(self) -> float:
        """Send window after window. Returns how long the batch should rest, in seconds."""
        while not self._stop.is_set():
            try:
                pause_s = self._step()
            except db.AWAY as error:
                log.warning("database.away", error=db.reason(error))
                self._stop.wait(AWAY_PAUSE_S)
                continue
            if pause_s is not None:
                return pause_s
        return 0.0

    def _step(self) -> float | None:
        """Send one window or wait briefly. Returns how long the batch should rest, in seconds; None to go on."""
        if not self._holds():
            return 0.0
        found = sender_pool.open_senders(self._held.channel, self._held.only_sender)
        allowed = [x for x in found if exercise.may_carry(self._settings, x.provider, self._held.status)]
        if found and not allowed:
            recovery.end_exercise(self._held.batch_id, self._held.alert_id, self._held.status, self._held.now())
            return 0.0
        window = self._next_window(allowed)
        if isinstance(window, Window):
            pause_s = self._send_window(window)
            if pause_s is None:  # only refused ones may be left: do not try again at once
                return BROKEN_PAUSE_S if self._refused else 0.0
            return pause_s or None
        if window > LONGEST_WAIT_S:
            return min(window, LONGEST_BACK_OFF_S)  # the thread is free for other work meanwhile
        self._stop.wait(window)
        return None

    def _holds(self) -> bool:
        """Return whether the lease is still ours; renew it when a quarter of it has passed."""
        if time.monotonic() - self._held_since_s < self._settings.lease_s / 4:
            return True
        self._held_since_s = time.monotonic()
        return leases.renew(self._held, self._settings.lease_s)

    def _next_window(self, allowed: Sequence[sender_pool.OpenSender]) -> Window | float:
        """Take slots at the first of these senders that has some, or return how long to wait, in seconds.

        Without an open sender, or without Redis, nothing is sent.
        """
        soonest_s = NOBODY_PAUSE_S
        for sender in allowed:
            window = self._take_slots(sender, self._left, self._left)
            if isinstance(window, Window):
                return window
            soonest_s = min(soonest_s, window)
        return soonest_s

    def _take_slots(
        self, sender: sender_pool.OpenSender, want: int, in_all: int, within_s: float = CLAIM_S
    ) -> Window | float:
        """Take up to `want` slots at one sender in the next `within_s`, as many as this process can use, or return how
        long to wait, in seconds. `in_all`: how many are wanted, later ones included."""
        most = self._most_recipients(sender)
        reserved = self._transport.reserve(sender.provider, 1 if most > 1 else want)
        if reserved is None:
            return BUSY_S
        answer: Grant | Wait | None = None
        try:
            answer = self._throttle.take(
                Allowance(sender.id, sender.rate_per_s, sender.daily_cap),
                in_all,
                self._held.lane,
                unit=self._held.cost,
                bulk=most > 1,
                at_once=min(want, most) if most > 1 else reserved.messages,
                within_s=within_s,
                now=self._throttle.now(),
            )
        except redis.RedisError as error:
            log.warning("throttle.unreachable", error=type(error).__name__)
            return LONGEST_WAIT_S
        except db.AWAY as error:
            # The day's tokens had to be counted. Requests may be in flight, and their outcomes must not be lost.
            log.warning("throttle.count_failed", error=db.reason(error))
            return LONGEST_WAIT_S
        finally:
            if not isinstance(answer, Grant):
                self._transport.release(sender.provider, reserved)
        return Window(sender, answer, reserved, most > 1) if isinstance(answer, Grant) else answer.seconds

    def _send_window(self, window: Window) -> float | None:
        """Claim, post and record. Returns how long the batch should rest, in seconds; None if nothing was left to
        claim."""
        sender = window.sender
        messages: list[Message] = []
        pause_s = 0.0
        asked, claimed_s, began = self._worth_claiming(window), time.monotonic(), datetime.now(UTC)
        try:
            claimed = claims.claim_apart(
                self._held,
                sender.id,
                asked,
                self._held.now(),
                self._last,
                self._refused,
                blocks=sender.blocks,
            )
            if claimed:
                self._last = max(one.delivery_id for one in claimed)
                opened, damaged = recipients(claimed, self._held, self._settings)
                words = {one.delivery_id: one.words for one in claimed if one.words}
                messages = self._messages(sender, opened, words)
                if damaged:
                    pause_s = self._put_aside(damaged)
        finally:
            if not messages:
                self._transport.release(sender.provider, window.reserved)
        if not claimed or not messages:
            sender_health.record(sender, [window.grant], self._held.cost, [], self._throttle)
            # Nothing is left, or all deliveries of this window were skipped or passed on, or cannot be read.
            return None if claimed is None else pause_s
        posted, grants = self._post(window, messages, claimed_s + CLAIM_S)
        left_s, late = (posted[-1].left_at - began).total_seconds(), isinstance(posted[-1].answer, Late)
        self._claim_size(sender).learn(asked, left_s, late=late)
        try:
            # A provider in trouble refuses everything. No message is given up for that: the breaker makes them wait.
            troubled = sender_health.record(sender, grants, self._held.cost, posted, self._throttle)
        except Exception:  # whatever the error is, the outcomes exist only here
            self._record(posted, claimed, troubled=True)
            raise
        return self._record(posted, claimed, troubled=troubled)

    def _worth_claiming(self, window: Window) -> int:
        """Return how many to claim: those that have slots now, and others that will soon, to make fewer claims."""
        if self._most_recipients(window.sender) > 1 or window.grant.trial:
            return window.grant.messages
        soon = int(window.sender.rate_per_s * SLICE_S / self._held.cost)
        return max(window.grant.messages, min(soon, self._left, self._claim_size(window.sender).messages))

    def _claim_size(self, sender: sender_pool.OpenSender) -> ClaimSize:
        return self._transport.claim_size(sender.id, self._held.lane)

    def _messages(
        self, sender: sender_pool.OpenSender, opened: Sequence[Recipient], words: Mapping[int, Words]
    ) -> list[Message]:
        """`words`: those of digests, by delivery; all others have the words of the alert."""
        lasts_s = int((self._held.expires_at - self._held.now()).total_seconds() - CLAIM_S)
        together = self._most_recipients(sender) > 1
        groups: dict[Hashable, list[Recipient]] = {}
        for one in opened:
            said = words.get(one.delivery_id)
            groups.setdefault(said if together else one.delivery_id, []).append(one)
        return [
            message(self._worded(words.get(group[0].delivery_id)), sender.address, group, self._settings, lasts_s)
            for group in groups.values()
        ]

    def _worded(self, said: Words | None) -> Content:
        return content(self._held, self._settings, said) if said else self._content

    def _put_aside(self, damaged: Sequence[Claimed]) -> float:
        """Record unreadable deliveries apart from the others. Returns how long the batch should rest, in seconds."""
        results, fits = unreadable.outcomes(damaged, self._held.alert_id, self._held.now())
        claimed_at = damaged[0].claimed_at
        recording.record_apart(self._held, results, claimed_at, REMEMBER_S)
        return 0.0 if fits else BROKEN_PAUSE_S

    def _post(self, first: Window, messages: Sequence[Message], until_s: float) -> tuple[list[Posted], list[Grant]]:
        """Post all messages, grant by grant, while the claim is fresh. One that misses its slot gets another."""
        posted: list[Posted] = []
        grants: list[Grant] = []
        left, window = list(messages), first
        beyond = max(0, self._left - sum(len(message.recipients) for message in messages))
        more: Window | None = first
        while left and more is not None:
            flights = []
            while left and more is not None:
                window, slots_s = more, more.slots_s[: len(left)]
                grants.append(window.grant)
                now, left = left[: len(slots_s)], left[len(slots_s) :]
                flights.append(self._transport.send(window.sender.provider, now, slots_s, window.reserved, until_s))
                more = self._more_slots(window.sender, left, beyond, until_s) if left else None
            for answer in (answer for flight in flights for answer in flight.result()):
                if isinstance(answer.answer, Late):
                    left.append(answer.message)
                else:
                    posted.append(answer)
            more = self._more_slots(window.sender, left, beyond, until_s) if left else None
        return posted + [Posted(message, Late(), datetime.now(UTC)) for message in left], grants

    def _more_slots(
        self, sender: sender_pool.OpenSender, left: Sequence[Message], beyond: int, until_s: float
    ) -> Window | None:
        """Take slots for messages that are claimed already. Return None if they would come too late for that claim.

        `beyond`: how many are not claimed yet. They are asked for, too, so that an emergency keeps its precedence.
        """
        want = sum(len(message.recipients) for message in left)
        while not self._stop.is_set() and time.monotonic() < until_s:
            window = self._take_slots(sender, want, want + beyond, until_s - time.monotonic())
            if isinstance(window, Window):
                if window.grant.messages >= len(left[0].recipients):
                    return window
                self._transport.release(sender.provider, window.reserved)
                sender_health.record(sender, [window.grant], self._held.cost, [], self._throttle)
                return None
            if time.monotonic() + window > until_s:
                return None
            self._stop.wait(window)
        return None

    def _record(self, posted: Sequence[Posted], claimed: Sequence[Claimed], *, troubled: bool) -> float:
        attempts = {one.delivery_id: one.attempts for one in claimed}
        most = self._settings.max_attempts
        results = [o for p in posted for o in outcomes(p, attempts, most, troubled=troubled)]
        # The outcomes exist only here. If one is lost, the provider must be asked, or the message is sent twice.
        recording.record_apart(self._held, results, claimed[0].claimed_at, REMEMBER_S)
        if any(o.suppress == carrier_blocks.REASON for o in results):
            sender_pool.read_anew()
        self._left = max(1, self._left - sum(not isinstance(p.answer, Late) for p in posted))
        errors = [p.answer for p in posted if isinstance(p.answer, SendError)]
        if troubled or not any(error.retryable for error in errors) or len(errors) < len(posted):
            return 0.0
        return min(BACK_OFF_S * 2.0 ** max(attempts.values()), LONGEST_BACK_OFF_S)

    def _most_recipients(self, sender: sender_pool.OpenSender) -> int:
        return self._transport.adapter(sender.provider).max_recipients
