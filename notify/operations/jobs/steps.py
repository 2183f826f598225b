"""Run the independent steps of a job."""

from collections.abc import Callable

import structlog

from notify.core import db

log = structlog.get_logger()


def each(*steps: Callable[[], object]) -> None:
    """Run every step, even if others fail; then raise the first error."""
    errors: list[Exception] = []
    for step in steps:
        try:
            step()
        except Exception as error:
            if errors:  # the scheduler reports the first one
                log.warning("scheduler.step_failed", error=db.reason(error), exc_info=True)
            errors.append(error)
    if errors:
        raise errors[0]
