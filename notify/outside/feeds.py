"""Read the feeds of the settings. One that fails, or a message that cannot be read, does not stop the others."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session

from notify.core import alarms
from notify.core.db import transaction
from notify.core.settings import Settings
from notify.models import OutsideFeed
from notify.outside import reading, storing
from notify.outside.entries import Linked
from notify.outside.fetching import FeedFails, Fetched, Fetcher
from notify.outside.messages import Message
from notify.outside.reading import Document, UnreadableDocument

log = structlog.get_logger()

ALARM_AFTER = 3  # failures in a row
MOST_LINKS = 20  # messages that are fetched for one feed in one run; the others follow in the next ones
MOST_S = 30.0  # for one feed in one run; links that are not asked by then follow in the next ones
NAMED = 10  # unreadable messages that are named


@dataclass(frozen=True, slots=True)
class _Read:
    """`complete`, `doubtful`: as in `Document`. `entries`: as `OutsideFeed.entries`. `whole`: nothing is left to be
    fetched, so the document need not be read again before it changes."""

    messages: tuple[Message, ...]
    unreadable: tuple[str, ...]
    complete: bool
    doubtful: frozenset[str]
    entries: dict[str, str | None]
    whole: bool


def states(s: Session) -> Sequence[OutsideFeed]:
    """The feeds that were asked, and how they do."""
    return s.scalars(select(OutsideFeed).order_by(OutsideFeed.agency, OutsideFeed.address)).all()


def read_feed(agency: str, address: str, fetcher: Fetcher, now: datetime) -> None:
    """Read a feed and keep what it says. Nothing is asked in a transaction."""
    until_s = time.monotonic() + MOST_S
    with transaction() as s:
        before = s.get(OutsideFeed, address)
        known = (before.etag, before.last_modified) if before else ("", "")
        entries = before.entries if before else {}
    try:
        fetched = fetcher.document(address, *known)
        found = _read(fetched, address, entries, fetcher, until_s) if fetched else None
    except (FeedFails, UnreadableDocument) as error:
        log.warning("feed.failed", agency=agency, address=address, why=str(error))
        with transaction() as s:
            feed = _feed(s, agency, address, now)
            feed.failures, feed.error = feed.failures + 1, str(error)
        return
    with transaction() as s:
        feed = _feed(s, agency, address, now)
        feed.read_at, feed.failures, feed.error = now, 0, ""
        if fetched is None or found is None:
            return
        feed.unreadable, feed.entries = list(found.unreadable), found.entries
        feed.etag, feed.last_modified = (fetched.etag, fetched.last_modified) if found.whole else ("", "")
        storing.keep(s, feed, found.messages, now, complete=found.complete, doubtful=found.doubtful)
        if storing.has_missing(s, feed.address):
            feed.etag = feed.last_modified = ""  # "not modified" would not count the second miss
    for why in found.unreadable:
        log.warning("feed.unreadable_message", agency=agency, address=address, why=why)


def follow_failures(s: Session, now: datetime) -> None:
    """Ring an alarm for each feed that has failed several times; it ends by itself."""
    troubles: dict[int | str, str] = {
        f"{feed.agency} {feed.address}": f"The feed of {feed.agency} could not be read {feed.failures} times in a row:"
        f" {feed.error}. Its newest warnings are missing. Its address is {feed.address}."
        for feed in states(s)
        if feed.failures >= ALARM_AFTER
    }
    alarms.follow(s, alarms.FEED_FAILS, troubles, now)


def forget_old(s: Session, settings: Settings, now: datetime) -> None:
    storing.forget_old(s, [address for _, address in settings.feeds], now)


def _feed(s: Session, agency: str, address: str, now: datetime) -> OutsideFeed:
    feed = s.get(OutsideFeed, address)
    if feed is None:
        feed = OutsideFeed(address=address, failures=0)
        s.add(feed)
    feed.agency, feed.asked_at = agency, now
    return feed


def _read(fetched: Fetched, address: str, before: dict[str, str | None], fetcher: Fetcher, until_s: float) -> _Read:
    """Read a document, and the messages that it links to and that were not read yet, those never tried first.

    At least one link is asked, however late it is: a feed whose document is slow is read in the end.
    """
    document = reading.read(fetched.body, address)
    messages, unreadable, failed = list(document.messages), list(document.unreadable), False
    entries = {one.address: before[one.address] for one in document.linked if one.address in before}
    new = [one for one in document.linked if entries.get(one.address) != one.edition]
    asked = 0
    for one in sorted(new, key=lambda entry: entry.address in before)[:MOST_LINKS]:
        if asked and time.monotonic() > until_s:
            break
        asked += 1
        try:
            found = _linked(one, address, fetcher)
        except (FeedFails, UnreadableDocument) as error:
            failed = failed or isinstance(error, FeedFails)
            found = Document((), (f"{one.address}: {error}",))
        messages += found.messages
        unreadable += found.unreadable
        entries[one.address] = None if found.unreadable else one.edition
    named = unreadable[:NAMED] + ([f"and {len(unreadable) - NAMED} more"] if len(unreadable) > NAMED else [])
    whole = not failed and asked == len(new)
    return _Read(tuple(messages), tuple(named), document.complete, document.doubtful, entries, whole)


def _linked(entry: Linked, feed: str, fetcher: Fetcher) -> Document:
    found = reading.read(fetcher.linked(entry.address, feed), entry.address)
    if not found.messages and not found.unreadable:
        raise UnreadableDocument("it holds no message")
    return found
