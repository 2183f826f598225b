"""The net below law 9: whoever writes a line, no address leaves in it."""

import json
import logging

import pytest
import structlog

from notify import logs


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
    before = logging.getLogger().handlers
    try:
        logs.configure("INFO", style)
        structlog.get_logger().info("test.event", address="+12015550100", id=7)
        logging.getLogger("somebody.else").warning("To %s", "vera@example.org")
        try:
            raise ValueError("vera@example.org is wrong")
        except ValueError:
            logging.getLogger("somebody.else").exception("failed")
    finally:
        logging.getLogger().handlers = before
        structlog.reset_defaults()
    said = capsys.readouterr().err
    assert "test.event" in said
    assert "failed" in said
    assert "2015550100" not in said
    assert "vera@" not in said
    if style == "json":
        assert all(json.loads(line)["level"] for line in said.splitlines())
