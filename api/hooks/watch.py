"""Rings when a provider's webhooks are refused again and again, or hold what cannot be read."""

import time
from collections import deque
from collections.abc import Sequence
from datetime import UTC, datetime

import structlog
from sqlalchemy.exc import SQLAlchemyError

from api.hooks.threads import Threads
from notify.core import alarms, db
from notify.core.counting import counted
from notify.core.errors import Unavailable
from notify.core.settings import settings

log = structlog.get_logger()

REFUSALS, WITHIN_S = 5, 24 * 3600.0  # a small city gets few texts a day, and would lose each of them


class Watch:
    """Of one provider, in one process. For use on the event loop."""

    def __init__(self, provider: str) -> None:
        self._provider = provider
        self._threads = Threads(f"alarms-{provider}", 1, 20)
        self._refused_s: deque[float] = deque(maxlen=REFUSALS)
        self._sounding: set[str] = set()  # kinds that are being written down: more of them would say the same

    async def refused(self) -> None:
        """A webhook that looks like the provider's own was refused for its signature."""
        now_s = time.monotonic()
        self._refused_s.append(now_s)
        if len(self._refused_s) == REFUSALS and now_s - self._refused_s[0] <= WITHIN_S:
            await self._sound(
                alarms.WEBHOOK_REFUSED,
                f"Webhooks of {self._provider} are refused for their signature: every STOP and every receipt is lost."
                f" TOCSIN_PUBLIC_URL is {settings().public_url}; it must be the address that {self._provider} calls,"
                " and the token or key must be the provider's.",
            )

    async def unreadable(self, reasons: Sequence[str]) -> None:
        """Of a signed webhook, this much could not be read; the rest of it was kept."""
        await self._sound(
            alarms.WEBHOOK_UNREADABLE,
            f"{self._provider} told {counted(len(reasons), 'thing')} that cannot be read; set aside."
            f" The first: {reasons[0]} Look for complaints and opt-outs at the provider.",
        )

    async def _sound(self, kind: str, message: str) -> None:
        if kind in self._sounding:
            return
        self._sounding.add(kind)
        try:
            await self._threads.run(_sound, kind, message, self._provider)
        except (*db.AWAY, SQLAlchemyError, Unavailable) as error:
            log.error("alarm.not_kept", kind=kind, why=message, error=db.reason(error))
        finally:
            self._sounding.discard(kind)


def _sound(kind: str, message: str, provider: str) -> None:
    with db.transaction(db.hooks_engine) as s:
        alarms.sound(s, kind, message, datetime.now(UTC), about=provider)
