"""Quiet hours around this moment."""

from datetime import UTC, datetime, timedelta

import pytest

from notify.core import quiet_time
from notify.core.settings import settings


def begin(monkeypatch: pytest.MonkeyPatch, hours: int) -> datetime:
    """Have quiet hours that began an hour ago and last some more; return their end on the city's clock, in whole
    minutes. In the night on which the clocks change it is not so many hours from now."""
    here = datetime.now(settings().tz)
    monkeypatch.setenv("TOCSIN_QUIET_HOURS", f"{here - timedelta(hours=1):%H:%M}-{here + timedelta(hours=hours):%H:%M}")
    settings.cache_clear()
    end = quiet_time.until(datetime.now(UTC), settings().quiet, settings().tz)
    assert end is not None
    return end.astimezone(settings().tz)
