"""Floods of sign-ups and texts that are pumped for a share of their price: each limit, one at a time."""

from datetime import datetime, timedelta
from itertools import count

import pytest

from notify.accounts import tries
from notify.core import phones
from notify.core.db import transaction
from notify.core.settings import settings
from notify.delivery import sender_pool
from notify.operations.jobs import joining as job
from notify.subscribers import joining
from notify.subscribers.wishes import Wish
from tests.database import sql
from tests.factories import NOW, resident, sender

pytestmark = pytest.mark.usefixtures("database")
_numbers = count(0)


def fresh_phone() -> str:
    """In a thousand of its own."""
    return f"+1215{2000000 + 1000 * next(_numbers)}"


def fresh_network() -> str:
    return f"198.51.100.{next(_numbers)}"


def asked(times: int, address: str = "", network: str = "", channel: str = "sms", now: datetime = NOW) -> int:
    """How many of so many requests for a code are let through, all else being fresh."""
    let = 0
    for _ in range(times):
        try:
            with transaction() as s:
                keys = tries.of_joiner(channel, address or fresh_phone(), network or fresh_network())
                tries.count(s, [*keys, *tries.of_city(channel, now)], now)
            let += 1
        except tries.TooManyTries:
            continue
    return let


def most(kind: str) -> int:
    return tries.BUCKETS[kind].most


@pytest.mark.parametrize(("channel", "address"), [("sms", "+12155550142"), ("email", "maria@example.org")])
def test_one_phone_or_email(channel: str, address: str) -> None:
    assert asked(most("join-address") + 3, address, channel=channel) == most("join-address")
    assert asked(1) == 1


def test_one_network() -> None:
    assert asked(most("join-network") + 3, network="203.0.113.9") == most("join-network")
    assert asked(1) == 1


def test_a_thousand_numbers_in_a_row() -> None:
    numbers = [f"+1215555{n:04}" for n in range(most("join-range") + 3)]
    assert sum(asked(1, number) for number in numbers) == most("join-range")
    assert asked(1, "+12155561000") == 1


@pytest.mark.parametrize("form", ["+44791112{n:04}", "+1876555{n:04}", "+1900555{n:04}"])
def test_all_numbers_for_which_a_text_costs_more(form: str) -> None:
    numbers = [form.format(n=1000 * (n % 10) + n) for n in range(most("join-dear") + 3)]
    assert sum(asked(1, number) for number in numbers) == most("join-dear")
    assert asked(1) == 1, "at home"


@pytest.mark.parametrize("number", ["+12155550142", "+17875550142", "+14165550142"])
def test_a_number_at_home_costs_no_more(number: str) -> None:
    assert not phones.costs_more(number)


def test_the_whole_city(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(tries.BUCKETS, "join-city", tries.Bucket(5, 2))
    assert asked(8) == 5
    assert asked(1, now=NOW + timedelta(seconds=2)) == 1


def test_a_bucket_that_everybody_shares_is_spread_over_rows_and_holds_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(tries.BUCKETS, "join-city", tries.Bucket(20, 10**6))
    monkeypatch.setattr(tries, "ROW_HOLDS", 4)
    assert asked(30) == 20
    rows = sql("SELECT level FROM sign_in_tries WHERE kind = 'join-city'")
    assert len(rows) > 1
    assert sum(row.level for row in rows) == pytest.approx(20, abs=0.1)


def test_the_budget_of_a_day_ends_all_sign_ups_until_midnight_and_rings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOCSIN_JOIN_CODES_PER_DAY", "5")
    settings.cache_clear()
    assert asked(4) == 4
    job.watch(NOW)
    assert not rings()
    assert asked(4) == 1
    with transaction() as s, pytest.raises(tries.TooManyTries, match="too many tries") as refused:
        tries.count(s, tries.of_city("sms", NOW), NOW)
    assert refused.value.wait_s == 12 * 3600, "noon in New York"
    assert "tomorrow" in str(refused.value.hint)
    job.watch(NOW)
    assert rings() == [("Residents have asked for 5 codes today, all that TOCSIN_JOIN_CODES_PER_DAY allows."
                        " Nobody else can join until midnight.",)]  # fmt: skip
    tomorrow = NOW + timedelta(hours=12)
    assert asked(1, now=tomorrow) == 1
    job.watch(tomorrow)
    assert not rings()


def test_a_budget_of_nothing_lets_nobody_join(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOCSIN_JOIN_CODES_PER_DAY", "0")
    settings.cache_clear()
    assert asked(2) == 0


def test_emails_spend_no_budget_of_texts_and_neither_closes_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOCSIN_JOIN_CODES_PER_DAY", "3")
    monkeypatch.setitem(tries.BUCKETS, "join-city", tries.Bucket(10, 2))
    settings.cache_clear()
    assert sum(asked(1, f"{n}@example.org", channel="email") for n in range(12)) == 10
    assert asked(5) == 3
    later = NOW + timedelta(seconds=60)
    assert asked(1, "late@example.org", channel="email", now=later) == 1


def test_who_is_signed_up_gets_to_their_page_when_the_budget_is_spent_and_nobody_learns_who_that_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TOCSIN_JOIN_CODES_PER_DAY", "0")
    settings.cache_clear()
    with transaction() as s:
        sender(s)
        known = resident(s)
    sender_pool.read_anew()
    for phone in (known.phone, "+12155550199"):
        with transaction() as s:
            assert joining.begin(s, phone, None, language="en", words="", network="198.51.100.1", now=NOW)
    assert len(sql("SELECT 1 FROM joinings")) == 2
    assert len(sql("SELECT 1 FROM direct_messages WHERE kind = 'join-code'")) == 1
    for phone in (known.phone, "+12155550199"):
        with transaction() as s, pytest.raises(tries.TooManyTries):
            joining.begin(s, phone, Wish(0, 0, "Home"), language="en", words="", network="198.51.100.1", now=NOW)


def rings() -> list[tuple[str]]:
    return [tuple(row) for row in sql("SELECT message FROM alarms WHERE kind = 'join-budget' AND resolved_at IS NULL")]
