"""Tests do not sleep: they wait for a condition, with a deadline."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def until(condition: Callable[[], T], within_s: float, what: str) -> T:
    """What the condition returns, as soon as that is true. Raises AssertionError after the deadline."""
    deadline = time.monotonic() + within_s
    while not (answer := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"After {within_s:g} s still not: {what}")
        time.sleep(0.05)
    return answer
