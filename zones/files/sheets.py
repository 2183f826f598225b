"""Read rows of addresses or streets from a CSV file or a file of shapes, by the meaning of their columns.

A column is recognised by the names that cities use, or given with `--map`: `number=HSE_NBR`.
"""

import codecs
import csv
import io
import re
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

import numpy as np
import pyproj
from pyproj.exceptions import CRSError
from shapely.geometry.base import BaseGeometry

from zones.errors import ZoneError
from zones.files import fields
from zones.files.opening import open_table
from zones.files.zonefile import Options

MAX_CSV_BYTES = 1024 * 1024 * 1024
MAX_COLUMNS = 300
OTHERWISE = "cp1252"  # the encoding of Windows, for files that are not UTF-8
LONGEST_CELL = 200  # characters
MOST_LINES = 10  # of one record; a longer one has an unclosed quote
LONGEST_LINE = 1_000_000
PIECE = 20_000  # rows projected at once
_EPSG = re.compile(r"(?i)EPSG:\d{4,6}")
_PLAIN = re.compile(r"[^\x20-\x7e]")

Guesses = Mapping[str, Sequence[str]]  # meaning -> column names, likeliest first; see `_key`


@dataclass(frozen=True, slots=True)
class SheetRow:
    """A row. `number`: of its line in a CSV file, of its feature elsewhere. `cells`: by meaning, "" for none. `fault`:
    why it cannot be read at all."""

    number: int
    cells: Mapping[str, str]
    shape: BaseGeometry | None
    fault: str = ""


@dataclass(frozen=True, slots=True)
class Sheet:
    """A file of rows. `columns`: the column of each meaning; `names`: all columns. `notes`, and `doubts` that must be
    confirmed, are about the file as a whole."""

    columns: Mapping[str, str]
    rows: Iterator[SheetRow]
    names: Sequence[str]
    notes: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()


def open_sheet(
    path: Path,
    guesses: Guesses,
    given: Mapping[str, str],
    *,
    layer: str | None = None,
    crs: str | None = None,
    encoding: str | None = None,
    header: Sequence[str] = (),
) -> Sheet:
    """Open a file of rows. `given`: meaning -> column; `header`: column names for a CSV without them; `encoding`: of
    the texts in a CSV or a Shapefile, by default UTF-8 if they are that, else the declared one. Raises ZoneError."""
    if unknown := set(given) - set(guesses):
        raise ZoneError(f"There is no meaning {min(unknown)!r}.", hint=f"--map accepts: {', '.join(guesses)}.")
    if path.suffix.lower() in {".csv", ".txt"}:
        return _csv(path, guesses, given, layer, crs, encoding, header)
    if header:
        raise ZoneError("Only a CSV file can lack column names.", hint="Leave --columns out.")
    table = open_table(path, Options(layer=layer, crs=crs, encoding=encoding))
    columns = _columns(table.fields, guesses, given)
    texts = {meaning: [tidy(cell) for cell in fields.texts(table.frame, column)] for meaning, column in columns.items()}
    rows = (
        SheetRow(
            row + 1,
            {meaning: texts[meaning][row] if meaning in texts else "" for meaning in guesses},
            shape,
            table.faults[row].message if row in table.faults else "",
        )
        for row, shape in enumerate(table.shapes)
    )
    return Sheet(columns, rows, table.fields, table.notes, table.doubts)


def _csv(
    path: Path, guesses: Guesses, given: Mapping[str, str], layer: str | None, crs: str | None, encoding: str | None,
    header: Sequence[str],
) -> Sheet:  # fmt: skip
    if layer is not None:
        raise ZoneError("A CSV file has no layers.", hint="Leave --layer out.")
    if not path.is_file():
        raise ZoneError("There is no such file.")
    if path.stat().st_size > MAX_CSV_BYTES:
        raise ZoneError(f"It is larger than {MAX_CSV_BYTES // 1024**2} MB.", hint="Split it.")
    to_wgs84 = None if crs is None else _to_wgs84(crs)
    encoding, notes = _encoding(path, encoding)
    records = _records(path, encoding)
    names = list(header) or next(records, (0, [""]))[1]
    if not any(names) or len(names) > MAX_COLUMNS:
        raise ZoneError("Its first line does not name its columns.", hint="Name them, such as --columns name,address.")
    names = [name.strip() for name in names]
    columns = _columns(names, guesses, given)
    places = {meaning: names.index(column) for meaning, column in columns.items()}
    rows = (_row(number, record, guesses, places) for number, record in records)
    return Sheet(columns, rows if to_wgs84 is None else _projected(rows, to_wgs84), names, notes)


def _encoding(path: Path, given: str | None) -> tuple[str, tuple[str, ...]]:
    """Return the encoding of the texts, and notes about it."""
    if given is not None:
        known = fields.known_encoding(given)
        return "utf-8-sig" if known == "utf-8" else known, ()
    try:
        if _is_utf8(path):
            return "utf-8-sig", ()
    except OSError as error:
        raise _unreadable(error) from None
    return OTHERWISE, (f"its texts are not UTF-8 and were read as {OTHERWISE}; if that is wrong, give --encoding",)


def _unreadable(error: OSError) -> ZoneError:
    return ZoneError(f"It cannot be read: {error.strerror or 'the disk or the file is damaged'}.")


def _records(path: Path, encoding: str) -> Iterator[tuple[int, list[str]]]:
    """Yield (line, fields). A record has the number of its last line. A quote that is never closed spoils only its own
    line, whose fields are empty."""
    try:
        # Five bytes are undefined in cp1252; one of them must not make the whole file unusable.
        errors = "replace" if encoding == OTHERWISE else "strict"
        with path.open(encoding=encoding, errors=errors, newline="") as file:
            start = file.read(4096)
            if "\0" in start:
                raise ZoneError("It is not a CSV file.", hint="Save it as CSV.")
            file.seek(0)
            semicolons = start.partition("\n")[0].count(";") > start.partition("\n")[0].count(",")
            for number, record in _parsed(_lines(file), ";" if semicolons else ","):
                if record is None or any(record):
                    yield number, record or []
    except OSError as error:
        raise _unreadable(error) from None
    except UnicodeError:
        raise ZoneError(f"Its texts are not in {encoding}.", hint="Give another --encoding, or leave it out.") from None


def _parsed(lines: Iterator[str], delimiter: str) -> Iterator[tuple[int, list[str] | None]]:
    """Yield records with the number of their last line; None for a line with wrong quotes."""
    waiting: deque[str] = deque()  # lines that were wrongly taken as part of a record
    taken: list[str] = []
    number = 0

    def following() -> Iterator[str]:
        while (line := waiting.popleft() if waiting else next(lines, None)) is not None:
            taken.append(line)
            if len(taken) > MOST_LINES:
                raise csv.Error("a quote is open")
            yield line

    while True:
        try:
            for record in csv.reader(following(), delimiter=delimiter):
                if len(taken) > 1:  # raises csv.Error if the lines are not really one record
                    next(csv.reader(taken, delimiter=delimiter, strict=True))
                number += len(taken)
                taken.clear()
                yield number, record
            return
        except csv.Error:
            number += 1
            waiting.extendleft(reversed(taken[1:]))
            taken.clear()
            yield number, None


def _lines(file: TextIO) -> Iterator[str]:
    """Yield the lines. Raises ZoneError for one that is too long, instead of reading all of it into memory."""
    while line := file.readline(LONGEST_LINE):
        if len(line) == LONGEST_LINE:
            raise ZoneError(f"One of its lines is longer than {LONGEST_LINE // 1000} KB.", hint="Save it as CSV again.")
        yield line


def _is_utf8(path: Path) -> bool:
    decoder = codecs.getincrementaldecoder("utf-8")()
    with path.open("rb") as file:
        try:
            while piece := file.read(io.DEFAULT_BUFFER_SIZE * 16):
                decoder.decode(piece)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return False
    return True


def _row(number: int, record: Sequence[str], guesses: Guesses, places: Mapping[str, int]) -> SheetRow:
    cells = {
        meaning: tidy(record[places[meaning]]) if meaning in places and places[meaning] < len(record) else ""
        for meaning in guesses
    }
    return SheetRow(number, cells, None, "" if record else "Its quotes are wrong.")


def tidy(text: str) -> str:
    """Return a text as one line of printable characters, cut at a length that no address has."""
    text = text[: LONGEST_CELL * 2]
    if _PLAIN.search(text):
        text = "".join(c if c.isprintable() else " " for c in text)
    return " ".join(text.split())[:LONGEST_CELL]


def _columns(names: Sequence[str], guesses: Guesses, given: Mapping[str, str]) -> dict[str, str]:
    """Return the column of each meaning that has one. Raises ZoneError if a given column is not in the file."""
    by_key: dict[str, str] = {}
    for name in names:
        by_key.setdefault(_key(name), name)
    found = {}
    for meaning, likely in guesses.items():
        if meaning in given:
            found[meaning] = fields.require(names, given[meaning])
        else:
            column = next((by_key[key] for key in likely if key in by_key), None)
            if column is not None:
                found[meaning] = column
    return found


def _key(column: str) -> str:
    """Return a name without case, spaces and dashes, but with underscores: Philadelphia has both stname and ST_NAME."""
    return "".join(c for c in column.casefold() if c.isalnum() or c == "_")


def _to_wgs84(crs: str) -> pyproj.Transformer:
    try:
        if _EPSG.fullmatch(crs):
            return pyproj.Transformer.from_crs(crs, "EPSG:4326", always_xy=True)
    except CRSError:
        pass
    raise ZoneError(f"There is no coordinate system {crs[:60]!r}.", hint="Name it like EPSG:2272.")


def _projected(rows: Iterator[SheetRow], to_wgs84: pyproj.Transformer) -> Iterator[SheetRow]:
    """Convert the `lon` and `lat` of rows from another coordinate system."""
    while piece := [row for _, row in zip(range(PIECE), rows, strict=False)]:
        x = np.array([_number(row.cells.get("lon", "")) for row in piece])
        y = np.array([_number(row.cells.get("lat", "")) for row in piece])
        lon, lat = to_wgs84.transform(x, y)
        for row, east, north in zip(piece, lon.tolist(), lat.tolist(), strict=True):
            yield SheetRow(row.number, {**row.cells, "lon": str(east), "lat": str(north)}, None, row.fault)


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return float("nan")
