"""When jobs run: the clock that is set, times that were missed, runs that take too long or fail."""

import threading
import time as clock
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
import time_machine

from notify.operations import jobs
from notify.operations.plan import JOBS, Daily, Every, Job
from notify.operations.planner import Interval, Planner, Run

NEW_YORK = ZoneInfo("America/New_York")
NIGHTLY = Job("nightly", "", Daily(time(3, 30)))
OFTEN = Job("often", "", Every(0.05))


class Work:
    """Counts the runs of each job; what a run of it does, a test says."""

    def __init__(self, does: Callable[[], None] = lambda: None, error: str = "") -> None:
        self.runs: Counter[str] = Counter()
        self._does, self._error = does, error

    def __call__(self, name: str) -> Run:
        began_s = clock.monotonic()
        self.runs[name] += 1
        self._does()
        return Run(name, began_s, clock.monotonic(), self._error)


@contextmanager
def planned(*planned_jobs: Job, work: Work, overdue: tuple[str, ...] = ()) -> Iterator[Planner]:
    planner = Planner(planned_jobs, work, NEW_YORK, overdue)
    planner.start()
    try:
        yield planner
    finally:
        planner.shutdown()


def turn_until(planner: Planner, condition: Callable[[list[Run]], bool], within_s: float = 60) -> list[Run]:
    """As the leader does it, until the condition holds for the runs that have ended; returns those."""
    runs: list[Run] = []
    until_s = clock.monotonic() + within_s
    while not condition(runs):
        assert clock.monotonic() < until_s, "not in time"
        planner.turn(0.5)
        runs += planner.ended()
    return runs


def next_run(planner: Planner, job: Job) -> datetime:
    moment: datetime = planner.get_job(job.name).next_run_time
    return moment


def test_every_job_of_the_plan_does_something_and_no_name_is_used_twice() -> None:
    assert sorted(jobs.RUN) == sorted(job.name for job in JOBS)


def test_no_daily_job_is_planned_for_an_hour_that_the_clocks_skip_or_repeat() -> None:
    assert not [job.name for job in JOBS if isinstance(job.when, Daily) and 1 <= job.when.at.hour < 3]


@pytest.mark.parametrize("years", [-50, 50])
def test_the_runs_that_a_set_clock_left_out_are_stepped_over_at_once(years: int) -> None:
    """APScheduler's own trigger would walk through three billion of them."""
    now = datetime(2027, 1, 12, tzinfo=UTC)
    following = Interval(0.5).get_next_fire_time(now - timedelta(days=365 * years), now)
    assert following > now - timedelta(days=365 * min(years, 0))
    assert Interval(0.5).get_next_fire_time(now, now) == now + timedelta(seconds=0.5)


@pytest.mark.parametrize("by", [timedelta(hours=-1), timedelta(hours=1), timedelta(days=-9000), timedelta(days=9000)])
def test_a_clock_that_is_set_holds_up_no_interval(by: timedelta) -> None:
    work = Work()
    with planned(OFTEN, work=work) as planner:
        turn_until(planner, lambda _: work.runs["often"] >= 2)
        with time_machine.travel(datetime.now(UTC) + by, tick=True):
            before = work.runs["often"]
            turn_until(planner, lambda _: work.runs["often"] >= before + 5)
        before = work.runs["often"]
        turn_until(planner, lambda _: work.runs["often"] >= before + 5)


def test_a_daily_job_that_a_clock_set_forward_passed_is_run_and_set_back_it_is_planned_anew() -> None:
    work = Work()
    noon = datetime(2027, 1, 12, 12, tzinfo=NEW_YORK)
    with time_machine.travel(noon, tick=True), planned(NIGHTLY, work=work) as planner:
        planner.turn(0)
        assert (work.runs["nightly"], next_run(planner, NIGHTLY)) == (0, datetime(2027, 1, 13, 3, 30, tzinfo=NEW_YORK))
        with time_machine.travel(noon + timedelta(days=400), tick=True):
            turn_until(planner, lambda _: work.runs["nightly"] == 1)
            assert next_run(planner, NIGHTLY).year == 2028
        planner.turn(0)
        assert next_run(planner, NIGHTLY) == datetime(2027, 1, 13, 3, 30, tzinfo=NEW_YORK)


@pytest.mark.parametrize(
    ("now", "due"), [("2027-03-13T12:00", "2027-03-14T07:30"), ("2027-11-06T12:00", "2027-11-07T08:30")]
)
def test_a_daily_job_is_on_the_city_s_clocks_when_summer_time_begins_and_ends(now: str, due: str) -> None:
    with (
        time_machine.travel(datetime.fromisoformat(now).replace(tzinfo=NEW_YORK), tick=False),
        planned(NIGHTLY, work=Work()) as planner,
    ):
        assert next_run(planner, NIGHTLY) == datetime.fromisoformat(due).replace(tzinfo=UTC)


def test_what_was_due_while_nobody_led_is_run_at_once() -> None:
    work = Work()
    with planned(NIGHTLY, work=work, overdue=("nightly",)) as planner:
        turn_until(planner, lambda _: work.runs["nightly"] == 1)
        assert next_run(planner, NIGHTLY) > datetime.now(UTC)


def test_a_daily_job_that_failed_is_tried_again_in_ten_minutes() -> None:
    work = Work(error="broken")
    with planned(NIGHTLY, work=work, overdue=("nightly",)) as planner:
        turn_until(planner, bool)
        assert timedelta(minutes=9) < next_run(planner, NIGHTLY) - datetime.now(UTC) <= timedelta(minutes=10)


def test_no_job_runs_twice_at_once_and_none_waits_for_another() -> None:
    free, seated = threading.Event(), threading.Semaphore(1)

    def hang() -> None:
        assert seated.acquire(blocking=False), "it runs already"
        free.wait(120)
        seated.release()

    slow = Job("slow", "", Every(0.05))
    hanging, others = Work(hang), Work()
    with planned(slow, OFTEN, work=Work()) as planner:
        planner.modify_job("slow", func=hanging)
        planner.modify_job("often", func=others)
        turn_until(planner, lambda _: hanging.runs["slow"] == 1 and others.runs["often"] >= 5)
        assert hanging.runs["slow"] == 1
        free.set()
        turn_until(planner, lambda _: hanging.runs["slow"] >= 3)


def test_a_run_longer_than_its_period_is_followed_by_the_next_at_once() -> None:
    """Not at the end of the period that it ran into: receipts would wait for half a second for nothing."""
    overlong = Job("overlong", "", Every(0.3))
    with planned(overlong, work=Work(lambda: until_passed(0.4))) as planner:
        turn_until(planner, bool)
        assert next_run(planner, overlong) <= datetime.now(UTC)


def until_passed(seconds: float) -> None:
    threading.Event().wait(seconds)
