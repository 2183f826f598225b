"""Learn of changes: one small query a second for all requests of a process."""

import asyncio
import math
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import structlog
from sqlalchemy import exc, text

from notify.core import db
from notify.core.errors import Unavailable, WrongKey

log = structlog.get_logger()

LOOK_S = 1.0  # how old a look may be
LATE_S = 1.25  # older than this, a request waits for the next look ...
PATIENCE_S = 0.5  # ... but no longer than this
STALE_S = 5.0  # without a look for so long, pages say that they may be old
GRACE_S = 0.4  # how long after a change was found a page from before it may still be answered ...
OFTEN_S = 1.5  # ... if the look before was no longer ago: after a quiet time the change may be as old as that time

# Whatever moves on or off a page or changes what it says: launches, other steps, ends, what is signed, editions of
# the collection days, and answers.
_VERSION = """
    SELECT concat_ws('|',
        (SELECT string_agg(concat_ws(' ', id, state, launched_at), ',' ORDER BY id) FROM alerts
          WHERE launched_at IS NOT NULL AND expires_at > :now),
        (SELECT max(signed_at) FROM statements),
        (SELECT concat_ws(' ', max(id), count(revoked_at)) FROM signing_keys),
        (SELECT max(number) FROM collection_editions),
        (SELECT string_agg(CAST(alert_id AS text), ',' ORDER BY alert_id) FROM standings WHERE unsaid),
        (SELECT max(id) FROM outage_steps),
        (SELECT concat_ws(' ', count(*), sum(version), max(changed_at)) FROM answers
          WHERE valid_from <= :now AND (valid_until IS NULL OR valid_until > :now)))
"""


class Version:
    """The version of all that is public. `value`: None before the first look."""

    def __init__(self) -> None:
        self.value: str | None = None
        self.seen_s = -math.inf  # when it was last read, by the clock of the event loop
        self.changed_s = -math.inf  # when it was last found changed
        self.grace_ends_s = -math.inf  # until when a page from before that change may be answered
        self._began_s = -math.inf
        self._look: asyncio.Task[None] | None = None
        self._thread = ThreadPoolExecutor(1, "version")  # no other work of the process may keep it waiting

    def is_stale(self, now_s: float) -> bool:
        return now_s - self.seen_s > max(STALE_S, LOOK_S)

    def is_due(self, now_s: float) -> bool:
        return now_s - self.seen_s >= LOOK_S

    async def look(self, now_s: float) -> None:
        """Look, together with all others who do. Wait for it only if the last look is old, and not for long."""
        if self._look is None or self._look.done():
            self._began_s = now_s
            self._look = asyncio.create_task(self._read())
        left_s = self._began_s + PATIENCE_S - now_s
        if now_s - self.seen_s >= min(LATE_S, LOOK_S * LATE_S) and left_s > 0:
            await asyncio.wait([self._look], timeout=left_s)

    async def _read(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            found = await loop.run_in_executor(self._thread, _version)
        except (*db.AWAY, exc.DBAPIError, Unavailable, WrongKey) as error:
            log.warning("front.not_looked", error=db.reason(error))
            await asyncio.sleep(min(LOOK_S, db.TRY_AGAIN_S))  # so that a flood of requests does not ask in a loop
            return
        before_s, self.seen_s = self.seen_s, loop.time()
        if found != self.value:
            self.value, self.changed_s = found, self.seen_s
            self.grace_ends_s = self.seen_s + (GRACE_S if self.seen_s - before_s <= LOOK_S * OFTEN_S else 0)


def _version() -> str:
    with db.front_engine().connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        return str(connection.execute(text(_VERSION), {"now": datetime.now(UTC)}).scalar_one())
