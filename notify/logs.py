"""Structured log lines, one per transition, with ids and never with an address (law 9).

The rule is kept where lines are written; `scrub` is the net below it, also for libraries that know nothing of it.
"""

import logging
import re
import sys
from typing import Any

import structlog

# An E.164 number, also with its plus sign percent-encoded; an email address. Ids and times are not preceded by a plus.
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
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
    # geopy and urllib3 show the URLs that an outside geocoder is asked by, with residents' addresses in them (law 9).
    # APScheduler tells of each run and of each period for which a job still runs; `operations/ledger.py` keeps that.
    logging.getLogger("apscheduler").setLevel(logging.ERROR)
    for chatty in ("celery.worker.strategy", "celery.app.trace", "alembic.runtime.plugins", "geopy", "urllib3"):
        logging.getLogger(chatty).setLevel(max(logging.WARNING, logging.getLevelName(level)))


def scrub(line: str) -> str:
    """A line without phone numbers and email addresses."""
    return _ADDRESS.sub("[address]", line)


def _scrubbed(_logger: Any, _name: str, line: Any) -> str:
    return scrub(str(line))
