"""The Celery application: two lanes, each with its own queue and workers. Messages carry ids and nothing else.

A message is a doorbell: the work itself is in PostgreSQL. So a message may be lost, duplicated or late without harm,
results are not stored, and nothing is scheduled in Celery (no ETA, no countdown: such messages run several times once
they outlive the visibility timeout).
"""

import gc
import os
import socket
import threading
import warnings
from collections.abc import Callable
from typing import Any

from celery import Celery, signals
from celery.bootsteps import StartStopStep
from celery.exceptions import SecurityWarning
from kombu.connection import Connection

from notify.core import logs
from notify.core.process import once
from notify.core.settings import settings
from notify.models import Lane

# Long work runs in worker slots (`delivery/worker_slots.py`), so these threads are free to receive doorbells.
SPARE_THREADS = 2
VISIBILITY_S = 3600  # a batch takes seconds; this only matters for a message whose worker died with it
BEAT_S = 5.0
REDIS_AGAIN_S = 1.0  # how often a worker that has lost Redis reconnects

# The libraries create half a million objects that stay. By default the collector scans them again and again, which was
# a quarter of a worker's time. The objects of a message are freed by reference counting alone.
GARBAGE_THRESHOLDS = (50_000, 20, 100)

stopping = threading.Event()


class SteadyConnection(Connection):
    """Reconnect to Redis at a constant interval.

    By default Celery's consumer waits two seconds longer after each try, up to half a minute. An emergency would wait
    that long after Redis is back.
    """

    def ensure_connection(self, *arguments: Any, **more: Any) -> Any:
        steady = {"interval_start": REDIS_AGAIN_S, "interval_step": 0, "interval_max": REDIS_AGAIN_S}
        return super().ensure_connection(*arguments, **(steady | more))  # type: ignore[no-untyped-call]


@once
def app() -> Celery:
    """The application of this process, on the Redis of the settings."""
    celery = Celery("tocsin", broker=settings().require_redis(), set_as_current=False)
    celery.amqp.Connection = SteadyConnection
    celery.conf.update(
        task_queues={lane.value: {} for lane in Lane},
        task_default_queue=Lane.ROUTINE.value,
        task_create_missing_queues=False,
        task_acks_late=True,
        task_reject_on_worker_lost=True,
        task_ignore_result=True,
        task_serializer="json",
        accept_content=["json"],
        task_publish_retry_policy={"max_retries": 1, "interval_start": 0.1},
        worker_prefetch_multiplier=1,
        worker_hijack_root_logger=False,
        worker_redirect_stdouts=False,
        worker_enable_remote_control=False,
        worker_send_task_events=False,
        worker_cancel_long_running_tasks_on_connection_loss=False,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        broker_transport_options={
            "visibility_timeout": VISIBILITY_S,
            "socket_keepalive": True,
            "socket_timeout": 10,
            "socket_connect_timeout": 5,
        },
        timezone="UTC",
    )
    return celery


def work(celery: Celery, lanes: list[Lane], beat: Callable[[], None], slots: int) -> None:
    """Serve these lanes until SIGTERM; then finish the windows in flight and return the batches.

    The loop that receives doorbells calls `beat` every BEAT_S, so not while Redis is away. `slots`: worker slots.
    """

    def stop(**_: Any) -> None:
        stopping.set()

    signals.worker_shutting_down.connect(stop, weak=False)
    signals.setup_logging.connect(lambda **_: logs.configure(settings().log_level, settings().log_format), weak=False)
    celery.steps["consumer"].add(_beating(beat))
    gc.freeze()
    gc.set_threshold(*GARBAGE_THRESHOLDS)
    # Celery warns about workers that run as root because of pickle, which ours do not accept.
    warnings.simplefilter("ignore", SecurityWarning)
    celery.Worker(
        hostname=f"{'-'.join(lane.value for lane in lanes)}.{os.getpid()}@{socket.gethostname()}",
        queues=[lane.value for lane in lanes],
        pool="threads",
        concurrency=slots + SPARE_THREADS,
        loglevel=settings().log_level,
        without_gossip=True,
        without_mingle=True,
        without_heartbeat=True,
        quiet=True,
    ).start()


def _beating(beat: Callable[[], None]) -> type[StartStopStep]:
    """A step of Celery's consumer, restarted whenever it has reconnected to Redis."""

    class Beating(StartStopStep):  # type: ignore[misc]  # Celery has no types
        requires = ("celery.worker.consumer.tasks:Tasks",)

        def start(self, consumer: Any) -> None:
            beat()
            self._timer = consumer.timer.call_repeatedly(BEAT_S, beat)

        def stop(self, consumer: Any) -> None:
            self._timer.cancel()

    return Beating
