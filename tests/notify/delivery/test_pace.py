"""How many posts may be due at once: found by trying."""

import time
from collections.abc import Sequence

import pytest

from notify.delivery import pace
from notify.delivery.pace import FIRST, GROWS_BY, LEAST, MOST, SHRINKS_TO, Pace, Room
from notify.delivery.throttle import LEAD_S


def room_of(ours: Pace, want: int = 1) -> Room:
    room = ours.begin(want)
    assert room is not None
    return room


def most(ours: Pace) -> int:
    """What a process that wants everything would get now."""
    room = room_of(ours, 10**6)
    ours.give_up(room)
    return room.messages


def late(ours: Pace, posts: int = 1) -> None:
    room = room_of(ours)
    room.late = posts
    ours.end(room)


def test_a_room_is_due_until_its_posts_are_started() -> None:
    room = Room(10)
    assert room.due(0.0) == 10  # its slots are not known yet
    room.has([1.0, 2.0, 3.0])
    assert [room.due(s - LEAD_S) for s in (0.5, 1.0, 2.0, 2.5, 3.0)] == [0, 1, 2, 2, 3]
    room.waiting -= 2
    assert [room.due(s - LEAD_S) for s in (1.0, 2.0, 3.0)] == [0, 0, 1]


def test_a_process_gets_no_more_room_than_its_pace() -> None:
    ours = Pace()
    assert room_of(ours, 100).messages == 100
    assert ours.begin(100) is None  # a grant of the last few would cost more than it brings
    assert room_of(ours, 20).messages == 20
    assert ours.begin(9) is None
    assert room_of(ours, 8).messages == 8
    assert ours.begin(1) is None


def test_half_of_the_pace_is_worth_a_grant() -> None:
    ours = Pace()
    first = room_of(ours, FIRST // 2)
    assert room_of(ours, 1000).messages == FIRST - first.messages


@pytest.mark.parametrize("end", [Pace.end, Pace.give_up])
def test_a_room_that_is_over_makes_room(end: object) -> None:
    ours = Pace()
    room = room_of(ours, FIRST)
    assert ours.begin(1) is None
    end(ours, room)  # type: ignore[operator]
    assert ours.begin(FIRST) is not None


def test_slots_far_ahead_take_no_room() -> None:
    ours = Pace()
    now_s = time.monotonic()
    slots: Sequence[float] = [now_s] * 8 + [now_s + 60 + n for n in range(FIRST - 8)]
    room_of(ours, FIRST).has(slots)
    assert room_of(ours, FIRST).messages == FIRST - 8


def test_the_pace_grows_while_all_leave_in_time_up_to_a_bound() -> None:
    ours = Pace()
    ours.end(room_of(ours))
    assert most(ours) == FIRST + GROWS_BY
    for _ in range(MOST):
        ours.end(room_of(ours))
    assert most(ours) == MOST


def test_what_is_given_up_teaches_nothing() -> None:
    ours = Pace()
    ours.give_up(room_of(ours))
    assert most(ours) == FIRST


def test_the_pace_shrinks_once_a_round(monkeypatch: pytest.MonkeyPatch) -> None:
    ours = Pace()
    for _ in range(5):
        late(ours)
    assert most(ours) == int(FIRST * SHRINKS_TO)
    monkeypatch.setattr(pace, "ROUND_S", -1.0)
    late(ours)
    assert most(ours) == int(int(FIRST * SHRINKS_TO) * SHRINKS_TO)


def test_the_pace_never_stops(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pace, "ROUND_S", -1.0)
    ours = Pace()
    for _ in range(100):
        late(ours)
    assert most(ours) == LEAST
