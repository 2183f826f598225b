"""Who sends webhooks without a right signature again and again is answered in fewer words, and not in the log."""

import time

MOST_A_MINUTE = 60
MOST_ADDRESSES = 10_000


class Refusals:
    """Of one process, by address. Only what was refused is counted: a signed webhook is never turned away."""

    def __init__(self) -> None:
        self._minute = 0
        self._counts: dict[str, int] = {}

    def too_many(self, address: str) -> bool:
        """Count one more; whether that is beyond the limit."""
        minute = int(time.monotonic() // 60)
        if minute != self._minute or len(self._counts) > MOST_ADDRESSES:
            self._minute, self._counts = minute, {}
        self._counts[address] = self._counts.get(address, 0) + 1
        return self._counts[address] > MOST_A_MINUTE
