"""Seats: limit the long computations that one caller may have running at once."""

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from api.errors import TooMany

AREAS_AT_ONCE = 4  # per key; while drawing, a page asks again before the last answer has arrived

_lock = threading.Lock()
_taken: Counter[int] = Counter()


@contextmanager
def area_seat(key_id: int) -> Iterator[None]:
    """Hold a seat while an area is computed for a key. Raises TooMany."""
    with _lock:
        if _taken[key_id] >= AREAS_AT_ONCE:
            raise TooMany(
                f"{AREAS_AT_ONCE} areas are being computed for this key.", hint="Wait for one of the answers."
            )
        _taken[key_id] += 1
    try:
        yield
    finally:
        with _lock:
            _taken[key_id] -= 1
            if not _taken[key_id]:
                del _taken[key_id]
