"""Values that are read once in a while for all who ask."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from api.console.kept import Kept, Stored
from notify.core.settings import settings
from tests.waiting import until

if TYPE_CHECKING:
    from redis import Redis


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


@dataclass(frozen=True)
class Figures:
    at: datetime
    of: Mapping[str, int]


FIGURES = Figures(datetime(2027, 1, 1, tzinfo=UTC), {"North": 1})


@pytest.mark.usefixtures("database", "redis")
def test_after_a_restart_there_is_what_was_read_before_it_and_it_is_read_anew() -> None:
    newer = Figures(FIGURES.at, {"North": 2})
    assert Kept(lambda: FIGURES, every_s=300.0, stored=Stored("figures", Figures)).get() == FIGURES
    restarted = Kept(lambda: newer, every_s=300.0, behind_s=60.0, stored=Stored("figures", Figures))
    assert restarted.soon(60.0) == FIGURES
    until(lambda: restarted.last == newer, 30, "it was read anew")


@pytest.mark.usefixtures("database")
def test_what_an_earlier_version_stored_is_not_taken(redis: "Redis") -> None:
    Kept(lambda: FIGURES, every_s=300.0, stored=Stored("figures", Figures)).get()
    (key,) = redis.keys("kept:*")
    redis.set(key, '{"at": 1}')
    assert Stored("figures", Figures).load() is None


@pytest.mark.usefixtures("database")
def test_without_redis_it_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOCSIN_REDIS_URL", "")
    settings.cache_clear()
    assert Kept(lambda: FIGURES, every_s=300.0, stored=Stored("figures", Figures)).soon(60.0) == FIGURES


def test_who_does_not_wait_for_what_takes_long_finds_it_later() -> None:
    source = Source()
    source.may_go_on.clear()
    kept = Kept(source.read, every_s=300.0)
    assert [kept.soon(0.0), kept.soon(0.0)] == [None, None]
    source.may_go_on.set()
    assert kept.soon(60.0) == 1


def test_what_nobody_waited_for_is_not_given_out_once_it_is_too_old() -> None:
    source = Source()
    source.may_go_on.clear()
    kept = Kept(source.read, every_s=0.0, rests=-1)
    assert kept.soon(0.0) is None
    source.may_go_on.set()
    until(lambda: kept.last == 1, 30, "it was read")
    until(lambda: kept._first is None, 30, "it is nobody's any more")
    assert kept.soon(60.0) == 2


def test_a_first_reading_that_fails_is_told_once_and_tried_again() -> None:
    source = Source()
    source.fails = True
    kept = Kept(source.read, every_s=300.0)
    with pytest.raises(RuntimeError, match="on purpose"):
        kept.soon(60.0)
    source.fails = False
    assert kept.soon(60.0) == 1
