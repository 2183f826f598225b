"""Text messages and the phones that receive them. Look-ups take constant time."""

import sys
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field
from secrets import token_hex
from typing import Literal

from notify.simulators.arrivals import Arrival

SERVICE_NUMBER = "+15005550006"  # the number that a Messaging Service sends from; Twilio's own number for tests

Direction = Literal["outbound-api", "inbound", "outbound-reply"]


@dataclass(slots=True)
class Text:
    """One message, in either direction. Times are unix seconds."""

    order: int
    to: str
    sender: str  # the number it comes from
    body: str
    segments: int
    direction: Direction
    status: str
    created: float
    arrival: Arrival | None = None  # the request that created it, if any
    service: str = ""  # MG..., when sent through a Messaging Service
    callback: str = ""
    error_code: int | None = None
    sent: float | None = None
    updated: float = 0.0
    sid: str = field(default_factory=lambda: "SM" + token_hex(16))

    @property
    def mine(self) -> bool:
        """Whether the phone's owner wrote it."""
        return self.direction == "inbound"

    @property
    def line(self) -> str:
        """The sender that an opt-out blocks: the whole service, or one number."""
        return self.service or self.sender


@dataclass(slots=True)
class Phone:
    number: str
    conversation: list[Text] = field(default_factory=list)
    blocked: set[str] = field(default_factory=set)  # lines that it has sent STOP to
    problem: str = ""  # why its last reply did not arrive

    @property
    def last(self) -> Text:
        return self.conversation[-1]

    def correspondent(self) -> Text | None:
        """Return the last message sent to the phone; a reply goes to its sender."""
        return next((text for text in reversed(self.conversation) if not text.mine), None)


class Phones:
    def __init__(self) -> None:
        self._by_sid: dict[str, Text] = {}
        self._by_to: dict[str, list[Text]] = {}
        self._all: list[Text] = []
        self._phones: OrderedDict[str, Phone] = OrderedDict()  # the last one sent or received a message last

    def keep(self, text: Text) -> None:
        text.body = sys.intern(text.body)  # 20,000 phones get the same text; store it once
        self._by_sid[text.sid] = text
        self._by_to.setdefault(text.to, []).append(text)
        self._all.append(text)
        number = text.sender if text.mine else text.to
        self.phone(number).conversation.append(text)
        self._phones.move_to_end(number)

    def phone(self, number: str) -> Phone:
        """Return the phone with this number, created if it is new."""
        return self._phones.setdefault(number, Phone(number))

    def find_phone(self, number: str) -> Phone | None:
        return self._phones.get(number)

    def find(self, sid: str) -> Text | None:
        return self._by_sid.get(sid)

    def sent_to(self, number: str) -> list[Text]:
        return self._by_to.get(number, [])

    def texts(self) -> list[Text]:
        """Return all texts, oldest first."""
        return self._all

    def last_sender(self) -> str:
        """Return the number that the city sent from last; "" if it has sent nothing."""
        return next((text.sender for text in reversed(self._all) if text.direction == "outbound-api"), "")

    def latest(self, words: str = "") -> Iterator[Phone]:
        """Yield phones that have messages, latest first, whose number or last message contains `words`."""
        words = words.casefold().strip()
        for phone in reversed(self._phones.values()):
            if phone.conversation and (words in phone.number or words in phone.last.body.casefold()):
                yield phone

    def __len__(self) -> int:
        return len(self._phones)
