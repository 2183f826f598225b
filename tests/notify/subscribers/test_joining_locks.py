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
from notify.subscribers import joining
from notify.subscribers.storing import IMPORT_LOCK
from notify.subscribers.wishes import Wish
from tests.database import sql
from tests.factories import NOW, sender, zone
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


def waits() -> bool:
    """Whether somebody waits for a lock in this database."""
    return bool(sql("SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"))


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
        s.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": IMPORT_LOCK})
        entered.start()
        until(waits, 30, "the code waits for the erasure")
        s.execute(text("DELETE FROM joinings"))
    entered.join()
    assert isinstance(entered.error, NotFound)


def sql_id(s: Any) -> int:
    return int(s.execute(text("SELECT max(id) FROM joinings")).scalar_one())
