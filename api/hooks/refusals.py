"""Limit the answers to addresses that keep sending webhooks with wrong signatures, and keep them out of the log."""

import time

MOST_A_MINUTE = 60
MOST_ADDRESSES = 10_000


class Refusals:
    """Refusals in this process by address. A correctly signed webhook is never counted or refused."""

    def __init__(self) -> None:
        self._minute = 0
        self._counts: dict[str, int] = {}

    def too_many(self, address: str) -> bool:
        """Count a refusal. Return whether the address is over the limit."""
        minute = int(time.monotonic() // 60)
        if minute != self._minute or len(self._counts) > MOST_ADDRESSES:
            self._minute, self._counts = minute, {}
        self._counts[address] = self._counts.get(address, 0) + 1
        return self._counts[address] > MOST_A_MINUTE
