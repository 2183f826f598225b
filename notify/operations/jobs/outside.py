"""Read what other agencies say. Nothing that they say sends anything."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

from notify.core.db import transaction
from notify.core.settings import settings
from notify.operations.jobs.steps import each
from notify.outside import feeds
from notify.outside.fetching import Fetcher, fetcher

AT_ONCE = 8  # feeds, so that a slow one delays no other


def run() -> None:
    """Read every feed, then ring or end their alarms. A feed that breaks does not stop the others."""
    each(_forget_old, _read_all, _follow_failures)


def _read_all() -> None:
    if named := settings().feeds:
        with fetcher(settings()) as ours, ThreadPoolExecutor(AT_ONCE, "feed") as pool:
            reading = [pool.submit(_read, agency, address, ours) for agency, address in named]
            each(*(one.result for one in reading))


def _read(agency: str, address: str, ours: Fetcher) -> None:
    feeds.read_feed(agency, address, ours, datetime.now(UTC))


def _forget_old() -> None:
    with transaction() as s:
        feeds.forget_old(s, settings(), datetime.now(UTC))


def _follow_failures() -> None:
    with transaction() as s:
        feeds.follow_failures(s, datetime.now(UTC))
