"""A time in the city, for the blank of an alert that goes out now."""

from datetime import datetime, timedelta

from notify.core.settings import settings


def soon() -> str:
    """In five minutes, as an author types it: 2027-01-12T18:00."""
    return (datetime.now(settings().tz) + timedelta(minutes=5)).strftime("%Y-%m-%dT%H:%M")
