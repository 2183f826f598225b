"""One stack of real processes for all acceptance tests; each test has residents and a zone of its own."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from notify.core import crypto, db
from notify.core.settings import settings
from notify.local.stack import Stack
from notify.operations import tasks, worker
from tests.acceptance.city import City

SETTINGS = {
    # Short, so that a killed worker's batches come back within a test's patience.
    "TOCSIN_LEASE_S": "4",
    "TOCSIN_PROVIDER_TIMEOUT_S": "2",
    # As by default, longer than a post may take: nobody asks about a request that may still arrive.
    "TOCSIN_RECONCILE_AFTER_S": "3",
    # Everything, so that the search for addresses in the logs has something to search.
    "TOCSIN_LOG_LEVEL": "DEBUG",
    "TOCSIN_LOG_FORMAT": "json",
}
CLOCK = Path(__file__).parent / "stepped_clock"


@pytest.fixture(scope="package")
def city(_own_settings: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[City]:
    with pytest.MonkeyPatch.context() as environment:
        for name, value in SETTINGS.items():
            environment.setenv(name, value)
        environment.setenv("PYTHONPATH", os.pathsep.join([str(CLOCK), *filter(None, [os.environ.get("PYTHONPATH")])]))
        environment.setenv("CLOCK_STEPS", str(tmp_path_factory.mktemp("clock") / "steps"))
        with Stack(tmp_path_factory.mktemp("stack"), port=0, workers=1, demo=True) as stack:
            for name, value in stack.settings.items():
                environment.setenv(name, value)
            forget()
            yield City(stack)
            forget()


@pytest.fixture(autouse=True)
def _calm(request: pytest.FixtureRequest) -> Iterator[None]:
    """After each test of the shared stack the simulator behaves and the senders are open at their rates."""
    city = request.getfixturevalue("city") if "city" in request.fixturenames else None
    yield
    if not isinstance(city, City):
        return  # this test did without the shared stack
    city.sim("/_sim/behaviour", method="DELETE")
    for channel, per_s in (("sms", 100.0), ("email", 500.0), ("social", 5.0)):
        city.rate(channel, per_s)


def forget() -> None:
    """What this process remembers of settings and servers."""
    if client := tasks.redis_client.forget():
        client.close()
    db.forget_engine()
    for remembered in (worker.app, tasks.app, tasks.throttle):
        remembered.forget()
    settings.cache_clear()
    crypto.forget_keys()
