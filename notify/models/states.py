"""The states of alerts, deliveries and batches. `core/states.py` defines the allowed transitions."""

from enum import StrEnum


class AlertState(StrEnum):
    DRAFT = "draft"  # being written
    APPROVED = "approved"  # area and words are frozen under the approver's hash
    SCHEDULED = "scheduled"  # will launch by itself at `launch_at`
    SENDING = "sending"  # launched: the audience is being resolved and written to
    PAUSED = "paused"  # launched, but nothing more goes out until it is resumed
    SENT = "sent"  # final: every delivery has left our hands
    CANCELLED = "cancelled"  # final: stopped by an operator; what had left has left
    EXPIRED = "expired"  # final: its time ran out first


class DeliveryState(StrEnum):
    QUEUED = "queued"  # to be sent
    HELD = "held"  # to be sent later: its resident has quiet time; see the reason
    SENDING = "sending"  # claimed by a worker: the provider may already have it
    UNKNOWN = "unknown"  # it may or may not have reached the provider; never sent again blindly
    ACCEPTED = "accepted"  # the provider has it
    DELIVERED = "delivered"  # the provider reports that it arrived; an email may still bounce
    UNDELIVERED = "undelivered"  # final: the provider reports that it did not arrive
    FAILED = "failed"  # final: refused by the provider
    SKIPPED = "skipped"  # final: left out, for the reason in the row
    CANCELLED = "cancelled"  # final: the alert was cancelled first
    EXPIRED = "expired"  # final: the alert expired first


class BatchState(StrEnum):
    WAITING = "waiting"  # for a worker
    HELD = "held"  # its deliveries are held until `held_until`
    LEASED = "leased"  # by one worker, until `lease_until`
    UNSETTLED = "unsettled"  # nothing left to send, but some outcomes are unknown
    DONE = "done"  # final: none of its deliveries is queued, held, sending or unknown
