"""Who joins never waits for somebody who waits for them: locks are taken in one order everywhere."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import text

from notify.accounts import tries
from notify.channels.contract import Inbound
from notify.core.db import transaction
from notify.core.errors import NotFound
from notify.core.settings import settings
from notify.delivery import join_codes, sender_pool
from notify.inbound import messages
from notify.subscribers import import_lock, joining
from notify.subscribers.wishes import Wish
from tests.database import sql
from tests.factories import NOW, resident, sender, zone
from tests.waiting import until

PHONE, NEIGHBOUR = "+12155550142", "+12155550777"


@pytest.fixture(autouse=True)
def _city(own_database: str) -> None:
    with transaction() as s:
        zone(s)
        sender(s, "twilio")
    sender_pool.read_anew()


class Beside(threading.Thread):
    """An act in a transaction of its own, in a thread. `error`: what it raised."""

    def __init__(self, act: Callable[[Any], object]) -> None:
        super().__init__()
        self.error: Exception | None = None
        self._act = act

    def run(self) -> None:
        try:
            with transaction() as s:
                self._act(s)
        except Exception as error:
            self.error = error


def waits(many: int = 1) -> bool:
    """Whether so many wait for a lock in this database."""
    waiting = "SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    return len(sql(waiting)) >= many


def test_a_join_and_a_text_of_the_same_thousand_of_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOCSIN_JOIN_CODES_PER_DAY", "400")  # one row
    settings.cache_clear()
    text_of = Inbound(NEIGHBOUR, "+15555550100", "JOIN", "SM1")
    texted = Beside(lambda s: messages.receive(s, "twilio", text_of, NOW))
    with transaction() as s:
        tries.count(s, tries.of_joiner("sms", PHONE, "198.51.100.1"), NOW)
        texted.start()
        until(waits, 30, "the text waits for the thousand")
        tries.count(s, tries.of_city("sms", NOW), NOW)
    texted.join()
    assert texted.error is None


def entering(contact: str) -> Callable[[Any], joining.Joined]:
    """Return what enters the right code of a phone or email that is new."""
    channel, _address = joining.parse(contact)
    with transaction() as s:
        token = joining.begin(
            s, contact, Wish(0.5, 0.5, "Home"), language="en", words="", network="198.51.100.1", now=NOW
        )
        made = join_codes.new_secrets(s, sql_id(s), channel, NOW)
    assert made is not None
    return lambda s: joining.confirm(s, token, made[join_codes.CODE], NOW)


def test_codes_of_two_people_are_entered_side_by_side() -> None:
    one, other = entering(PHONE), entering(NEIGHBOUR)
    with transaction() as s:
        one(s)
        beside = Beside(other)
        beside.start()
        until(lambda: waits() or not beside.is_alive(), 60, "the other code is entered")
        assert not waits(), "the other waits until the first is stored"
    beside.join()
    assert beside.error is None
    assert sql("SELECT count(*), count(DISTINCT subscriber_id) FROM contacts") == [(2, 2)]


def test_two_codes_that_came_to_one_phone_make_one_resident() -> None:
    one, other = entering(PHONE), entering(PHONE)
    beside = Beside(other)
    with transaction() as s:
        one(s)
        beside.start()
        until(waits, 60, "the other code waits for the first")
    beside.join()
    assert beside.error is None
    assert sql("SELECT count(*) FROM subscribers") == [(1,)]


def test_a_code_does_not_overtake_an_import_nor_an_import_a_code() -> None:
    one, other = entering(PHONE), entering(NEIGHBOUR)
    imported, entered = Beside(import_lock.take), Beside(other)
    with transaction() as s:
        one(s)
        imported.start()
        until(waits, 60, "the import waits for the code")
        entered.start()
        until(lambda: waits(2), 60, "the next code waits behind the import")
    for beside in (imported, entered):
        beside.join()
        assert beside.error is None
    assert sql("SELECT count(*) FROM contacts") == [(2,)]


def test_a_code_waits_for_an_import_that_stores_its_address() -> None:
    entered = Beside(entering(PHONE))
    with transaction() as s:
        import_lock.take(s)
        entered.start()
        until(waits, 60, "the code waits for the import")
        resident(s, phone=PHONE, now=NOW)
    entered.join()
    assert entered.error is None
    assert sql("SELECT count(*) FROM contacts") == [(1,)]


@pytest.mark.parametrize("by_link", [False, True])
def test_a_code_that_is_entered_while_its_joining_is_erased(*, by_link: bool) -> None:
    with transaction() as s:
        token = joining.begin(
            s, PHONE, Wish(0.5, 0.5, "Home"), language="en", words="", network="198.51.100.1", now=NOW
        )
        made = join_codes.new_secrets(s, sql_id(s), "sms", NOW)
    assert made is not None
    link = made[join_codes.LINK].rpartition("/")[2]
    entered = Beside(
        lambda s: (
            joining.confirm_by_link(s, link, NOW) if by_link else joining.confirm(s, token, made[join_codes.CODE], NOW)
        )
    )
    with transaction() as s:
        import_lock.take(s)
        entered.start()
        until(waits, 30, "the code waits for the erasure")
        s.execute(text("DELETE FROM joinings"))
    entered.join()
    assert isinstance(entered.error, NotFound)


def sql_id(s: Any) -> int:
    return int(s.execute(text("SELECT max(id) FROM joinings")).scalar_one())
