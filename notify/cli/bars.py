"""An alert's numbers as bars and as a short report."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from notify.cli.output import console, moment, table
from notify.lifecycle import SETTLED
from notify.reports import Progress as AlertProgress

LEFT_OUT = {"skipped", "cancelled", "expired"}
OUT = {state.value for state in SETTLED} - LEFT_OUT


@contextmanager
def live(progress: AlertProgress) -> Iterator[Callable[[AlertProgress], None]]:
    """A bar for each channel."""
    display = Progress(
        TextColumn("{task.description:8}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), console=console
    )
    rows = {channel: display.add_task(channel, total=None) for channel in progress.channels}

    def update(now: AlertProgress) -> None:
        for channel, row in rows.items():
            done = sum(count for state, count in now.channels_by_state.get(channel, {}).items() if state in OUT)
            display.update(row, completed=done, total=now.audience.by_channel.get(channel, 0))

    with display:
        update(progress)
        yield update


def show(p: AlertProgress) -> None:
    """What happened, for a person."""
    console.print(f"[bold]Alert {p.id}[/]: {p.event} {p.phase}, {p.status}, {p.lane} lane, [bold]{p.state}[/]")
    console.print(f"Where: {p.area_description}   area {(p.area_hash or '-')[:12]}   incident {p.incident}")
    skipped = sum(p.audience.skipped.values())
    console.print(
        f"Audience: {p.audience.total:,} contacts in the area, {p.audience.total - skipped:,} to be written to"
    )
    if any(p.audience.by_channel.values()):
        states = [state for state in p.deliveries if state != "skipped" and p.deliveries[state]]
        table(
            ("channel", "to write to", *states),
            [
                (channel, count, *(p.channels_by_state[channel].get(state, 0) for state in states))
                for channel, count in p.audience.by_channel.items()
            ],
        )
    for state, reasons in p.reasons.items():
        console.print(f"{state.capitalize()}:")
        for reason, count in sorted(reasons.items(), key=lambda x: -x[1]):
            console.print(f"  {count:,}  {p.reason_words[reason]}", markup=False)
    console.print(
        f"Launched {moment(p.launched_at)}; first message {_after(p.launched_at, p.first_sent_at)}, "
        f"last message {_after(p.launched_at, p.last_sent_at)}"
    )


def _after(start: datetime | None, then: datetime | None) -> str:
    return "-" if start is None or then is None else f"after {(then - start).total_seconds():.2f} s"
