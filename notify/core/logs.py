"""Structured log lines, one per transition, with ids and never with an address (law 9).

Code that logs follows that rule; `scrub` catches what slips through, including lines from libraries.

An error that recurs every second, such as while a server is away, is not written each time (`Repeats`).
"""

import logging
import re
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import structlog

# An E.164 number, its plus sign perhaps percent-encoded, or an email address. No plus precedes an id or a time.
_ADDRESS = re.compile(r"(?:\+|%2B)\d{7,15}|[\w.%+-]+(?:@|%40)[\w-]+(?:\.[\w-]+)+", re.IGNORECASE)


def configure(level: str, style: str) -> None:
    """Send everything to stderr, as text or as JSON, one event a line."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    last: Any = (
        structlog.processors.JSONRenderer()
        if style == "json"
        else structlog.dev.ConsoleRenderer(colors=False, pad_event_to=24)
    )
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.format_exc_info,
            last,
            _scrubbed,
        ],
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    handler.addFilter(Repeats())
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
    # geopy and urllib3 log the URLs of requests to an outside geocoder, with residents' addresses in them (law 9).
    # APScheduler logs every run, and every period in which a job still runs; `operations/ledger.py` records those.
    logging.getLogger("apscheduler").setLevel(logging.ERROR)
    for chatty in ("celery.worker.strategy", "celery.app.trace", "alembic.runtime.plugins", "geopy", "urllib3"):
        logging.getLogger(chatty).setLevel(max(logging.WARNING, logging.getLevelName(level)))


FIRST_REST_S, LONGEST_REST_S = 60.0, 3600.0
MOST_KNOWN = 10_000  # different lines


@dataclass(slots=True)
class _Seen:
    rest_s: float
    until_s: float
    times: int = 0  # since it was last written


class Repeats(logging.Filter):
    """Pass a warning or an error once, then again after one minute, two, four, up to an hour, with the number of
    occurrences since (`times`). A line that did not recur for as long as its last pause counts as new.

    Two lines of ours are the same when all their fields are equal, ids included; a library's, apart from numbers.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._lock = threading.Lock()
        self._seen: dict[object, _Seen] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        if record.levelno < logging.WARNING:
            return True
        times = self._times(_identity(record))
        if times > 1:
            if isinstance(record.msg, dict):
                record.msg = record.msg | {"times": times}
            else:
                record.msg, record.args = f"{_words(record)} ({times} times)", ()
        return times > 0

    def _times(self, line: object) -> int:
        """The occurrences since the line was last written; 0 when it is not to be written now."""
        now_s = self._clock()
        with self._lock:
            seen = self._seen.get(line)
            if seen is None or now_s >= seen.until_s + seen.rest_s:
                if len(self._seen) >= MOST_KNOWN:
                    self._seen.clear()
                self._seen[line] = _Seen(FIRST_REST_S, now_s + FIRST_REST_S)
                return 1
            seen.times += 1
            if now_s < seen.until_s:
                return 0
            times, seen.times = seen.times, 0
            seen.rest_s = min(2 * seen.rest_s, LONGEST_REST_S)
            seen.until_s = now_s + seen.rest_s
            return times


def _identity(record: logging.LogRecord) -> object:
    if isinstance(record.msg, dict):
        fields = {name: value for name, value in record.msg.items() if name != "timestamp"}
        return record.name, repr(fields), repr(sys.exc_info()[1]) if fields.get("exc_info") else ""
    return record.name, record.levelno, re.sub(r"\d+", "", _words(record)), repr((record.exc_info or (0, 0))[1])


def _words(record: logging.LogRecord) -> str:
    """The text of a library's line. Arguments that do not match its format must not raise in the code that logs."""
    try:
        return record.getMessage()
    except (TypeError, ValueError, KeyError) as error:
        return f"{record.msg!r} ({error})"


def scrub(line: str) -> str:
    """A line without phone numbers and email addresses."""
    return _ADDRESS.sub("[address]", line)


def _scrubbed(_logger: Any, _name: str, line: Any) -> str:
    return scrub(str(line))
