"""The state of the simulator, in memory only."""

from itertools import count
from random import Random
from secrets import token_hex

from notify.simulators.arrivals import Log
from notify.simulators.behaviour import Behaviour
from notify.simulators.config import Config
from notify.simulators.courier import Courier
from notify.simulators.mails import Inboxes
from notify.simulators.posts import Timeline
from notify.simulators.service_requests import Stored
from notify.simulators.texts import Phones


class World:
    def __init__(self, config: Config) -> None:
        self.config = config
        self.behaviour = Behaviour()
        self.chance = Random(config.seed)  # noqa: S311 - dice for faults, not keys
        self.courier = Courier()
        self.forget()

    def forget(self) -> None:
        """Empty the phones, inboxes, timeline and logs. The behaviour stays as it is."""
        self.courier.forget()
        self.log = Log()
        self.phones = Phones()
        self.inboxes = Inboxes()
        self.timeline = Timeline()
        self.service_requests = Stored()
        self._orders = count(1)
        self._epoch = token_hex(4)
        self._version = 0

    def next_order(self) -> int:
        """Return the number of the next message, counted over all providers."""
        self.touch()
        return next(self._orders)

    def touch(self) -> None:
        """Note that something shown on a page has changed."""
        self._version += 1

    @property
    def version(self) -> str:
        return f"{self._epoch}-{self._version}"
