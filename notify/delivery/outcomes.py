"""Turn a provider's answer into the next states of the deliveries of one post. This is decided only here."""

from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

from notify.channels.contract import Accepted, Ambiguous, Late, Recipient, SendError, Suppress
from notify.delivery.transport import Posted
from notify.models.states import DeliveryState


class Outcome(NamedTuple):
    """The next state of one delivery."""

    delivery_id: int
    to: DeliveryState
    reason: str | None = None
    reference: str | None = None
    sent_at: datetime | None = None
    suppress: Suppress = ""
    counts: bool = True  # as an attempt; not if it missed its slot, was told "429: later", or the provider is broken


def outcomes(
    posted: Posted, attempts: dict[int, int], max_attempts: int, *, troubled: bool = False
) -> Iterator[Outcome]:
    """Yield an outcome for each recipient. `attempts`: how often each delivery was tried, this time included.

    `troubled`: the provider refuses everything, so its refusal says nothing about this message.
    """
    answer = posted.answer
    for place, recipient in enumerate(posted.message.recipients):
        match answer:
            case Accepted(reference):
                yield Outcome(
                    recipient.delivery_id, DeliveryState.ACCEPTED, reference=reference, sent_at=posted.left_at
                )
            case Ambiguous():
                yield Outcome(recipient.delivery_id, DeliveryState.UNKNOWN, answer.code)
            case Late():
                yield Outcome(recipient.delivery_id, DeliveryState.QUEUED, counts=False)
            case SendError():
                tired = attempts[recipient.delivery_id] >= max_attempts and not troubled
                yield _refused(answer, place, recipient, tired=tired, troubled=troubled)


def _refused(error: SendError, place: int, recipient: Recipient, *, tired: bool, troubled: bool) -> Outcome:
    """Return the outcome of a definite refusal: queue again, or fail with the provider's code as the reason."""
    if error.retryable and (troubled or error.retry_after_s is not None):  # says nothing about this message
        return Outcome(recipient.delivery_id, DeliveryState.QUEUED, counts=False)
    innocent = bool(error.positions) and place not in error.positions
    ours = error.blame == "us" and not error.retryable  # the sender stops; another one, or a repaired one, goes on
    if (error.retryable or innocent or ours) and not tired:
        return Outcome(recipient.delivery_id, DeliveryState.QUEUED)
    suppress = error.suppress if error.blame == "recipient" and not innocent else ""
    return Outcome(recipient.delivery_id, DeliveryState.FAILED, error.code, suppress=suppress)
