"""What the tests of deliveries need."""

from collections.abc import Iterator

import pytest

from notify.core.settings import settings


@pytest.fixture
def usual_quiet_hours(database: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TOCSIN_QUIET_HOURS", "21:00-08:00")
    settings.cache_clear()
    yield
    settings.cache_clear()
