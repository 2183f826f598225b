"""Remind residents the evening before a collection, at the hour of their choice, and tell them what changes."""

from datetime import UTC, datetime

from notify.core import db
from notify.core.process import once
from notify.operations.jobs.steps import each
from notify.service311.reminders import evening, news, readers
from notify.service311.reminders.aside import Aside

_aside = once(Aside)


def run() -> None:
    """Tell what a new edition changes, then write the reminders that are due. They are sent by `reminded`."""
    each(_tell, _take_in, _remind)


def _tell() -> None:
    if db.exists(news.ANY):
        news.tell(_now, _aside())


def _take_in() -> None:
    readers.begin(_now())


def _remind() -> None:
    if db.exists("SELECT FROM reminder_wishes"):
        evening.remind(_now, _aside())


def _now() -> datetime:
    return datetime.now(UTC)
