"""Draw the messages sent over time as SVG paths. The page has a table of the same numbers."""

from dataclasses import dataclass

from notify.alerts.reporting.after_action import Curve

WIDTH, HEIGHT = 640, 200
LEFT, BOTTOM, TOP, RIGHT = 56, 26, 10, 8  # margins for the labels


@dataclass(frozen=True, slots=True)
class Chart:
    """`lines`: channel and the `d` of its path. `ticks`: height, and how many messages it stands for."""

    width: int
    height: int
    lines: tuple[tuple[str, str], ...]
    ticks: tuple[tuple[float, int], ...]
    left: int
    right: int
    bottom: int
    whole_s: float  # from the launch to the right edge


def drawn(curve: Curve) -> Chart:
    across, down = WIDTH - LEFT - RIGHT, HEIGHT - BOTTOM - TOP

    def y(count: float) -> float:
        return HEIGHT - BOTTOM - down * count / curve.top

    lines = tuple(
        (
            channel,
            "M" + "L".join(f"{LEFT + across * n / (len(left) - 1):.1f},{y(v):.1f}" for n, v in enumerate(left)),
        )
        for channel, left in curve.left.items()
    )
    ticks = tuple((round(y(count), 1), count) for count in curve.ticks)
    points = max((len(left) for left in curve.left.values()), default=2)
    return Chart(WIDTH, HEIGHT, lines, ticks, LEFT, WIDTH - RIGHT, HEIGHT - BOTTOM, curve.step_s * (points - 1))
