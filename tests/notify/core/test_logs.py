"""The net below law 9: whoever writes a line, no address leaves in it."""

import itertools
import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import structlog

from notify.core import logs


@contextmanager
def configured(style: str = "json") -> Iterator[None]:
    before = logging.getLogger().handlers
    try:
        logs.configure("INFO", style)
        yield
    finally:
        logging.getLogger().handlers = before
        structlog.reset_defaults()


@pytest.mark.parametrize(
    ("line", "scrubbed"),
    [
        ("to +12015550100 now", "to [address] now"),
        ("GET /Messages.json?To=%2B12015550100&PageSize=50", "GET /Messages.json?To=[address]&PageSize=50"),
        ("mail to vera.quill.2@example.org failed", "mail to [address] failed"),
        ("vera%40example.org", "[address]"),
        ("alert 2026 batch 12015550100 took 0.5 s at 2026-11-23T08:00:00+00:00", None),
    ],
)
def test_addresses_are_taken_out_of_a_line(line: str, scrubbed: str | None) -> None:
    assert logs.scrub(line) == (scrubbed or line)


@pytest.mark.parametrize("style", ["text", "json"])
def test_our_lines_other_peoples_lines_and_tracebacks_are_scrubbed(
    style: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with configured(style):
        structlog.get_logger().info("test.event", address="+12015550100", id=7)
        logging.getLogger("somebody.else").warning("To %s", "vera@example.org")
        try:
            raise ValueError("vera@example.org is wrong")
        except ValueError:
            logging.getLogger("somebody.else").exception("failed")
    said = capsys.readouterr().err
    assert "test.event" in said
    assert "failed" in said
    assert "2015550100" not in said
    assert "vera@" not in said
    if style == "json":
        assert all(json.loads(line)["level"] for line in said.splitlines())


def lines(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return [json.loads(line)["event"] for line in capsys.readouterr().err.splitlines()]


def test_what_fails_each_second_is_not_written_each_second(capsys: pytest.CaptureFixture[str]) -> None:
    with configured():
        log = structlog.get_logger()
        for tries in range(50):
            log.warning("scheduler.job_failed", job="sweep", error="ConnectionError")
            log.warning("scheduler.job_failed", job="launch", error="ConnectionError")
            try:
                raise ValueError
            except ValueError:
                log.exception("scheduler.job_broke")
            logging.getLogger("celery.worker").error("Cannot connect: Error %s. Again in 1.00 s (%s/None)", 111, tries)
            log.info("batch.reconciled", batch=7)
    said = lines(capsys)
    assert (said.count("scheduler.job_failed"), said.count("scheduler.job_broke")) == (2, 1)
    assert sum(line.startswith("Cannot connect") for line in said) == 1
    assert said.count("batch.reconciled") == 50, "what happens is written, however often"


def test_errors_that_differ_are_all_written(capsys: pytest.CaptureFixture[str]) -> None:
    with configured():
        for row in range(20):
            structlog.get_logger().error("row.refused", what=f"apply receipt {row}")
            try:
                raise ValueError(row % 2)
            except ValueError:
                structlog.get_logger().exception("provider.defect")
    said = lines(capsys)
    assert (said.count("row.refused"), said.count("provider.defect")) == (20, 2)


def test_a_line_that_goes_on_is_written_again_more_and_more_seldom_with_its_count() -> None:
    now_s = 0.0
    repeats = logs.Repeats(lambda: now_s)

    def comes() -> str | None:
        record = logging.LogRecord("x", logging.WARNING, "x", 1, "Redis is away", (), None)
        return record.getMessage() if repeats.filter(record) else None

    written = {}
    for second in range(4 * 3600):
        now_s = second
        if said := comes():
            written[second] = said
    assert list(written)[:4] == [0, 60, 180, 420]
    assert written[180] == "Redis is away (120 times)"
    assert max(b - a for a, b in itertools.pairwise(written)) == 3600
    now_s += 3 * 3600
    assert comes() == "Redis is away", "it was over in between"


def test_a_librarys_line_whose_parts_do_not_fit_stops_nobody() -> None:
    clock = itertools.count(0, 61.0)
    repeats = logs.Repeats(lambda: next(clock))
    for written in (True, True, False):
        record = logging.LogRecord("kombu", logging.ERROR, "x.py", 1, "lost %d", ("all",), None)
        assert repeats.filter(record) is written
