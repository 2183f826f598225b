"""Whatever happens to a delivery, in whatever order: nobody is written to twice, or against their will, and it ends.

Hypothesis picks what happens in the first two tests. The others are lives that it finds too rarely.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from notify.channels import registry
from notify.core.db import schema_engine
from notify.core.settings import settings as our_settings
from notify.delivery import transport as transport_module
from notify.delivery.transport import Transport
from tests.notify.delivery.carrier import Carrier, Fate
from tests.notify.delivery.life import Change, Life
from tests.notify.delivery.one_alert import PEOPLE, City

SHORT = settings(max_examples=30, stateful_step_count=30, derandomize=True)  # the same lives in every run
LONG = settings(SHORT, max_examples=90)

Step = Callable[[Life], object]


@pytest.fixture(params=["storm"])
def city(own_database: str, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Iterator[City]:
    carrier = Carrier()
    twilio = replace(registry.PROVIDERS["twilio"], adapter=lambda **_: carrier, needs=())
    monkeypatch.setitem(registry.PROVIDERS, "twilio", twilio)
    monkeypatch.setattr(transport_module, "LATENESS_S", 3600.0)  # no post is late unless it is its fate
    ours = our_settings().model_copy(update={"max_attempts": 3, "reconcile_after_s": 0.0})
    transport, engine = Transport(ours), schema_engine()
    yield City(engine, transport, carrier, ours, request.param)
    transport.close()
    engine.dispose()


def live(city: City, how_long: Any) -> None:
    checks = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]
    often = settings(how_long, deadline=None, suppress_health_check=checks)
    run_state_machine_as_test(lambda: Life(city), settings=often)  # type: ignore[no-untyped-call]


@pytest.mark.timeout(900)  # what goes wrong is made as short as it can be, which takes minutes
def test_whatever_happens(city: City) -> None:
    live(city, SHORT)


@pytest.mark.parametrize("city", ["snow"], indirect=True)
@pytest.mark.timeout(900)
def test_whatever_happens_in_quiet_time(city: City) -> None:
    """Routine messages are held, released, and held again; workers and schedulers die amid it."""
    live(city, settings(SHORT, max_examples=10))


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_whatever_happens_for_long(city: City) -> None:
    live(city, LONG)


def lived(city: City, *steps: Step) -> Life:
    """A life of these steps, and then to its end."""
    life = Life(city)
    for step in steps:
        step(life)
        life.nothing_is_wrong()
    life.teardown()
    return life


def new_worker(fate: Fate = Fate.TAKEN, most: int = PEOPLE) -> Step:
    """Another worker takes a batch, claims up to `most` deliveries, and posts them."""
    return lambda life: life.send(0, True, False, [fate] * PEOPLE, most)


def same_worker(fate: Fate = Fate.TAKEN, most: int = PEOPLE) -> Step:
    """The newest worker claims and posts under the lease that it holds."""
    return lambda life: life.send(0, False, False, [fate] * PEOPLE, most)


def overtaken(life: Life) -> None:
    """The oldest worker's lease runs out; the provider is asked about what it had claimed."""
    life.overtake(0, dies=False)
    life.reconcile(silent=False)


def dies(life: Life) -> None:
    life.overtake(0, dies=True)
    life.reconcile(silent=False)


def records(life: Life) -> None:
    """The oldest worker records what it knows."""
    life.record(0, times=1, gives_back=False)


@pytest.mark.parametrize("change", [Change.PAUSE, Change.CANCEL, Change.EXPIRE])
def test_a_worker_that_holds_a_batch_sends_no_more_of_an_alert_that_is_stopped(city: City, change: Change) -> None:
    life = Life(city)
    new_worker(most=1)(life)
    life.change(change, 0)
    same_worker()(life)
    assert len(city.carrier.posts) == 1
    life.nothing_is_wrong()


def test_a_worker_whose_lease_has_run_out_sends_no_more(city: City) -> None:
    life = Life(city)
    new_worker(most=1)(life)
    life.overtake(0, dies=False)
    same_worker()(life)
    assert len(city.carrier.posts) == 1
    life.nothing_is_wrong()


def test_a_worker_that_was_overtaken_takes_nothing_out_of_the_hands_of_the_next(city: City) -> None:
    """It learnt that the provider refused its try; the next worker is sending by now, and has not recorded it yet."""
    lived(city, new_worker(Fate.THROTTLED), overtaken, new_worker(), records, same_worker())
    assert len(city.carrier.posts) == PEOPLE


def test_what_was_sent_after_the_backup_is_not_sent_again(city: City) -> None:
    lived(city, new_worker(), records, lambda life: life.restore(backs_up=False))
    assert len(city.carrier.posts) == PEOPLE


@pytest.mark.parametrize("fate", [Fate.TAKEN, Fate.NEVER])
def test_what_a_dead_worker_had_claimed_is_sent_once(city: City, fate: Fate) -> None:
    lived(city, new_worker(fate), dies)
    assert len(city.carrier.posts) == PEOPLE


@pytest.mark.parametrize("fate", [Fate.UNHEARD, Fate.LOST])
def test_what_nobody_heard_of_is_sent_once(city: City, fate: Fate) -> None:
    def gives_back(life: Life) -> None:
        life.record(0, times=2, gives_back=True)

    lived(city, new_worker(fate), gives_back, lambda life: life.reconcile(silent=True))
    assert len(city.carrier.posts) == PEOPLE
