"""How the command speaks: tables for people, one JSON document for programs, errors in one line."""

import json
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict, is_dataclass
from datetime import UTC, datetime
from typing import Any

from rich.console import Console
from rich.table import Table

from notify.core import city_time
from notify.core.settings import settings

WIDE = 250  # columns where no terminal says how many it has: a value that is broken cannot be searched for

console = Console(highlight=False, width=None if sys.stdout.isatty() else WIDE)
console_err = Console(highlight=False, stderr=True, soft_wrap=True)
_ENDS = (".", "!", "?", ":", ",")


def print_json(document: Any) -> None:
    """One document on stdout."""
    print(json.dumps(document, default=_plain, ensure_ascii=False, indent=2))


def table(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Rows for people; numbers on the right."""
    grid = Table(box=None, pad_edge=False, header_style="bold")
    rows = list(rows)
    for place, name in enumerate(columns):
        numeric = bool(rows) and all(isinstance(row[place], int | float) for row in rows)
        grid.add_column(name, justify="right" if numeric else "left", overflow="fold")
    for row in rows:
        grid.add_row(*("-" if value is None else str(value) for value in row))
    console.print(grid)


def complain(message: str, hint: str = "", details: Sequence[str] = ()) -> None:
    """An error: one line on stderr."""
    sentences = [part if part.rstrip().endswith(_ENDS) else f"{part}." for part in (message, *details, hint) if part]
    print("tocsin: " + " ".join(" ".join(sentences).split()), file=sys.stderr)


def moment(when: datetime | None) -> str:
    """A time for people, on the city's clocks. JSON has ISO 8601."""
    return "-" if when is None else city_time.shown(when, settings().tz)


def planned(when: datetime) -> str:
    """The same, and how far off it is, so that a wrong hour or day is seen."""
    return f"{moment(when)}, {city_time.apart(when, datetime.now(UTC))}"


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    return str(value)
