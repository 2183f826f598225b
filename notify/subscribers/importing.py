"""Import residents from a CSV file in chunks, each in its own transaction.

A file may be imported again: existing data stay as they are, and residents who opted out stay opted out (suppressions
are never changed here). Rows with the same phone or email are about the same resident. A row that would give a resident
a second phone or email is left out and reported (`identity`).
"""

import csv
import gc
import os
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TextIO

import structlog
from sqlalchemy.exc import IntegrityError

from notify import audience
from notify.accounts import operators
from notify.city.geocoder.standing import city_before
from notify.core import audit, db
from notify.core.db import transaction
from notify.core.settings import settings
from notify.models import Operator
from notify.subscribers.csv_records import COLUMNS, MORE_COLUMNS, header_of, lines_of, records
from notify.subscribers.identity import Couples
from notify.subscribers.newcomers import Newcomers
from notify.subscribers.placing import place
from notify.subscribers.rehearsal import rehearsal
from notify.subscribers.rows import BadRow, Locate, Reader, Row
from notify.subscribers.storing import Stored, couple_of, store

log = structlog.get_logger()

CHUNK = 5_000  # rows in a transaction: about a second, and a few megabytes
MOST_LISTED = 1_000  # bad rows listed in a report; all are counted
TRIES = 3  # of a chunk, when residents sign up with the same addresses at the same time


_Kept = tuple[Stored, Sequence[tuple[int, str]]]  # what is new; line and reason of the rows left out


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a row was left out. It never contains an address."""

    line: int
    reason: str


@dataclass(frozen=True, slots=True)
class ImportReport:
    """The result of an import. `bad` lists the first `MOST_LISTED` of `bad_count`. `new` does not count what existed.
    `unwritten`: rows by language, of languages without messages; residents get the city's first. `without_topic`,
    `without_consent`: rows without a topic, without a consent. `outside`: rows kept although their place is far from
    the city; `is_city_known`: whether that could be checked. `ignored`: unknown columns. After a dry run it is what an
    import would report."""

    rows: int
    kept: int
    bad_count: int
    bad: tuple[Reason, ...]
    new: Stored
    unwritten: dict[str, int]
    suppressed: int = 0
    without_topic: int = 0
    outside: int = 0
    is_city_known: bool = True
    ignored: tuple[str, ...] = ()
    dry_run: bool = False
    without_consent: int = 0


@dataclass(slots=True)
class _Tally:
    rows: int = 0
    bad_count: int = 0
    bad: list[Reason] = field(default_factory=list)
    new: Stored = field(default_factory=Stored)
    languages: Counter[str] = field(default_factory=Counter)
    without_topic: int = 0
    without_consent: int = 0
    outside: int = 0


def import_csv(
    source: str | os.PathLike[str] | Iterable[str],
    now: datetime,
    *,
    locate: Locate = place,
    on_progress: Callable[[int], None] | None = None,
    region: str = "US",
    bad_rows_to: Path | None = None,
    by: Operator | None = None,
    merge: bool = False,
    outside: bool = False,
    dry_run: bool = False,
    ask: bool = False,
    called: Mapping[str, str] | None = None,
) -> ImportReport:
    """Import a file, or the lines of one. Good rows are kept; bad ones are reported with their line and the reason.

    `locate` finds the point of a street address for rows without lon and lat: by default among the city's own, and
    only if it is certain. `region` (ISO 3166) is that of phone numbers without a country code. `on_progress` gets the
    rows read so far. `bad_rows_to` gets all bad rows as a CSV of line and reason. `merge`: the operator has confirmed
    that rows which share a phone or an email are about one resident, even if that adds a second phone or email.
    `outside`: accept places far from the city; without it their rows are bad. `dry_run`: report the same, but keep
    nothing. `ask`: contacts without a consent are asked, once each, whether they want alerts. `called`: our columns by
    the names that the file has for them. Raises Invalid, before anything is kept, when the file or its
    header cannot be used.
    """
    operators.require_by(by, "administer")
    if not isinstance(source, str | os.PathLike):
        source = list(source)  # it is read twice
    lines = lines_of(source)
    names, following = header_of(lines, called or {})
    chosen = settings()
    with transaction() as s:
        city = city_before(s)
    reader = Reader(names, now, region, chosen.languages[0], chosen.tz, locate, city, outside)
    with ExitStack() as stack:
        gc.freeze()  # a chunk's objects are freed with it; scanning all others took a seventh of the time
        stack.callback(gc.unfreeze)
        couples = _couples(reader, source, merge, called or {})
        tally = _Tally()
        write = _writer(stack, bad_rows_to)
        rehearsed = stack.enter_context(rehearsal(couples, merge)) if dry_run else None
        keep = rehearsed.keep if rehearsed else partial(_stored, now=now, couples=couples, merge=merge, ask=ask)
        rows = records(lines, first_line=following)
        while chunk := list(islice(rows, CHUNK)):
            good, bad = _read(reader, chunk)
            refused = _keep(tally, good, keep)
            _add(tally, len(chunk), sorted([*bad, *refused], key=lambda one: one.line), write)
            if on_progress:
                on_progress(tally.rows)
        if rehearsed:
            tally.new = rehearsed.total(ask=ask)
    report = _report(tally, names, city is not None, dry_run)
    if not dry_run:
        _note(report, now, by)
    return report


def _report(tally: _Tally, names: Sequence[str], is_city_known: bool, dry_run: bool) -> ImportReport:
    return ImportReport(
        tally.rows,
        tally.rows - tally.bad_count,
        tally.bad_count,
        tuple(tally.bad),
        tally.new,
        {language: count for language, count in sorted(tally.languages.items()) if language not in audience.written()},
        tally.new.suppressed,
        tally.without_topic,
        tally.outside,
        is_city_known,
        tuple(name or "(no name)" for name in names if name not in COLUMNS + MORE_COLUMNS),
        dry_run,
        tally.without_consent,
    )


def _read(reader: Reader, chunk: Iterable[tuple[int, list[str] | None]]) -> tuple[list[Row], list[Reason]]:
    good: list[Row] = []
    bad: list[Reason] = []
    for line, fields in chunk:
        try:
            good.append(reader.read(line, fields))
        except BadRow as error:
            bad.append(Reason(line, str(error)))
    return good, bad


def _couples(
    reader: Reader, source: str | os.PathLike[str] | Iterable[str], merge: bool, called: Mapping[str, str]
) -> Couples:
    """Return the pairs of phone and email in the file, also of rows that are left out for another reason."""
    lines = lines_of(source)
    _, following = header_of(lines, called)
    rows = (
        (couple_of(*both), line, fields)
        for line, fields in records(lines, first_line=following)
        if fields is not None and (both := reader.contacts(fields))
    )
    if merge:
        return Couples(couple for couple, _, _ in rows)
    newcomers = Newcomers(reader)
    couples = Couples(newcomers.passing(rows))
    couples.elsewhere = newcomers.elsewhere()
    return couples


def _keep(tally: _Tally, rows: list[Row], keep: Callable[[Sequence[Row]], _Kept]) -> list[Reason]:
    """Keep the good rows of a chunk, and return those left out. One that PostgreSQL refuses stops no other (law 15)."""
    left_out: list[Reason] = []

    def work(some: Sequence[Row]) -> Stored:
        stored, refused = keep(some)
        left_out.extend(Reason(line, reason) for line, reason in refused)
        return stored

    def refuse(row: Row, why: Exception) -> None:
        left_out.append(Reason(row.line, f"the database refuses it ({db.reason(why)})."))

    tally.new += sum(db.in_halves(rows, work, refuse), Stored())
    lines = {one.line for one in left_out}
    kept = [row for row in rows if row.line not in lines]
    tally.languages.update(row.language for row in kept)
    tally.without_topic += sum(not row.topics for row in kept)
    tally.without_consent += sum(row.consent_at is None for row in kept)
    tally.outside += sum(row.is_outside for row in kept)
    return left_out


def _stored(rows: Sequence[Row], now: datetime, couples: Couples, merge: bool, ask: bool) -> _Kept:
    """Store rows in one transaction; try again when residents sign up with the same addresses at the same time."""
    for _ in range(TRIES - 1):
        with suppress(IntegrityError), transaction() as s:
            return store(s, rows, now, couples, merge=merge, ask=ask)
    with transaction() as s:
        return store(s, rows, now, couples, merge=merge, ask=ask)


def _writer(files: ExitStack, path: Path | None) -> Callable[[Iterable[Reason]], None]:
    if path is None:
        return lambda bad: None
    file: TextIO = files.enter_context(path.open("w", newline="", encoding="utf-8"))
    writer = csv.writer(file)
    writer.writerow(("line", "reason"))
    return lambda bad: writer.writerows((one.line, one.reason) for one in bad)


def _add(tally: _Tally, rows: int, bad: list[Reason], write: Callable[[Iterable[Reason]], None]) -> None:
    tally.rows += rows
    tally.bad_count += len(bad)
    tally.bad += bad[: MOST_LISTED - len(tally.bad)]
    write(bad)


def _note(report: ImportReport, now: datetime, by: Operator | None) -> None:
    numbers = {"rows": report.rows, "bad": report.bad_count, "new_residents": report.new.residents}
    with transaction() as s:
        audit.note(s, now=now, by=by, action="import", subject="subscribers", subject_id=0, **numbers)
    log.info("subscribers.imported", **numbers)
