"""The after-action report of an alert or an incident, written to a file."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from sqlalchemy.orm import Session

from notify.cli import acting
from notify.cli.output import console
from notify.core.db import transaction
from notify.core.errors import Invalid
from notify.models import Operator

T = TypeVar("T")


def write(
    subject: str,
    number: int,
    output: Path,
    operator: str | None,
    read: Callable[[Session, int, Operator | None, datetime], T],
    formats: Mapping[str, tuple[str, Callable[[T], bytes]]],
) -> None:
    """Write a report in the format of the file's name. Raises Invalid for another name, or a file that cannot be."""
    suffix = output.suffix.removeprefix(".").lower()
    if suffix not in formats:
        raise Invalid(f"{output.name} is not a name for a report.", hint="End it in .pdf, .csv or .json.")
    with transaction() as s:
        found = read(s, number, acting.optional(s, operator), datetime.now(UTC))
    try:
        output.write_bytes(formats[suffix][1](found))
    except OSError as error:
        raise Invalid(f"{output} cannot be written: {error.strerror}.", hint="Choose another folder.") from None
    console.print(f"{subject} {number}: the report is in {output}.")
