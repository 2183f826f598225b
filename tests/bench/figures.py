"""The results of a benchmark, as a table for people and as a JSON document for comparison."""

import io
import json
import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

STAND_IN = "stand-in"  # the kind of process that plays the provider
TOLD = ("aiohttp", "celery", "psycopg", "redis", "shapely", "sqlalchemy", "uvloop")


@dataclass(frozen=True)
class Goal:
    """The goal of a figure. `limit` is the most that it may be, or with `at_least` the least."""

    what: str
    value: float
    limit: float
    at_least: bool = False

    @property
    def met(self) -> bool:
        return self.value >= self.limit if self.at_least else self.value <= self.limit

    def __str__(self) -> str:
        sign = "≥" if self.at_least else "≤"
        return f"{'met   ' if self.met else 'MISSED'} {self.what} {_short(self.value)} {sign} {_short(self.limit)}"


@dataclass(frozen=True)
class Figure:
    """`seconds` for `amount` things, with CPU seconds by kind of process; the baseline did `baseline_amount` things."""

    name: str
    amount: int
    seconds: float
    cpu_s: Mapping[str, float] = field(default_factory=dict)
    baseline: str = ""
    baseline_amount: int = 0
    baseline_seconds: float = 0.0
    baseline_cpu_s: float = 0.0
    goals: Sequence[Goal] = ()
    notes: Mapping[str, Any] = field(default_factory=dict)

    @property
    def per_second(self) -> float:
        return self.amount / self.seconds

    @property
    def time_ratio(self) -> float:
        """Our time for one thing against the baseline's."""
        return (self.seconds / self.amount) / (self.baseline_seconds / self.baseline_amount)

    def cpu_ms(self, *kinds: str) -> float:
        """Return CPU milliseconds per thing (CPU seconds per thousand), of these kinds of process or of all."""
        spent_s = sum(s for kind, s in self.cpu_s.items() if not kinds or kind in kinds)
        return 1000 * spent_s / self.amount if self.amount else 0.0

    @property
    def pipeline_cpu_ms(self) -> float:
        """CPU milliseconds per thing of all processes but the provider's stand-in."""
        return self.cpu_ms(*(kind for kind in self.cpu_s if kind != STAND_IN))

    @property
    def baseline_cpu_ms(self) -> float:
        return 1000 * self.baseline_cpu_s / self.baseline_amount if self.baseline_amount else 0.0


def together(name: str, turns: Sequence[Figure]) -> Figure:
    """Combine several turns of a measurement.

    Goals of single turns are those of the worst one; `notes` has each turn's ratios.
    """

    def worst(goals: tuple[Goal, ...]) -> Goal:
        return (min if goals[0].at_least else max)(goals, key=lambda goal: goal.value)

    kinds = {kind for turn in turns for kind in turn.cpu_s}
    ratios = [{"time": turn.time_ratio, "cpu": turn.pipeline_cpu_ms / turn.baseline_cpu_ms} for turn in turns]
    return Figure(
        name,
        sum(turn.amount for turn in turns),
        sum(turn.seconds for turn in turns),
        {kind: sum(turn.cpu_s.get(kind, 0.0) for turn in turns) for kind in kinds},
        turns[0].baseline,
        sum(turn.baseline_amount for turn in turns),
        sum(turn.baseline_seconds for turn in turns),
        sum(turn.baseline_cpu_s for turn in turns),
        [worst(goals) for goals in zip(*(turn.goals for turn in turns), strict=True)],
        {"ratios of each turn": ratios},
    )


def show(name: str, figures: Sequence[Figure], took_s: float) -> None:
    machine = f"{os.cpu_count()} cores, Python {platform.python_version()}"
    table = Table(title=f"{name}, measured in {took_s:.0f} s; {machine}", title_justify="left")
    for column in ("what", "things", "seconds", "things/s", "CPU-s per 1,000 (by kind)", "baseline", "time x", "CPU x"):
        table.add_column(column, justify="left" if column in ("what", "baseline") else "right")
    for f in figures:
        by_kind = ", ".join(f"{kind} {f.cpu_ms(kind):.3f}" for kind in f.cpu_s)
        against = f.baseline_cpu_ms
        table.add_row(
            f.name,
            f"{f.amount:,}",
            f"{f.seconds:.2f}",
            f"{f.per_second:,.0f}",
            by_kind,
            f"{f.baseline} {f.baseline_amount / f.baseline_seconds:,.0f}/s" if f.baseline else "",
            f"{f.time_ratio:.2f}" if f.baseline else "",
            f"{f.pipeline_cpu_ms / against:.2f}" if against else "",
        )
    console = Console(file=io.TextIOWrapper(os.fdopen(1, "wb", closefd=False), write_through=True), width=150)
    console.print(table)
    for f in figures:
        for goal in f.goals:
            console.print(f"{goal}  ({f.name})", highlight=False)
        for what, value in f.notes.items():
            console.print(f"       {what}: {value}  ({f.name})", highlight=False)


def save(figures: Sequence[Figure], file: Path) -> None:
    document = {
        "machine": platform.machine(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "versions": {name: version(name) for name in TOLD},
        "figures": [
            asdict(f)
            | {"per_second": f.per_second, "cpu_s_per_1000": {kind: f.cpu_ms(kind) for kind in f.cpu_s}}
            | ({"time_ratio": f.time_ratio} if f.baseline else {})
            | {"goals": [asdict(goal) | {"met": goal.met} for goal in f.goals]}
            for f in figures
        ],
    }
    file.write_text(json.dumps(document, indent=2))


def _short(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
