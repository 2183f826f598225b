"""Read what other agencies say. Nothing that they say sends anything."""

from datetime import UTC, datetime
from functools import partial

from notify.core.db import transaction
from notify.core.settings import settings
from notify.operations.jobs.steps import each
from notify.outside import feeds
from notify.outside.fetching import Fetcher, fetcher


def run() -> None:
    """Read every feed, then ring or end their alarms. A feed that breaks does not stop the others."""
    each(_forget_old, _read_all, _follow_failures)


def _read_all() -> None:
    if named := settings().feeds:
        with fetcher(settings()) as ours:
            each(*(partial(_read, agency, address, ours) for agency, address in named))


def _read(agency: str, address: str, ours: Fetcher) -> None:
    feeds.read_feed(agency, address, ours, datetime.now(UTC))


def _forget_old() -> None:
    with transaction() as s:
        feeds.forget_old(s, settings(), datetime.now(UTC))


def _follow_failures() -> None:
    with transaction() as s:
        feeds.follow_failures(s, datetime.now(UTC))
