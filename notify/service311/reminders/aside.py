"""Residents who are set aside for a while: something about them cannot be read or written, and others go on."""

import time
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TypeVar

import structlog

from notify.core import alarms, db

log = structlog.get_logger()

FOR_S = 600.0
R = TypeVar("R")


class Aside:
    """Who was set aside, by `time.monotonic()`. They are tried again after FOR_S: what is wrong may be mended."""

    def __init__(self) -> None:
        self._until_s: dict[int, float] = {}

    def now(self) -> Sequence[int]:
        """Return who is aside now."""
        now_s = time.monotonic()
        self._until_s = {one: until_s for one, until_s in self._until_s.items() if until_s > now_s}
        return list(self._until_s)

    def each(self, ids: Sequence[int], work: Callable[[Sequence[int]], R], act: str, now: datetime) -> list[R]:
        """Call `work` with all of them, and with fewer and fewer where it fails, until the culprits are known. These
        are set aside, and an alarm rings. Returns the results. Raises `db.AWAY`."""
        try:
            return [work(ids)]
        except db.AWAY:
            raise
        except Exception as error:
            if len(ids) == 1:
                self._until_s[ids[0]] = time.monotonic() + FOR_S
                log.error("reminders.set_aside", resident=ids[0], why=db.reason(error))
                alarms.refused_row(f"{act} resident {ids[0]}", error, now)
                return []
        middle = len(ids) // 2
        return [done for half in (ids[:middle], ids[middle:]) for done in self.each(half, work, act, now)]
