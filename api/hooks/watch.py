"""Raise alarms when a provider's webhooks are refused repeatedly or cannot be read."""

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

REFUSALS, WITHIN_S = 5, 24 * 3600.0  # low, because a small city gets few texts a day and would lose all of them


class Watch:
    """The alarms about a provider's webhooks in this process. For use on the event loop."""

    def __init__(self, provider: str) -> None:
        self._provider = provider
        self._threads = Threads(f"alarms-{provider}", 1, 20)
        self._refused_s: deque[float] = deque(maxlen=REFUSALS)
        self._sounding: set[str] = set()  # kinds being stored; another one meanwhile would add nothing

    async def refused(self) -> None:
        """Note that a webhook that looks genuine was refused because of its signature."""
        now_s = time.monotonic()
        self._refused_s.append(now_s)
        if len(self._refused_s) == REFUSALS and now_s - self._refused_s[0] <= WITHIN_S:
            await self._sound(
                alarms.WEBHOOK_REFUSED,
                f"Webhooks of {self._provider} are refused because of their signature: every STOP and receipt is lost."
                f" TOCSIN_PUBLIC_URL is {settings().public_url}; it must be the address that {self._provider} calls,"
                " and the token or key must be the provider's.",
            )

    async def unreadable(self, reasons: Sequence[str]) -> None:
        """Raise an alarm for the parts of a signed webhook that could not be read. The rest was stored."""
        await self._sound(
            alarms.WEBHOOK_UNREADABLE,
            f"{self._provider} sent {counted(len(reasons), 'item')} that cannot be read and were set aside."
            f" The first: {reasons[0]} Check the provider for complaints and opt-outs.",
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
