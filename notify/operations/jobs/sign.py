"""Sign what was launched, so that anybody can check a copy of it."""

from datetime import UTC, datetime

from notify.alerts.public import signing
from notify.core.db import exists, transaction


def run() -> None:
    while exists(signing.UNSIGNED):
        with transaction() as s:
            signing.sign_launched(s, datetime.now(UTC))
