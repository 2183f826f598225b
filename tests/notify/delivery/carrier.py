"""A provider that does as it is told, and remembers what it has taken: what our rows may not contradict."""

import math
from collections import defaultdict
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar

from notify.channels.contract import Accepted, Ambiguous, HookRequest, Late, Message, Recall, Receipts, SendError


class Fate(StrEnum):
    """What becomes of one post."""

    TAKEN = "taken"
    BLOCKED = "taken, and refused by the carrier later"
    UNHEARD = "taken, but its answer is lost"
    LOST = "on its way: not taken, and nobody can tell"
    NEVER = "before it leaves: the worker is gone"
    MISSED = "too late for its slot"
    THROTTLED = "429"
    BROKEN = "503"
    UNAUTHORIZED = "401"
    INVALID = "21211"
    BARRED = "21610"


REFUSED = {
    Fate.THROTTLED: SendError("429", retryable=True, blame="provider", retry_after_s=1.0),
    Fate.BROKEN: SendError("503", retryable=True, blame="provider"),
    Fate.UNAUTHORIZED: SendError("20003", retryable=False, blame="us"),
    Fate.INVALID: SendError("21211", retryable=False, blame="recipient", suppress="invalid"),
    Fate.BARRED: SendError("21610", retryable=False, blame="recipient", suppress="carrier-block"),
}


@dataclass(slots=True)
class Post:
    """A message that was taken. `refused`: the carrier's word that it went nowhere has come."""

    delivery_id: int
    address: str
    sender_address: str
    reference: str
    is_blocked: bool
    refused: bool = False


class Carrier:
    """The adapter of this provider."""

    channel: ClassVar[str] = "sms"
    max_recipients: ClassVar[int] = 1
    recall: ClassVar[Recall] = Recall.ASK

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        self.posts: list[Post] = []
        self.wrong: list[str] = []  # what must not happen; an error raised in an adapter would only be logged
        self.is_silent = False  # when it is asked
        self.fates: dict[int, Fate] = defaultdict(lambda: Fate.TAKEN)  # of the next posts, by delivery
        self._doubtful: set[int] = set()  # deliveries that were posted, and nobody has asked since whether it was taken

    def out(self, delivery_id: int) -> list[Post]:
        """What was taken of a delivery and may reach its phone."""
        return [post for post in self.posts if post.delivery_id == delivery_id and not post.refused]

    async def send(self, message: Message, leave_by_s: float = math.inf) -> Accepted:
        (recipient,) = message.recipients
        one, fate = recipient.delivery_id, self.fates[recipient.delivery_id]
        if fate is Fate.MISSED:
            raise Late
        if self.out(one):
            self.wrong.append(f"delivery {one} was posted twice")
        if one in self._doubtful:
            self.wrong.append(f"delivery {one} was posted again, and nobody knew whether it was out")
        if fate in REFUSED:
            raise REFUSED[fate]
        if fate is not Fate.LOST:
            reference = f"SM{len(self.posts)}"
            self.posts.append(
                Post(one, recipient.address, message.sender_address, reference, is_blocked=fate is Fate.BLOCKED)
            )
        if fate in (Fate.LOST, Fate.UNHEARD):
            self._doubtful.add(one)
            raise Ambiguous("timeout")
        return Accepted(reference)

    async def find(self, message: Message, since_s: float) -> Accepted | None:
        if self.is_silent:
            raise SendError("503", retryable=True, blame="provider")
        (recipient,) = message.recipients
        self._doubtful.discard(recipient.delivery_id)
        for post in reversed(self.posts):
            if post.address == recipient.address and message.sender_address in ("", post.sender_address):
                return Accepted(post.reference)
        return None

    def parse_receipt(self, request: HookRequest) -> Receipts:
        raise NotImplementedError
