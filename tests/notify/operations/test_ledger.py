"""What is written down of the jobs, and what the alarms, the command and the metrics make of it."""

import json
import time as clock
from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta

import pytest
from sqlalchemy import Connection, text
from typer.testing import CliRunner

from notify.cli.jobs import commands
from notify.core import alarms
from notify.core.db import engine, transaction
from notify.core.settings import settings
from notify.models import Alarm
from notify.operations import job_status, ledger
from notify.operations.jobs import watch
from notify.operations.ledger import Ledger
from notify.operations.plan import JOBS, Daily, Every, Job
from notify.operations.planner import Planner, Run

pytestmark = pytest.mark.usefixtures("database", "redis")
NAMES = [job.name for job in JOBS]


@pytest.fixture
def connection(database: str) -> Iterator[Connection]:
    with engine().connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        yield connection


@pytest.fixture
def book(connection: Connection) -> Iterator[Ledger]:
    planner = Planner(JOBS, lambda name: Run(name, 0, 0), settings().tz)
    planner.start()
    yield Ledger(connection, JOBS, planner)
    planner.shutdown()


def ended(job: str, error: str = "", took_s: float = 0.25) -> Run:
    now_s = clock.monotonic()
    return Run(job, now_s - took_s, now_s, error)


def status(job: str) -> job_status.JobStatus:
    with transaction() as s:
        return next(one for one in job_status.statuses(s) if one.name == job)


def ringing() -> list[Alarm]:
    with transaction() as s:
        return list(alarms.ringing(s))


def age(job: str, column: str, by: timedelta) -> None:
    with transaction() as s:
        s.execute(text(f"UPDATE jobs SET {column} = {column} - :by WHERE name = :job"), {"by": by, "job": job})


def test_a_run_is_written_down_with_its_time_its_duration_and_the_next_one(book: Ledger) -> None:
    book.note(ended("sweep"))
    book.keep()
    sweep, unrun = status("sweep"), status("retention")
    assert sweep.outcome == "ok"
    assert sweep.seconds == pytest.approx(0.25)
    assert sweep.last_run_at is not None
    assert abs(datetime.now(UTC) - sweep.last_run_at) < timedelta(seconds=30)
    assert (unrun.last_run_at, unrun.outcome) == (None, None)
    assert unrun.next_run_at is not None
    assert unrun.next_run_at.astimezone(settings().tz).time().replace(microsecond=0) == time(3, 30)


def test_a_job_of_every_half_second_is_not_written_as_often(book: Ledger) -> None:
    assert book.is_due()
    book.keep()
    book.note(ended("receipts"))
    assert book.is_due(), "the first run is news: who asks must not have to wait for it"
    book.keep()
    for _ in range(20):
        book.note(ended("receipts"))
        assert not book.is_due()
    book.note(ended("receipts", "Redis does not answer."))
    assert book.is_due(), "the first failure is news"
    book.keep()
    book.note(ended("receipts", "Redis does not answer."))
    assert not book.is_due(), "the second is not"
    book.note(ended("receipts"))
    assert book.is_due(), "that it works again is news"


def test_what_a_leader_has_not_seen_yet_stays_as_the_one_before_wrote_it(book: Ledger, connection: Connection) -> None:
    book.note(ended("retention"))
    book.note(ended("sweep", "broken"))
    book.keep()
    before = {name: status(name) for name in ("retention", "sweep")}
    planner = Planner(JOBS, lambda name: Run(name, 0, 0), settings().tz)
    planner.start()
    Ledger(connection, JOBS, planner).keep()
    planner.shutdown()
    for name, was in before.items():
        now = status(name)
        assert (now.last_run_at, now.succeeded_at, now.error, now.failing_since) == (
            was.last_run_at, was.succeeded_at, was.error, was.failing_since
        )  # fmt: skip


def test_what_was_due_while_nobody_led_is_known_to_the_next_leader(book: Ledger, connection: Connection) -> None:
    book.keep()
    assert "retention" not in ledger.overdue(connection)
    age("retention", "next_at", timedelta(days=2))
    assert "retention" in ledger.overdue(connection)


def test_a_job_fails_since_its_first_failure_and_last_succeeded_before(book: Ledger) -> None:
    book.note(ended("sweep", took_s=300))
    book.note(ended("sweep", "first", took_s=200))
    book.note(ended("sweep", "second", took_s=100))
    book.keep()
    sweep, now = status("sweep"), datetime.now(UTC)
    assert (sweep.error, sweep.outcome) == ("second", "failed")
    assert sweep.failing_since is not None
    assert sweep.last_run_at is not None
    assert sweep.succeeded_at is not None
    assert (now - sweep.failing_since).total_seconds() == pytest.approx(200, abs=30)
    assert (now - sweep.last_run_at).total_seconds() == pytest.approx(100, abs=30)
    assert (now - sweep.succeeded_at).total_seconds() == pytest.approx(0, abs=30)


def test_only_a_success_puts_off_when_a_job_counts_as_late(connection: Connection) -> None:
    impatient = (Job("sweep", "", Every(0.1), patience_s=0.0),)
    planner = Planner(impatient, lambda name: Run(name, 0, 0), settings().tz)
    planner.start()
    book = Ledger(connection, impatient, planner)

    def is_late_after(run: Run) -> bool:
        book.note(run)
        book.keep()
        return status("sweep").late

    planner.modify_job("sweep", next_run_time=datetime.now(UTC) + timedelta(hours=1))
    assert is_late_after(ended("sweep", "broken"))
    assert not is_late_after(ended("sweep"))
    planner.shutdown()


def test_a_plan_is_told_in_words() -> None:
    assert [str(Every(0.5)), str(Every(3600.0)), str(Daily(time(3, 5)))] == [
        "every 0.5 s",
        "every 3600 s",
        "daily at 03:05",
    ]


def test_a_job_that_fails_again_and_again_rings_and_is_over_when_it_works(book: Ledger) -> None:
    for name in NAMES:
        book.note(ended(name))
    book.note(ended("sweep", "Redis does not answer (ConnectionError)."))
    book.keep()
    watch.run()
    assert ringing() == [], "once is no reason to wake anybody"
    age("sweep", "failing_since", timedelta(seconds=31))
    watch.run()
    (alarm,) = ringing()
    assert alarm.kind == "job-fails"
    assert "sweep does not succeed: Redis does not answer (ConnectionError)." in alarm.message
    assert "tocsin jobs" in alarm.message
    book.note(ended("sweep"))
    book.keep()
    watch.run()
    assert ringing() == []
    with transaction() as s:
        assert alarms.recent(s)[0].resolved_by is None


def test_a_job_that_works_again_hides_no_other_that_fails(book: Ledger) -> None:
    for name in NAMES:
        book.note(ended(name))
    for name in ("sweep", "launch"):
        book.note(ended(name, f"no {name}"))
    book.keep()
    for name in ("sweep", "launch"):
        age(name, "failing_since", timedelta(seconds=31))
    watch.run()
    first = {alarm.about: alarm.id for alarm in ringing()}
    assert first.keys() == {"sweep", "launch"}
    book.note(ended("sweep"))
    book.keep()
    age("launch", "failing_since", timedelta(seconds=31))
    watch.run()
    (left,) = ringing()
    assert (left.about, left.id, left.count) == ("launch", first["launch"], 2)


def test_a_job_that_hangs_rings(connection: Connection) -> None:
    hanging = (Job("sweep", "", Every(0.1), patience_s=0.1), Job("retention", "", Daily(time(3, 30))))
    planner = Planner(hanging, lambda name: Run(name, 0, 0), settings().tz)
    planner.start()
    book = Ledger(connection, hanging, planner)
    book.note(ended("sweep"))
    book.keep()
    age("sweep", "late_after", timedelta(seconds=1))
    watch.run()
    assert [(one.kind, "sweep does not succeed: it hangs" in one.message) for one in ringing()] == [("job-fails", True)]
    book.keep()
    assert not status("retention").late
    planner.shutdown()


def test_the_command_lists_them_all(book: Ledger) -> None:
    def run(*arguments: str) -> str:
        done = CliRunner().invoke(commands, list(arguments))
        assert done.exit_code == 0, done.output
        return done.output

    assert "tocsin scheduler" in run()
    book.note(ended("sweep", "Redis does not answer."))
    book.note(ended("launch"))
    book.keep()
    told = {row["name"]: row for row in json.loads(run("--json"))}
    assert list(told) == NAMES
    assert (told["sweep"]["outcome"], told["sweep"]["error"]) == ("failed", "Redis does not answer.")
    assert (told["launch"]["outcome"], told["launch"]["seconds"]) == ("ok", pytest.approx(0.25))
    assert all(row["does"] and row["when"] and row["next_run_at"] for row in told.values())
    assert "sweep has been failing since" in (said := " ".join(run().split()))
    assert "Redis does not answer." in said
