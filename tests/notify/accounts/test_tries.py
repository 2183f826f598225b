"""Guessing is slowed down, and nobody is kept out by a stranger's guesses."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from notify.accounts import credentials, devices, passwords, signing_in, tries
from notify.core.db import transaction
from notify.core.errors import Unavailable
from tests.api.people import joined
from tests.factories import NOW

pytestmark = pytest.mark.usefixtures("database")
EMAIL, HOME, ELSEWHERE = "maria.lopez@example.gov", "203.0.113.7", "198.51.100.9"


def tried(times: int, email: str = EMAIL, network: str = HOME, device: str = "", after_s: float = 0) -> int:
    """How many of so many tries are let through."""
    let = 0
    for _ in range(times):
        try:
            with transaction() as s:
                signing_in.begin(s, email, device, network, NOW + timedelta(seconds=after_s))
            let += 1
        except tries.TooManyTries:
            continue
    return let


def test_misses_are_few_and_drain() -> None:
    most = tries.BUCKETS["account-network"].most
    assert tried(most + 5) == most
    assert tried(5, after_s=61) == 1
    assert tried(20, after_s=3600) == most


@pytest.mark.parametrize("email", [EMAIL, "nobody@example.gov", "no email at all", ""])
def test_an_unknown_account_is_slowed_down_alike(email: str) -> None:
    if email == EMAIL:
        joined(EMAIL)
    assert tried(20, email) == tries.BUCKETS["account-network"].most


def test_a_network_that_tries_many_accounts_is_slowed_down() -> None:
    most = tries.BUCKETS["network"].most
    assert sum(tried(1, f"{n}@example.gov") for n in range(most + 10)) == most
    assert tried(1, EMAIL, ELSEWHERE) == 1


def test_many_networks_that_try_one_account_are_slowed_down() -> None:
    most = tries.BUCKETS["account"].most
    assert sum(tried(1, network=f"203.0.113.{n}") for n in range(most + 10)) == most


def test_a_stranger_keeps_nobody_out_of_a_browser_that_was_used_before() -> None:
    maria = joined(EMAIL)
    with transaction() as s:
        devices.keep(s, "her browser", maria.id, NOW)
    for n in range(tries.BUCKETS["account"].most + 1):
        tried(1, network=f"203.0.113.{n}")
    assert tried(1, network=ELSEWHERE) == 0
    assert tried(1, network=ELSEWHERE, device="her browser") == 1
    most = tries.BUCKETS["device"].most
    assert tried(most, network=ELSEWHERE, device="her browser") == most - 1, "whose guesses are counted, too"
    assert tried(1, "other@example.gov", ELSEWHERE, "her browser") == 1, "it is nobody else's device"


def test_parallel_tries_are_counted_before_any_password_is_compared() -> None:
    with ThreadPoolExecutor(6) as pool:
        let = sum(pool.map(lambda _: tried(1), range(24)))
    assert let == tries.BUCKETS["account-network"].most


def test_only_misses_count() -> None:
    for _ in range(3 * tries.BUCKETS["account-network"].most):
        with transaction() as s:
            given = signing_in.begin(s, EMAIL, "", HOME, NOW)
        with transaction() as s:
            tries.give_back(s, given.keys)


def test_hashing_has_a_bounded_queue(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "PATIENCE_S", 0.01)
    held = [passwords._turns.acquire() for _ in range(passwords.AT_ONCE)]
    try:
        with pytest.raises(Unavailable, match="Too many"):
            passwords.matches(None, "x")
    finally:
        for _ in held:
            passwords._turns.release()
    assert passwords.matches(None, "x") is False


def test_a_rehash_does_not_undo_a_change_of_the_password() -> None:
    maria = joined(EMAIL)
    with transaction() as s:
        kept = credentials.of(s, maria.id)
        assert kept is not None
        old = kept.password_hash
        kept.password_hash = newer = old[:-4] + "AAAA"
        s.flush()
        credentials.keep_rehashed(s, maria.id, old, old[:-4] + "BBBB")
        s.refresh(kept)
        assert kept.password_hash == newer


def test_a_sign_in_that_a_change_overtakes_does_not_succeed() -> None:
    maria = joined(EMAIL)
    with transaction() as s:
        given = signing_in.begin(s, EMAIL, "", HOME, NOW)
    assert signing_in.compare(given, "granite lantern seventeen") is None
    with transaction() as s:
        kept = credentials.of(s, maria.id)
        assert kept is not None
        kept.password_hash = kept.password_hash[:-4] + "AAAA"
    with pytest.raises(signing_in.NotProven), transaction() as s:
        signing_in.finish(s, given, maria.recovery[0], None, NOW)
