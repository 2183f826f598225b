"""Sign what was launched, so that anybody can check a copy of it."""

import time
from datetime import UTC, datetime, timedelta

from notify.alerts.public import signing
from notify.core.db import exists, transaction
from notify.core.process import once

LATELY = timedelta(days=1)
ALL_EVERY_S = 600.0  # restored ones, and those whose alarm somebody has resolved


class _Looks:
    """When all alerts are looked at next, and not only those launched lately, by time.monotonic()."""

    def __init__(self) -> None:
        self.all_due_s = 0.0


@once
def _looks() -> _Looks:
    return _Looks()


def run() -> None:
    now, began_s = datetime.now(UTC), time.monotonic()
    all_ = began_s >= _looks().all_due_s
    since = signing.EVER if all_ else now - LATELY
    while exists(signing.UNSIGNED, since=since):
        with transaction() as s:
            signing.sign_launched(s, now, since)
    if all_:
        _looks().all_due_s = began_s + ALL_EVERY_S
