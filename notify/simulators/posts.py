"""Posts on the timelines of the social networks."""

import time
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass

from markupsafe import Markup

from notify.simulators.arrivals import Arrival

KEPT_KEYS_S = 3600  # Mastodon remembers an Idempotency-Key for an hour
WINDOW_S = 300  # of the rate limit; windows start at multiples of it


@dataclass(slots=True)
class Post:
    order: int
    provider: str
    account: str
    id: str
    text: str
    html: Markup  # as the network shows it
    language: str | None
    visibility: str
    sensitive: bool
    spoiler: str
    arrival: Arrival

    @property
    def created(self) -> float:
        return self.arrival.at


class Timeline:
    def __init__(self) -> None:
        self.posts: list[Post] = []  # oldest first
        self._keys: OrderedDict[str, tuple[float, Post]] = OrderedDict()
        self._window = 0
        self._used = 0
        self._hour = 0
        self._used_in_hour = 0

    def of(self, provider: str) -> Iterator[Post]:
        return (post for post in self.posts if post.provider == provider)

    def keep(self, post: Post, key: str) -> None:
        self.posts.append(post)
        if key:
            self._keys[key] = (time.time(), post)

    def repeated(self, key: str) -> Post | None:
        """Return the post made with this key within the last hour."""
        oldest = time.time() - KEPT_KEYS_S
        while self._keys and next(iter(self._keys.values()))[0] < oldest:
            self._keys.popitem(last=False)
        return self._keys[key][1] if key in self._keys else None

    def count(self, at: float) -> tuple[int, int]:
        """Count a request. Return the number of requests in this window and the start of the next one."""
        window = int(at // WINDOW_S)
        if window != self._window:
            self._window, self._used = window, 0
        self._used += 1
        return self._used, (window + 1) * WINDOW_S

    def count_in_hour(self, at: float) -> int:
        """Count a request. Return the number of requests in this hour."""
        hour = int(at // 3600)
        if hour != self._hour:
            self._hour, self._used_in_hour = hour, 0
        self._used_in_hour += 1
        return self._used_in_hour
