"""The counts of calls as open data: by reason, zone and whole day, without small ones (`small_cells`)."""

import csv
import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache

from sqlalchemy import text
from sqlalchemy.orm import Session

from notify.core.errors import Invalid
from notify.core.formulas import defused
from notify.core.settings import settings
from notify.core.translation import gettext as _
from notify.core.translation import speaking
from notify.service311.calls import reasons, small_cells
from notify.service311.calls.counts import midnight
from notify.service311.calls.log import CALLS_KEPT
from notify.service311.calls.small_cells import FEWEST, TOTAL

DAYS = 90  # by default
NO_ZONE = "none"  # of calls whose zone is not known
ALL = "all"  # a total
COLUMNS = ("date", "reason", "reason_label", "zone_kind", "zone", "calls")


@dataclass(frozen=True, slots=True)
class Row:
    """`reason`, `zone`: ALL for a total; `zone`: NO_ZONE where it is not known."""

    day: date
    reason: str
    reason_label: str
    zone_kind: str
    zone: str
    calls: int


def span(month: str, now: datetime) -> tuple[date, date]:
    """Return the first and the last day of a file: of a month such as 2027-01, or "" for the last 90 days. Whole days
    only, so yesterday is the last. Raises Invalid.

    Months only: a file is then made once for all who ask.
    """
    yesterday = now.astimezone(settings().tz).date() - timedelta(days=1)
    if not month:
        return yesterday - timedelta(days=DAYS - 1), yesterday
    try:
        first = date.fromisoformat(f"{month}-01") if len(month) == len("2027-01") else None
    except ValueError:
        first = None
    if first is None or not yesterday - CALLS_KEPT <= first <= yesterday:
        raise Invalid(
            _("%(month)s is not a month with calls.", month=repr(month)),
            hint=_("Write one of the last five years, such as %(month)s.", month=f"{yesterday:%Y-%m}"),
        )
    ends = (first + timedelta(days=31)).replace(day=1) - timedelta(days=1)
    return first, min(ends, yesterday)


def rows(s: Session, first: date, last: date) -> Iterator[Row]:
    """Yield the counts that may be published, by day, reason and zone, the totals of each day last."""
    days: dict[date, dict[small_cells.Cell, int]] = {}
    found = s.execute(
        text("""SELECT CAST(c.at AT TIME ZONE :tz AS date) AS day, c.reason, c.zone_id, count(*) AS calls
                  FROM calls c WHERE c.at >= :since AND c.at < :until GROUP BY 1, 2, 3"""),
        {"tz": str(settings().tz), "since": midnight(first), "until": midnight(last + timedelta(days=1))},
    )
    for one in found:
        days.setdefault(one.day, {})[one.reason, one.zone_id or NO_ZONE] = one.calls
    zones = {row.id: (row.kind, row.name) for row in s.execute(text("SELECT id, kind, name FROM zones"))}
    with speaking("en"):
        labels = reasons.labels(s)
    for day in sorted(days):
        shown = _published(frozenset(days[day].items()))
        there = [_row(day, cell, calls, zones, labels) for cell, calls in shown.items()]
        yield from sorted(there, key=lambda one: (one.reason == ALL, one.reason, one.zone == ALL, one.zone))


def as_csv(found: Sequence[Row]) -> str:
    """Return the rows as CSV with a header (RFC 4180), whose cells no spreadsheet runs as formulas."""
    file = io.StringIO()
    lines = csv.writer(file)
    lines.writerow(COLUMNS)
    lines.writerows((one.day, *map(defused, _words(one)), one.calls) for one in found)
    return file.getvalue()


def as_json(found: Sequence[Row], first: date, last: date) -> str:
    """Return the rows as one JSON document that says what is left out."""
    each = [dict(zip(COLUMNS, (str(one.day), *_values(one)), strict=True)) for one in found]
    about = {"from": str(first), "to": str(last), "fewest": FEWEST, "withheld": "absent rows are zero or withheld"}
    return json.dumps({**about, "counts": each}, ensure_ascii=False)


@lru_cache(maxsize=400)
def _published(counts: frozenset[tuple[small_cells.Cell, int]]) -> dict[small_cells.Cell, int]:
    """Do not compute a day twice: it does not change."""
    return small_cells.published(dict(counts))


def _values(one: Row) -> tuple[str, str, str, str, int]:
    return (*_words(one), one.calls)


def _words(one: Row) -> tuple[str, str, str, str]:
    return one.reason, one.reason_label, one.zone_kind, one.zone


def _row(
    day: date, cell: small_cells.Cell, calls: int, zones: dict[int, tuple[str, str]], labels: dict[str, str]
) -> Row:
    reason, zone = cell
    kind, name = ("", ALL if zone == TOTAL else NO_ZONE) if isinstance(zone, str) else zones[int(str(zone))]
    if reason == TOTAL:
        return Row(day, ALL, "All reasons", kind, name, calls)
    return Row(day, str(reason), labels.get(str(reason), str(reason)), kind, name, calls)
