"""The output of commands: tables for people, a JSON document for programs, one line for an error."""

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

WIDE = 250  # columns if there is no terminal; a value broken over two lines cannot be searched for

console = Console(highlight=False, width=None if sys.stdout.isatty() else WIDE)
console_err = Console(highlight=False, stderr=True, soft_wrap=True)
_ENDS = (".", "!", "?", ":", ",")


def print_json(document: Any) -> None:
    """Print a document on stdout."""
    print(json.dumps(document, default=_plain, ensure_ascii=False, indent=2))


def table(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Print rows for people; numbers are aligned right."""
    grid = Table(box=None, pad_edge=False, header_style="bold")
    rows = list(rows)
    for place, name in enumerate(columns):
        numeric = bool(rows) and all(isinstance(row[place], int | float) for row in rows)
        grid.add_column(name, justify="right" if numeric else "left", overflow="fold")
    for row in rows:
        grid.add_row(*("-" if value is None else str(value) for value in row))
    console.print(grid)


def complain(message: str, hint: str = "", details: Sequence[str] = ()) -> None:
    """Print an error as one line on stderr."""
    sentences = [part if part.rstrip().endswith(_ENDS) else f"{part}." for part in (message, *details, hint) if part]
    print("tocsin: " + " ".join(" ".join(sentences).split()), file=sys.stderr)


def moment(when: datetime | None) -> str:
    """Format a time for people, in the city's time zone. JSON has ISO 8601."""
    return "-" if when is None else city_time.shown(when, settings().tz)


def planned(when: datetime) -> str:
    """Format a time and how far off it is, so that a wrong hour or day is noticed."""
    return f"{moment(when)}, {city_time.apart(when, datetime.now(UTC))}"


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    return str(value)
