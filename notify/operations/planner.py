"""Run the jobs on time: APScheduler, extended to cope with a clock that is set."""

import threading
import time
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from queue import Empty, SimpleQueue

import structlog
from apscheduler.events import EVENT_JOB_EXECUTED, JobExecutionEvent
from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.base import BaseScheduler
from apscheduler.triggers.base import BaseTrigger
from apscheduler.triggers.cron import CronTrigger

from notify.operations.plan import Daily, Every, Job

log = structlog.get_logger()

JUMP_S = 0.5  # the wall clock was set if it differs from the monotonic one by more
RETRY_S = 600.0  # after which a failed daily job is tried again


@dataclass(frozen=True, slots=True)
class Run:
    """A run that has ended. Times are monotonic. `error`: a sentence; empty after a success."""

    job: str
    began_s: float
    ended_s: float
    error: str = ""


class Interval(BaseTrigger):  # type: ignore[misc]  # APScheduler has no types
    """Fire at a fixed interval, and skip the times that were missed.

    APScheduler's IntervalTrigger returns every missed time: after the clock was set from 1970 to now, it would be busy
    for hours.
    """

    def __init__(self, seconds: float) -> None:
        self._period = timedelta(seconds=seconds)

    def get_next_fire_time(self, previous_fire_time: datetime | None, now: datetime) -> datetime:
        if previous_fire_time is None:
            return now
        missed = max(0, (now - previous_fire_time) // self._period)
        return previous_fire_time + (missed + 1) * self._period


class Planner(BaseScheduler):  # type: ignore[misc]
    """Run each job in a thread of its own, and never twice at once.

    This is a custom scheduler as in APScheduler's documentation ("Extending APScheduler"): the leader's main loop calls
    `turn` repeatedly, and everything but the jobs happens in that thread.
    """

    def __init__(
        self, jobs: Collection[Job], run: Callable[[str], Run], zone: tzinfo, overdue: Collection[str] = ()
    ) -> None:
        """`zone`: the city's. `overdue`: jobs that became due while there was no leader; they run at once."""
        # Intervals are counted in UTC: in local time they would stop for an hour when summer time ends.
        super().__init__(
            timezone=UTC,
            executors={"default": ThreadPoolExecutor(len(jobs))},
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
        )
        self._jobs = {job.name: job for job in jobs}
        self._woken = threading.Event()
        self._ended: SimpleQueue[Run] = SimpleQueue()
        self._clocks_apart_s = time.time() - time.monotonic()
        self.add_listener(self._heard, EVENT_JOB_EXECUTED)
        now = datetime.now(UTC)
        for job in jobs:
            trigger = _trigger(job, zone)
            at_once = job.name in overdue
            first = now if at_once else trigger.get_next_fire_time(None, now)
            self.add_job(run, trigger, args=[job.name], id=job.name, next_run_time=first)

    def turn(self, most_s: float) -> None:
        """Start the jobs that are due, then wait for the next one, at most `most_s` seconds."""
        if self._clock_was_set():
            self._plan_anew()
        wait_s = self._process_jobs()
        self._woken.wait(min(wait_s, most_s))
        self._woken.clear()

    def wakeup(self) -> None:
        self._woken.set()

    def shutdown(self, wait: bool = True) -> None:
        """Start no more jobs, and by default wait for the running ones."""
        super().shutdown(wait)

    def ended(self) -> Iterator[Run]:
        """Yield the runs that have ended since the last call."""
        while True:
            try:
                run = self._ended.get_nowait()
            except Empty:
                return
            self._plan_after(run)
            yield run

    def next_in_s(self, name: str) -> float:
        """The seconds until a job runs again."""
        return float((self.get_job(name).next_run_time - datetime.now(UTC)).total_seconds())

    def _heard(self, event: JobExecutionEvent) -> None:
        """Called in the job's thread when the job may be started again."""
        self._ended.put(event.retval)
        if self._is_overlong(event.retval):
            self.wakeup()

    def _is_overlong(self, run: Run) -> bool:
        when = self._jobs[run.job].when
        return isinstance(when, Every) and run.ended_s - run.began_s > when.seconds

    def _plan_after(self, run: Run) -> None:
        now = datetime.now(UTC)
        if self._is_overlong(run):
            self.modify_job(run.job, next_run_time=now)
        elif run.error and isinstance(self._jobs[run.job].when, Daily):
            retry = min(now + timedelta(seconds=RETRY_S), self.get_job(run.job).next_run_time)
            self.modify_job(run.job, next_run_time=retry)

    def _clock_was_set(self) -> bool:
        apart_s = time.time() - time.monotonic()
        by_s, self._clocks_apart_s = apart_s - self._clocks_apart_s, apart_s
        if abs(by_s) < JUMP_S:
            return False
        log.warning("scheduler.clock_was_set", seconds=round(by_s, 3))
        return True

    def _plan_anew(self) -> None:
        """Reschedule all jobs: after the clock was set back, the next runs may be years away. Due jobs run at once."""
        now = datetime.now(UTC)
        for job in self.get_jobs():
            self.modify_job(job.id, next_run_time=min(job.next_run_time, job.trigger.get_next_fire_time(None, now)))


def _trigger(job: Job, zone: tzinfo) -> BaseTrigger:
    if isinstance(job.when, Every):
        return Interval(job.when.seconds)
    return CronTrigger(hour=job.when.at.hour, minute=job.when.at.minute, timezone=zone)
