"""Show an alert while it is being sent: a bar for each channel with its rate and the time left."""

import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from notify.alerts.reporting.reports import Progress as AlertProgress
from notify.cli.output import console
from notify.core.states import SETTLED

LEFT_OUT = {"skipped", "cancelled", "expired"}
OUT = {state.value for state in SETTLED} - LEFT_OUT
OVER_S = 5.0  # the rate shown is that of the last few seconds
LINE_S = 5.0  # without a terminal, print a line this often


class Pace:
    """Measures the rate of a channel."""

    def __init__(self) -> None:
        self._looks: deque[tuple[float, int]] = deque()

    def look(self, now_s: float, out: int) -> float:
        """Return messages per second over the last seconds; 0 if unknown. `out`: messages sent so far."""
        self._looks.append((now_s, out))
        while len(self._looks) > 2 and now_s - self._looks[1][0] >= OVER_S:
            self._looks.popleft()
        (began_s, before), (ended_s, after) = self._looks[0], self._looks[-1]
        return (after - before) / (ended_s - began_s) if ended_s > began_s else 0.0


@contextmanager
def live(progress: AlertProgress) -> Iterator[Callable[[AlertProgress], None]]:
    """Show a bar for each channel on a terminal; elsewhere print a line now and then."""
    paces = {channel: Pace() for channel in progress.channels}
    show: Show = _Bars(progress) if console.is_terminal else _lines()

    def update(now: AlertProgress) -> None:
        now_s = time.monotonic()
        for channel, pace in paces.items():
            out, wanted = sent(now, channel)
            held = now.channels_by_state.get(channel, {}).get("held", 0)
            told = words(now.state, pace.look(now_s, out), wanted - out - held)
            show(channel, out, wanted, f"{told}, {held:,} held back for now".removeprefix(", ") if held else told)

    with _shown(show):
        update(progress)
        yield update


def sent(p: AlertProgress, channel: str) -> tuple[int, int]:
    """Return how many messages of a channel have been sent, and how many there are."""
    out = sum(count for state, count in p.channels_by_state.get(channel, {}).items() if state in OUT)
    return out, p.audience.by_channel.get(channel, 0)


def words(state: str, per_s: float, left: int) -> str:
    """Describe the rate and the time left."""
    if not left or state not in ("sending", "paused"):
        return "" if state == "sending" else state
    if state == "paused" or not per_s:
        return "paused" if state == "paused" else "waiting"
    return f"{per_s:,.0f}/s, done in {timedelta(seconds=round(left / per_s))}"


Show = Callable[[str, int, int, str], None]


class _Bars:
    def __init__(self, progress: AlertProgress) -> None:
        self.display = Progress(
            TextColumn("{task.description:8}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[pace]}"),
            console=console,
        )
        self._rows = {channel: self.display.add_task(channel, total=None, pace="") for channel in progress.channels}

    def __call__(self, channel: str, out: int, wanted: int, pace: str) -> None:
        self.display.update(self._rows[channel], completed=out, total=wanted, pace=pace)


def _lines() -> Show:
    said: dict[str, tuple[float, int]] = {}

    def show(channel: str, out: int, wanted: int, pace: str) -> None:
        at_s, before = said.get(channel, (float("-inf"), -1))
        if wanted and out != before and (time.monotonic() - at_s >= LINE_S or out == wanted):
            said[channel] = (time.monotonic(), out)
            console.print(f"{channel:8} {out:,} of {wanted:,} {pace}".rstrip())

    return show


@contextmanager
def _shown(show: Show) -> Iterator[None]:
    if isinstance(show, _Bars):
        with show.display:
            yield
    else:
        yield
