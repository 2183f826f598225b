"""How many posts may be due at once: found by trying."""

import time
from collections.abc import Sequence

import pytest

from notify.delivery import capacity
from notify.delivery.capacity import (
    FIRST,
    FIRST_CLAIM,
    GROWS_BY,
    LEAST,
    MOST,
    MOST_CLAIM,
    SHRINKS_TO,
    Capacity,
    ClaimSize,
    Reserved,
)
from notify.delivery.leases import CLAIM_S
from notify.delivery.throttle import LEAD_S


def room_of(ours: Capacity, want: int = 1) -> Reserved:
    reserved = ours.reserve(want)
    assert reserved is not None
    return reserved


def most(ours: Capacity) -> int:
    """What a process that wants everything would get now."""
    reserved = room_of(ours, 10**6)
    ours.release(reserved)
    return reserved.messages


def late(ours: Capacity, posts: int = 1) -> None:
    reserved = room_of(ours)
    reserved.late = posts
    ours.end(reserved)


def test_a_room_is_due_until_its_posts_are_started() -> None:
    reserved = Reserved(10)
    assert reserved.due(0.0) == 10  # its slots are not known yet
    reserved.set_slots([1.0, 2.0, 3.0])
    assert [reserved.due(s - LEAD_S) for s in (0.5, 1.0, 2.0, 2.5, 3.0)] == [0, 1, 2, 2, 3]
    reserved.waiting -= 2
    assert [reserved.due(s - LEAD_S) for s in (1.0, 2.0, 3.0)] == [0, 0, 1]


def test_a_process_gets_no_more_room_than_its_pace() -> None:
    ours = Capacity()
    assert room_of(ours, 100).messages == 100
    assert ours.reserve(100) is None  # a grant of the last few would cost more than it brings
    assert room_of(ours, 20).messages == 20
    assert ours.reserve(9) is None
    assert room_of(ours, 8).messages == 8
    assert ours.reserve(1) is None


def test_half_of_the_pace_is_worth_a_grant() -> None:
    ours = Capacity()
    first = room_of(ours, FIRST // 2)
    assert room_of(ours, 1000).messages == FIRST - first.messages


@pytest.mark.parametrize("end", [Capacity.end, Capacity.release])
def test_a_room_that_is_over_makes_room(end: object) -> None:
    ours = Capacity()
    reserved = room_of(ours, FIRST)
    assert ours.reserve(1) is None
    end(ours, reserved)  # type: ignore[operator]
    assert ours.reserve(FIRST) is not None


def test_slots_far_ahead_take_no_room() -> None:
    ours = Capacity()
    now_s = time.monotonic()
    slots: Sequence[float] = [now_s] * 8 + [now_s + 60 + n for n in range(FIRST - 8)]
    room_of(ours, FIRST).set_slots(slots)
    assert room_of(ours, FIRST).messages == FIRST - 8


def test_the_pace_grows_while_all_leave_in_time_up_to_a_bound() -> None:
    ours = Capacity()
    ours.end(room_of(ours))
    assert most(ours) == FIRST + GROWS_BY
    for _ in range(MOST):
        ours.end(room_of(ours))
    assert most(ours) == MOST


def test_what_is_given_up_teaches_nothing() -> None:
    ours = Capacity()
    ours.release(room_of(ours))
    assert most(ours) == FIRST


def test_the_pace_shrinks_once_a_round(monkeypatch: pytest.MonkeyPatch) -> None:
    ours = Capacity()
    for _ in range(5):
        late(ours)
    assert most(ours) == int(FIRST * SHRINKS_TO)
    monkeypatch.setattr(capacity, "ROUND_S", -1.0)
    late(ours)
    assert most(ours) == int(int(FIRST * SHRINKS_TO) * SHRINKS_TO)


def test_the_pace_never_stops(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(capacity, "ROUND_S", -1.0)
    ours = Capacity()
    for _ in range(100):
        late(ours)
    assert most(ours) == LEAST


def test_claims_grow_while_full_ones_leave_early() -> None:
    size = ClaimSize()
    assert size.messages == FIRST_CLAIM
    size.learn(FIRST_CLAIM - 1, 0.01, late=False)  # the rest of a batch: that a few leave soon says nothing of many
    assert size.messages == FIRST_CLAIM
    size.learn(FIRST_CLAIM, CLAIM_S / 2, late=False)
    assert size.messages == FIRST_CLAIM
    size.learn(FIRST_CLAIM, 0.01, late=False)
    assert size.messages == 2 * FIRST_CLAIM
    for _ in range(10):
        size.learn(MOST_CLAIM, 0.01, late=False)
    assert size.messages == MOST_CLAIM


def test_claims_halve_once_for_all_that_one_stall_made_late(monkeypatch: pytest.MonkeyPatch) -> None:
    now_s = 1000.0
    monkeypatch.setattr(time, "monotonic", lambda: now_s)
    size = ClaimSize()
    size.learn(1, 0.5, late=True)  # of a slow window, beside claims of a hundred
    assert size.messages == FIRST_CLAIM
    for _ in range(8):
        size.learn(FIRST_CLAIM, 0.5, late=True)
    assert size.messages == FIRST_CLAIM // 2
    for _ in range(20):
        now_s += CLAIM_S + 0.01
        size.learn(FIRST_CLAIM, 0.5, late=True)
    assert size.messages == LEAST
    size.learn(LEAST, 0.01, late=False)
    assert size.messages == 2 * LEAST
