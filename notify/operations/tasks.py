"""Celery's tasks and the doorbells (messages) that call them. There are no rules here."""

import os
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime

import redis
import structlog
from celery import Celery
from kombu.exceptions import OperationalError
from sqlalchemy.exc import ProgrammingError

from notify.channels.registry import PROVIDERS
from notify.core.db import AWAY, reason
from notify.core.errors import Unavailable
from notify.core.process import once
from notify.core.settings import settings
from notify.delivery import fanout, leases, recovery
from notify.delivery.breaker import Break
from notify.delivery.recovery import Doorbell
from notify.delivery.throttle import Throttle
from notify.delivery.transport import Transport
from notify.delivery.worker_slots import WorkerSlots
from notify.models import Alert, Lane
from notify.operations import worker

log = structlog.get_logger()

NO_BATCH = 0  # of a doorbell that only warms up the connection


@once
def app() -> Celery:
    """The Celery application with its tasks."""
    celery = worker.app()
    for task in (resolve_alert, send_batch, reconcile_batch):
        celery.task(task, name=f"tocsin.{task.__name__}")
    return celery


def work(lanes: list[Lane], beat: Callable[[], None]) -> None:
    """Serve these lanes until SIGTERM. `beat` is called every few seconds while doorbells are received."""
    channels = {provider.channel for provider in PROVIDERS.values()}
    warm_up(lanes)
    try:
        worker.work(app(), lanes, beat, worker_slots().count(len(lanes), len(channels)))
    finally:
        if made := transport.forget():
            made.close()


def warm_up(lanes: Sequence[Lane]) -> None:
    """Run the path of an alert that does not exist, to open connections, compile queries and load libraries before the
    first real one: it may be an emergency."""
    try:
        for _ in fanout.resolve(-os.getpid(), datetime.now(UTC)):
            pass
        leases.place_of(NO_BATCH, "waiting")
    except (*AWAY, ProgrammingError) as error:  # unavailable, or without our schema
        log.warning("worker.cold", error=reason(error))
    transport()
    for lane in lanes:
        _ring("send_batch", [NO_BATCH], lane)


def resolve_alert(alert_id: int, lane: str) -> None:
    """Resolve the audience of a launched alert, and ring for each batch once its rows are committed."""

    def resolve() -> None:
        for batches in fanout.resolve(alert_id, datetime.now(UTC)):
            ring_batches(Doorbell(batch, Lane(lane)) for batch in batches)

    worker_slots().resolve(Lane(lane), resolve)


def send_batch(batch_id: int) -> None:
    """Send this waiting batch, or another one of its lane and channel that should go first."""
    place = leases.place_of(batch_id, "waiting")
    if place is not None:
        worker_slots().send(*place)


def reconcile_batch(batch_id: int) -> None:
    """Reconcile the unknown outcomes of this batch, or of another one that should go first."""
    place = leases.place_of(batch_id, "unsettled")
    if place is not None:
        worker_slots().reconcile(*place)


def ring_alert(alert: Alert) -> None:
    """Have the audience of a launched alert resolved. Call it after the commit of the launch."""
    _ring("resolve_alert", [alert.id, alert.lane.value], alert.lane)


def ring_batches(batches: Iterable[Doorbell]) -> None:
    _ring_and_note("send_batch", batches)


def ring_unsettled(batches: Iterable[Doorbell]) -> None:
    _ring_and_note("reconcile_batch", batches)


def ring_unresolved(alerts: Iterable[Doorbell]) -> None:
    for bell in alerts:
        _ring("resolve_alert", [bell.id, bell.lane.value], bell.lane)


@once
def worker_slots() -> WorkerSlots:
    """The worker slots of this process."""
    return WorkerSlots(settings(), throttle(), transport, worker.stopping)


@once
def transport() -> Transport:
    """The transport to the providers, made on first use: after a worker forked, not before."""
    return Transport(settings())


@once
def redis_client() -> "redis.Redis":
    """The Redis client of this process."""
    return redis.Redis.from_url(settings().require_redis(), socket_timeout=5, socket_connect_timeout=5)


@once
def throttle() -> Throttle:
    return Throttle(redis_client())


def breaks(sender_ids: Sequence[int]) -> dict[int, Break]:
    """The open circuit breakers of these senders; none while Redis, which stores them, is away."""
    try:
        return throttle().breaks(sender_ids)
    except (redis.RedisError, Unavailable) as error:
        log.warning("breakers.unknown", error=type(error).__name__)
        return {}


def _ring_and_note(task: str, batches: Iterable[Doorbell]) -> None:
    rung = [bell.id for bell in batches if _ring(task, [bell.id], bell.lane)]
    if rung:
        recovery.note_rung(rung)


def _ring(task: str, args: list[int | str], lane: Lane) -> bool:
    """Put a doorbell into Redis. While Redis is away nothing is lost: the sweep rings again."""
    try:
        app().send_task(f"tocsin.{task}", args=args, queue=lane.value)
    except (OperationalError, redis.RedisError, Unavailable) as error:
        log.warning("doorbell.lost", task=task, id=args[0], error=type(error).__name__)
        return False
    return True
