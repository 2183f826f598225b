"""Read the records of a CSV file with their line numbers. A quote that is never closed spoils only its own line."""

import csv
import os
import re
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path

from notify.channels.channel import EMAIL, SMS
from notify.core.characters import visible
from notify.core.errors import Invalid

COLUMNS = ("phone", "email", "language", "topics", "lon", "lat", "address", "label", "consent_at", "consent_how")
# What else an export writes, so that nothing is lost (`history`). `whole_city`: yes in a row without a place.
MORE_COLUMNS = ("radius_m", "consent_words", "choices", "history", "whole_city")
CHANNELS_OF = {"phone": SMS.name, "email": EMAIL.name}  # by the column that has an address on it
# The columns that the header must have: one alternative of each line. Language and label have defaults, but a missing
# column must not stand for a resident's consent to a topic or to messages at all.
NEEDED = (
    (("phone",), ("email",)),
    (("topics",),),
    (("lon", "lat"), ("address",), ("whole_city",)),
    (("consent_at", "consent_how"),),
)
_ALSO_CALLED = {
    "longitude": "lon", "lng": "lon", "latitude": "lat", "lang": "language", "mobile": "phone", "cell": "phone",
    "tel": "phone", "mail": "email", "addr": "address", "street": "address",
}  # fmt: skip
# Words of columns that may say who has opted out or never agreed. Ignoring such a column would send messages to them.
_MAY_HAVE_LEFT = re.compile(
    "opt|optin|optout|opted|unsub|unsubscribed?|subscribed|stop|stopped|revoked|suppressed|dnc|not|blocked|bounced"
    "|active|inactive|status|deleted|removed|deceased|verified|baja|activo|estado"
)
LONGEST_CELL = 16 * 2**20  # characters; a history of many years is longer than the usual 128 KiB
MOST_LINES = 10  # of one record; a longer one has an unclosed quote
_NAME = re.compile(r"[a-z][a-z0-9_ ]{0,30}")  # of a column
_BYTES_THAT_ARE_NO_UTF8 = re.compile("[\udc80-\udcff]")  # how `surrogateescape` decodes them


def lines_of(source: str | os.PathLike[str] | Iterable[str]) -> Iterator[str]:
    """Yield the lines of a file, or of strings with one or more lines each. Raises Invalid for an unreadable file."""
    if isinstance(source, str | os.PathLike):
        path = Path(source)
        try:
            with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
                yield from file
        except OSError as error:
            raise Invalid(f"{path.name} cannot be read: {error.strerror}.", hint="Give a CSV file.") from None
        return
    for text in source:
        if text.count("\n") > 1:
            yield from re.findall(r"[^\n]*\n|[^\n]+", text)
        else:
            yield text


def header_of(lines: Iterator[str], called: Mapping[str, str]) -> tuple[list[str], int]:
    """Return the column names of the first line that is not empty, and the number of the next line.

    `Consent At` is consent_at, and a line `sep=,` for Excel is not the header. `called`: our
    columns by the names that the file has for them. Raises Invalid if one of those is missing, if a column in `NEEDED`
    is missing, one is there twice, or an unknown one may say who opted out or resembles one of ours: the data in phone2
    would be lost.
    """
    first, following = "", 1
    while not first and (line := next(lines, None)) is not None:
        first, following = line.removeprefix("\ufeff"), following + 1
        if not first.strip(", \t\r\n") or first.strip().strip('"').casefold() == "sep=,":
            first = ""
    if not first:
        raise Invalid("The file is empty.", hint=f"Its first line must name the columns: {','.join(COLUMNS)}.")
    if "\0" in first or _BYTES_THAT_ARE_NO_UTF8.search(first):
        raise Invalid("This is not a CSV file in UTF-8.", hint="Save it as CSV with UTF-8 encoding.")
    names = _renamed([_tidy(field) for field in fields_of(first) or []], called)
    missing = list(filter(None, (_missing(names, ways) for ways in NEEDED)))
    others = [name for name in names if name not in COLUMNS + MORE_COLUMNS]
    twice = [column for column in COLUMNS + MORE_COLUMNS if names.count(column) > 1]
    near = {name: like for name in others if (like := _like(name, names))}
    left = [name for name in others if _NAME.fullmatch(name) and any(map(_MAY_HAVE_LEFT.fullmatch, name.split("_")))]
    if not (missing or twice or near or left):
        return names, following
    if left and not (missing or twice):
        raise Invalid(
            f"Does a column say who must not get messages? ({', '.join(left)})",
            hint="Tocsin does not read it. Remove the rows of residents who opted out from the file, then this column.",
        )
    wrong = [f"missing: {', '.join(missing)}"] if missing else []
    wrong += [f"twice: {', '.join(twice)}"] if twice else []
    # The first line of a file without a header is a resident's data, so only what looks like a name is shown.
    shown = [f"{name} (like {near[name]})" if name in near else name for name in others if _NAME.fullmatch(name)]
    wrong += [f"unknown: {', '.join(shown) or len(others)}"] if others else []
    other = next((word for mark, word in ((";", "semicolons"), ("\t", "tabs")) if mark in first), "")
    hint = f"It is separated by {other}: save it with commas." if other and len(names) == 1 else ""
    raise Invalid(
        f"The columns are wrong ({'; '.join(wrong)}).",
        hint=hint
        or f"The first line must name columns of {','.join(COLUMNS)} (docs/subscribers.md). Rename a column that is "
        "like one of them, or remove it; other columns are ignored.",
    )


def _renamed(names: Sequence[str], called: Mapping[str, str]) -> list[str]:
    """Return the names of the columns, ours for those that the file calls otherwise."""
    ours = {_tidy(theirs): _tidy(name) for theirs, name in called.items()}
    if unknown := sorted(set(ours.values()) - set(COLUMNS + MORE_COLUMNS)):
        raise Invalid(f"There is no column {unknown[0]!r}.", hint=f"Ours are {', '.join(COLUMNS + MORE_COLUMNS)}.")
    if missing := sorted(set(ours) - set(names)):
        raise Invalid(f"The file has no column {missing[0]!r}.", hint="Give its name as the first line has it.")
    return [ours.get(name, name) for name in names]


def _tidy(name: str) -> str:
    return "_".join(re.split(r"[\s_-]+", name.strip().lower()))


def _missing(names: Sequence[str], ways: Sequence[Sequence[str]]) -> str:
    lacking = [[column for column in way if column not in names] for way in ways]
    return "" if [] in lacking else " or ".join(" and ".join(columns) for columns in lacking)


def _like(name: str, names: Sequence[str]) -> str | None:
    """Return the column that this name may mean (a misspelling or a second column); ignoring it would lose data."""
    words = set(re.split(r"[_\d]+", name))
    near = [*get_close_matches(name, COLUMNS, n=1, cutoff=0.75), *(column for column in COLUMNS if column in words)]
    other = _ALSO_CALLED.get(name)
    return near[0] if near else other if other not in names else None


def records(lines: Iterator[str], first_line: int) -> Iterator[tuple[int, list[str] | None]]:
    """Yield (number of the first line, fields); None for fields that cannot be split. Empty lines and lines of only
    commas are left out."""
    csv.field_size_limit(LONGEST_CELL)
    waiting: deque[str] = deque()  # lines that were wrongly taken as part of a record
    record: list[str] = []  # the lines of the current record

    def taken() -> Iterator[str]:
        while len(record) < MOST_LINES and (line := waiting.popleft() if waiting else next(lines, None)) is not None:
            record.append(line)
            yield line

    number = first_line
    reader = csv.reader(taken(), strict=True)
    while True:
        fields: list[str] | None
        try:
            fields = next(reader)
        except StopIteration:
            return
        except csv.Error:
            fields = None
            waiting.extendleft(reversed(record[1:]))
            del record[1:]
            reader = csv.reader(taken(), strict=True)
        if fields is None or any(map(visible, fields)):
            yield number, fields
        number += len(record)
        record.clear()


def fields_of(line: str) -> list[str] | None:
    """Return the fields of a line; None if its quotes are wrong."""
    try:
        return next(csv.reader([line], strict=True))
    except csv.Error:
        return None


def is_utf8(fields: list[str]) -> bool:
    return not _BYTES_THAT_ARE_NO_UTF8.search("".join(fields))
