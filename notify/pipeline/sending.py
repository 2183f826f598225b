"""One batch, from its lease to its last window: take tokens, claim, post, record.

No transaction is open while a provider is asked (law 5). Whether a delivery may still go out, whether its alert is
still sending, its resident still wants it and its address is not opted out, is decided by the claim, which comes
after the tokens and less than half a second before the post (law 4).
"""

import threading
import time
from collections.abc import Sequence
from datetime import UTC, datetime

import redis
import structlog

from notify import crypto
from notify.channels.contract import Content, Message, Recipient, SendError
from notify.limits import Allowance, Grant, Throttle
from notify.pipeline import pool, records, senders
from notify.pipeline.records import Claimed, Lease
from notify.pipeline.transport import Late, Posted, Transport
from notify.pipeline.verdicts import outcomes
from notify.settings import Settings

log = structlog.get_logger()

LONGEST_WAIT_S = 2.0  # a batch that has longer to wait is given back
NOBODY_PAUSE_S = 5.0  # when no sender is open
BROKEN_PAUSE_S = 10.0  # after an error that nobody foresaw
BACK_OFF_S, LONGEST_BACK_OFF_S = 0.5, 30.0  # when a whole window is refused: doubled with each attempt


class Batch:
    """Sends one batch.

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
        self._left = held.size  # at most so many are to be claimed
        self._held_since_s = time.monotonic()

    def run(self) -> None:
        """Until nothing is left to claim, there is long to wait, the process is to stop, or the lease is lost."""
        pause_s = BROKEN_PAUSE_S
        try:
            pause_s = self._send()
        finally:
            records.finish(self._held, not_before_s=pause_s)

    def _send(self) -> float:
        """Window after window; returns for how long the batch should rest, in seconds."""
        while not self._stop.is_set() and self._holds():
            granted = self._tokens()
            if isinstance(granted, float):
                if granted > LONGEST_WAIT_S:
                    return min(granted, LONGEST_BACK_OFF_S)  # this thread has better things to do meanwhile
                self._stop.wait(granted)
                continue
            pause_s = self._window(*granted)
            if pause_s is None:
                return 0.0
            if pause_s > 0:
                return pause_s
        return 0.0

    def _holds(self) -> bool:
        """Whether the batch is still ours, asked when a quarter of the lease has passed."""
        if time.monotonic() - self._held_since_s < self._settings.lease_s / 4:
            return True
        self._held_since_s = time.monotonic()
        return records.renew(self._held, self._settings.lease_s)

    def _tokens(self) -> tuple[pool.OpenSender, Grant] | float:
        """Slots at the first sender that has some; else for how long to wait, in seconds.

        Without an open sender, or without Redis, nobody sends.
        """
        soonest_s = NOBODY_PAUSE_S
        for sender in pool.open_senders(self._held.channel, self._held.only_sender):
            most = self._transport.adapter(sender.provider).max_recipients
            try:
                answer = self._throttle.take(
                    Allowance(sender.id, sender.rate_per_s, sender.daily_cap),
                    max(1, min(self._left, most) if most > 1 else self._left),
                    self._held.lane,
                    unit=self._held.cost,
                    bulk=most > 1,
                    now=datetime.now(UTC),
                )
            except redis.RedisError as error:
                log.warning("throttle.unreachable", error=type(error).__name__)
                return LONGEST_WAIT_S
            if isinstance(answer, Grant):
                return sender, answer
            soonest_s = min(soonest_s, answer.seconds)
        return soonest_s

    def _window(self, sender: pool.OpenSender, grant: Grant) -> float | None:
        """Claim, post and record up to `grant.messages`. Returns how long the batch should pause, in seconds;
        None when nothing was left to claim."""
        claimed = records.claim(self._held, sender.id, grant.messages, datetime.now(UTC))
        if claimed is None:
            return None
        if not claimed:
            return 0.0  # all of this window has opted out in the meantime
        bulk = self._transport.adapter(sender.provider).max_recipients > 1
        now = datetime.now(UTC)
        groups = [claimed] if bulk else [[one] for one in claimed]
        messages = [message(self._content, sender.address, group, self._settings, self._held, now) for group in groups]
        slots_s = [grant.first_s + n * grant.interval_s for n in range(len(messages))]
        posted = self._transport.post(sender.provider, messages, slots_s)
        return self._record(sender, posted, claimed)

    def _record(self, sender: pool.OpenSender, posted: Sequence[Posted], claimed: Sequence[Claimed]) -> float:
        attempts = {one.delivery_id: one.attempts for one in claimed}
        results = [o for p in posted for o in outcomes(p, attempts, self._settings.max_attempts)]
        records.record(results, datetime.now(UTC))
        self._left = max(1, self._left - sum(not isinstance(p.answer, Late) for p in posted))
        errors = [p.answer for p in posted if isinstance(p.answer, SendError)]
        self._blame(sender, errors)
        if not any(error.retryable for error in errors) or len(errors) < len(posted):
            return 0.0
        return min(BACK_OFF_S * 2.0 ** max(attempts.values()), LONGEST_BACK_OFF_S)

    def _blame(self, sender: pool.OpenSender, errors: Sequence[SendError]) -> None:
        """Rest a sender whose provider asks for it; stop one that cannot work, and tell people."""
        waits_s = [error.retry_after_s for error in errors if error.retry_after_s is not None]
        if waits_s:
            self._throttle.close(sender.id, max(waits_s))
        ours = [error for error in errors if error.blame == "us" and not error.retryable and not error.positions]
        if ours:
            senders.stop(sender.id, f"{sender.provider} refuses it: {ours[0]}", datetime.now(UTC))


def content(held: Lease, settings: Settings) -> Content:
    """The words that all messages of a batch share."""
    return Content(
        alert_id=held.alert_id,
        language=held.language,
        topic=held.topic,
        subject=held.subject,
        text=held.text,
        html=held.html,
        list_id=f"{held.topic}.{settings.mail_domain}",
    )


def message(
    words: Content, sender_address: str, group: Sequence[Claimed], settings: Settings, held: Lease, now: datetime
) -> Message:
    """One request: the addresses are opened here and nowhere else."""
    return Message(
        content=words,
        sender_address=sender_address,
        recipients=[
            Recipient(
                one.delivery_id,
                crypto.unseal(one.address_sealed, held.channel),
                unsubscribe_url(settings, one.contact_id, words.topic) if held.channel == "email" else "",
            )
            for one in group
        ],
        callback_url=f"{settings.public_url}/hooks/twilio/status",
        valid_for_s=max(1, int((held.expires_at - now).total_seconds())),
    )


def unsubscribe_url(settings: Settings, contact_id: int, topic: str) -> str:
    """The one-click address of RFC 8058: whose, and of which list, signed so that nobody can make another's."""
    return f"{settings.public_url}/u/{crypto.sign_token('unsubscribe', f'{contact_id}.{topic}')}"
