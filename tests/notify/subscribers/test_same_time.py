"""Whoever asks for a code, or makes up a link, learns from the time of the answer as little as from its words whose
address is known.

Time on a wall clock shows nothing on a busy machine, so what is compared is the processor time that an answer takes
of this thread and of PostgreSQL, in many pairs. A query more for one of the two is found.
"""

import gc
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import count
from pathlib import Path
from statistics import median, quantiles

import pytest

from notify.core import crypto, db
from notify.core.db import transaction
from notify.core.errors import Invalid, Refused
from notify.delivery import sender_pool, suppressions
from notify.subscribers import addresses, consent, joining
from notify.subscribers.wishes import Wish
from tests.database import sql
from tests.factories import NOW, Person, residents, sender, zone

PAIRS, TURNS = 80, 9
APART = 0.05  # a query more is a tenth
A_MESSAGE = 0.1  # where for one of the two no message is stored
HERE = Wish(0.5, 0.5, "Home", "120 Main St")
_numbers = count(0)


@pytest.fixture(autouse=True)
def _city(database: str) -> Iterator[None]:
    with transaction() as s:
        zone(s)
        sender(s, "twilio")
        sender(s, "sendgrid")
    sender_pool.read_anew()
    gc.disable()
    yield
    gc.enable()


Acts = Callable[[], Sequence[Callable[[], object]]]  # makes PAIRS acts that were never done before


def begin(contact: str, wish: Wish | None) -> str:
    number = next(_numbers)
    with transaction() as s:
        return joining.begin(
            s, contact, wish, language="en", words="", network=f"10.0.{number >> 8}.{number & 255}", now=NOW
        )


def enter_wrong(token: str) -> None:
    with transaction() as s, pytest.raises(Refused):
        joining.confirm(s, token, "12345", NOW)


def known(*, complained: bool = False) -> Sequence[str]:
    """Return emails of residents."""
    with transaction() as s:
        emails = [one.email for one in residents(s, [Person(phone=None, email="")] * PAIRS)]
        if complained:
            indexes = [addresses.index("email", email) for email in emails]
            reasons = ["complaint"] * len(indexes)
            suppressions.suppress_addresses(db.raw(s).cursor(), "email", indexes, reasons, NOW)
    return emails


def unknown() -> Sequence[str]:
    return [f"nobody.{next(_numbers)}@example.org" for _ in range(PAIRS)]


def known_ids() -> Sequence[int]:
    with transaction() as s:
        return [one.mail or 0 for one in residents(s, [Person(phone=None, email="")] * PAIRS)]


def unknown_ids() -> Sequence[int]:
    return [10_000_000 + next(_numbers) for _ in range(PAIRS)]


def follow(link: str) -> str:
    """Unsubscribe by a link that we did not make, and return the answer."""
    try:
        with transaction() as s:
            consent.unsubscribe(s, link, now=NOW)
    except Invalid as refused:
        return f"{refused.message} {refused.hint}"
    return "done"


def cost_ns(act: Callable[[], object], backends: Sequence[Path]) -> int:
    """The processor time of an act, here and in PostgreSQL. proc(5): the first number of schedstat, in nanoseconds."""

    def spent() -> int:
        return time.thread_time_ns() + sum(int(one.read_text().split()[0]) for one in backends)

    before = spent()
    act()
    return spent() - before


def backends() -> Sequence[Path]:
    """The processes of PostgreSQL that serve this database, where they are on this machine."""
    found = sql(
        "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND backend_type = 'client backend'"
    )
    return [file for row in found if (file := Path(f"/proc/{row.pid}/schedstat")).exists()]


def assert_same_time(ours: Acts, others: Acts, apart: float = APART) -> None:
    """Compare acts in pairs. What slows down the machine slows down one of them in one turn, but not in most."""
    ratios = []
    for _ in range(TURNS):
        pairs = list(zip(ours(), others(), strict=True))
        for act in pairs[0]:
            act()
        asked = backends()
        costs: tuple[list[int], list[int]] = ([], [])
        for number, pair in enumerate(pairs[1:]):
            for which in (0, 1) if number % 2 else (1, 0):
                costs[which].append(cost_ns(pair[which], asked))
        ratios.append(round(usual(costs[0]) / usual(costs[1]), 3))
    assert abs(median(ratios) - 1) < apart, f"known takes this many times as long as unknown: {ratios}"


def usual(costs: Sequence[int]) -> float:
    """Return the lower quartile: what disturbs an act only adds to it."""
    return quantiles(costs, n=4)[0]


def begins(contacts: Sequence[str], wish: Wish | None) -> Sequence[Callable[[], object]]:
    return [partial(begin, contact, wish) for contact in contacts]


def entries(contacts: Sequence[str], wish: Wish | None) -> Sequence[Callable[[], object]]:
    return [partial(enter_wrong, begin(contact, wish)) for contact in contacts]


def links(contacts: Sequence[int]) -> Sequence[Callable[[], object]]:
    """Return acts that follow the link of each contact as somebody writes it who has seen others, but not our key."""
    return [partial(follow, crypto.sign_token("guessed", f"{contact}.snow")) for contact in contacts]


@pytest.mark.parametrize("wish", [HERE, None], ids=["join", "sign in"])
@pytest.mark.parametrize("ask", [begins, entries], ids=["ask for a code", "enter a wrong one"])
def test_who_is_signed_up(wish: Wish | None, ask: Callable[..., Sequence[Callable[[], object]]]) -> None:
    assert_same_time(lambda: ask(known(), wish), lambda: ask(unknown(), wish))


def test_who_may_not_be_written_to() -> None:
    assert_same_time(lambda: begins(known(complained=True), None), lambda: begins(unknown(), None), A_MESSAGE)


def test_whose_unsubscribe_link_was_guessed() -> None:
    assert_same_time(lambda: links(known_ids()), lambda: links(unknown_ids()))
    assert {act() for act in (links(known_ids())[0], links(unknown_ids())[0])} == {
        "This link is not complete. Copy the whole link from the message and try again."
    }
    assert sql("SELECT id FROM suppressions") == []
