"""Seats: limit the long computations that one caller may have running at once."""

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from api.errors import TooMany
from notify.core.translation import gettext as _

AREAS_AT_ONCE = 4  # per key or operator; while drawing, a page asks again before the last answer has arrived

_lock = threading.Lock()
_taken: Counter[int | str] = Counter()


@contextmanager
def area_seat(who: int | str) -> Iterator[None]:
    """Hold a seat while an area is computed for a key, by its id, or for an operator at the console. Raises TooMany."""
    with _lock:
        if _taken[who] >= AREAS_AT_ONCE:
            computed = (
                f"{AREAS_AT_ONCE} areas are being computed for this key."
                if isinstance(who, int)
                else _("%(count)s areas are being computed for you.", count=AREAS_AT_ONCE)
            )
            raise TooMany(computed, hint=_("Wait for one of the answers."))
        _taken[who] += 1
    try:
        yield
    finally:
        with _lock:
            _taken[who] -= 1
            if not _taken[who]:
                del _taken[who]
