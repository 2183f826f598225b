"""Write the audit out as CSV or JSON Lines."""

import csv
import io
import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from notify.accounts import audit_trail
from notify.accounts.audit_trail import Filter, Format
from notify.core.db import transaction
from notify.core.formulas import defused
from notify.models import Operator

AT_ONCE = 2_000  # rows read, and written out, at a time
MEDIA_TYPES: dict[Format, str] = {"csv": "text/csv; charset=utf-8", "jsonl": "application/jsonl; charset=utf-8"}
COLUMNS = (
    "id", "at", "operator_id", "operator", "action", "subject", "subject_id", "detail", "version", "prev_hash", "hash",
)  # fmt: skip

Within = Callable[[], AbstractContextManager[Session]]


def export(wanted: Filter, kind: Format, now: datetime, by: Operator | None) -> Iterator[str]:
    """Record the export, then return its text in pieces. Raises NotAllowed at once.

    Each piece is read in a transaction of its own, so a slow reader holds no connection.
    """
    with transaction() as s:
        through = audit_trail.note_export(s, wanted, kind, now, by)
    return _pieces(wanted, kind, through)


def _pieces(wanted: Filter, kind: Format, through: int) -> Iterator[str]:
    yield _csv([COLUMNS]) if kind == "csv" else ""
    after = -(2**63)
    while True:
        with transaction() as s:
            rows = audit_trail.export_page(s, wanted, after, through, AT_ONCE)
        if rows:
            after = rows[-1].id
            yield _csv(map(_cells, rows)) if kind == "csv" else "".join(map(_line, rows))
        if len(rows) < AT_ONCE:
            return


def _csv(rows: Any) -> str:
    told = io.StringIO()
    csv.writer(told).writerows(rows)
    return told.getvalue()


def _cells(row: Any) -> list[str]:
    values = (getattr(row, name) for name in COLUMNS)
    return [defused("" if value is None else str(value)) for value in values]


def _line(row: Any) -> str:
    """A JSON object. Its `detail` is written as PostgreSQL writes it, so that the hash can be computed again."""
    values = {name: getattr(row, name) for name in COLUMNS if name != "detail"}
    return f'{json.dumps(values, ensure_ascii=False)[:-1]}, "detail": {row.detail}}}\n'
