"""Everything the simulator remembers, in memory only."""

from itertools import count
from random import Random
from secrets import token_hex

from notify.simulators.arrivals import Log
from notify.simulators.behaviour import Behaviour
from notify.simulators.config import Config
from notify.simulators.courier import Courier
from notify.simulators.mails import Inboxes
from notify.simulators.posts import Timeline
from notify.simulators.texts import Phones


class World:
    def __init__(self, config: Config) -> None:
        self.config = config
        self.behaviour = Behaviour()
        self.chance = Random(config.seed)  # noqa: S311 - dice for faults, not keys
        self.courier = Courier()
        self.forget()

    def forget(self) -> None:
        """Start with empty phones, inboxes and logs. The behaviour stays as it was set."""
        self.courier.forget()
        self.log = Log()
        self.phones = Phones()
        self.inboxes = Inboxes()
        self.timeline = Timeline()
        self._orders = count(1)
        self._epoch = token_hex(4)
        self._version = 0

    def next_order(self) -> int:
        """The place of a message among all messages of all providers."""
        self.touch()
        return next(self._orders)

    def touch(self) -> None:
        """Something that a page shows has changed."""
        self._version += 1

    @property
    def version(self) -> str:
        return f"{self._epoch}-{self._version}"
