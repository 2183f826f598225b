"""What a watcher reads: rate, time to go, state."""

import pytest

from notify.cli.watching import OVER_S, Pace, words


def test_the_rate_is_that_of_the_last_seconds() -> None:
    pace = Pace()
    assert pace.look(0.0, 0) == 0.0
    assert pace.look(1.0, 100) == 100.0
    for second in range(2, 20):
        rate = pace.look(float(second), 100 + (second - 1) * 10)
    assert rate == pytest.approx(10, rel=0.01)
    assert OVER_S < 18


@pytest.mark.parametrize(
    ("state", "per_s", "left", "said"),
    [
        ("sending", 50.0, 6000, "50/s, done in 0:02:00"),
        ("sending", 0.0, 10, "waiting"),
        ("paused", 50.0, 10, "paused"),
        ("sending", 50.0, 0, ""),
        ("sent", 0.0, 0, "sent"),
        ("cancelled", 10.0, 7, "cancelled"),
    ],
)
def test_words(state: str, per_s: float, left: int, said: str) -> None:
    assert words(state, per_s, left) == said
