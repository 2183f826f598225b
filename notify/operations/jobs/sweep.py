"""Resume dropped work (a dead worker's batches, lost doorbells, unknown outcomes), and finish alerts."""

from datetime import UTC, datetime

import structlog

from notify.core import db
from notify.core.db import transaction
from notify.core.settings import settings
from notify.delivery import carrier_blocks, predictions, recovery
from notify.models import Lane
from notify.operations import tasks
from notify.operations.jobs.steps import each

log = structlog.get_logger()

REMEMBERED = "tocsin:remembers"  # a key that is missing only after Redis was wiped


def run() -> None:
    """Resume dropped work and finish alerts. A failed step does not stop the others."""
    now = datetime.now(UTC)
    if db.exists(_IN_WORK):
        each(
            recovery.take_back_expired_leases,
            lambda: carrier_blocks.settle_refusals(now),
            lambda: tasks.ring_unresolved(recovery.unresolved_alerts(now)),
            _ring_batches,
            lambda: recovery.finish_alerts(now),
            lambda: _measure_forecasts(now),
        )


_IN_WORK = """
    SELECT FROM alerts WHERE state = 'sending'
    UNION ALL SELECT FROM batches WHERE state IN ('waiting', 'leased', 'unsettled')
    UNION ALL SELECT FROM carrier_refusals WHERE settled_at IS NULL
    UNION ALL SELECT FROM predictions WHERE NOT measured
"""


def _ring_batches() -> None:
    wiped, idle = _redis_state()
    old_s = settings().reconcile_after_s
    each(
        lambda: tasks.ring_batches(recovery.unrung_batches(wiped=wiped, idle=idle)),
        lambda: tasks.ring_unsettled(recovery.unsettled_batches(old_s, wiped=wiped, idle=idle)),
    )


def _redis_state() -> tuple[bool, list[Lane]]:
    """Whether Redis was wiped since the last sweep, and the lanes whose queue is empty."""
    memory = tasks.redis_client()
    wiped = bool(memory.set(REMEMBERED, 1, nx=True))
    if wiped:
        log.warning("redis.wiped")
    return wiped, [lane for lane in Lane if memory.llen(lane.value) == 0]


def _measure_forecasts(now: datetime) -> None:
    with transaction() as s:
        predictions.measure(s, now)
