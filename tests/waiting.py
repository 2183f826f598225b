"""Tests do not sleep: they wait for a condition, with a deadline."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def until(condition: Callable[[], T], within_s: float, what: str) -> T:
    """What the condition returns, as soon as that is true. Raises AssertionError if it is not after the deadline."""
    deadline = time.monotonic() + within_s
    while True:
        late = time.monotonic() > deadline  # before the look, because this process may stand still after it
        if answer := condition():
            return answer
        if late:
            raise AssertionError(f"After {within_s:g} s still not: {what}")
        time.sleep(0.05)
