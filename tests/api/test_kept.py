"""Values that are read once in a while for all who ask."""

import threading

import pytest

from api.console.kept import Kept
from tests.waiting import until


class Source:
    """Counts its readings. Each waits until it may go on."""

    def __init__(self) -> None:
        self.count = 0
        self.may_go_on = threading.Event()
        self.may_go_on.set()
        self.fails = False

    def read(self) -> int:
        assert self.may_go_on.wait(30)
        if self.fails:
            raise RuntimeError("on purpose")
        self.count += 1
        return self.count


def test_what_is_a_little_too_old_is_shown_while_it_is_read_anew() -> None:
    source = Source()
    kept = Kept(source.read, every_s=0.0, rests=-1, behind_s=60.0)
    assert kept.get() == 1
    source.may_go_on.clear()
    assert kept.get() == 1, "nobody waits"
    source.may_go_on.set()
    until(lambda: kept.last == 2, 30, "it was read anew")


def test_what_is_far_too_old_is_waited_for() -> None:
    source = Source()
    kept = Kept(source.read, every_s=0.0, rests=-1)
    assert [kept.get(), kept.get()] == [1, 2]


def test_a_reading_that_fails_behind_is_told_to_the_next_reader() -> None:
    source = Source()
    kept = Kept(source.read, every_s=0.0, rests=-1, behind_s=60.0)
    kept.get()
    source.fails = True
    assert kept.get() == 1
    until(lambda: kept.last is None, 30, "it failed")
    with pytest.raises(RuntimeError, match="on purpose"):
        kept.get()
