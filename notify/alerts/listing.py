"""The list of the newest alerts, for REST, the console and the command line.

It uses plain psycopg: `tocsin alert list` must answer at once, and importing SQLAlchemy takes too long.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, LiteralString

import psycopg
from psycopg.rows import class_row


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertSummary:
    """The fields of an alert that every view has. REST returns them by these names."""

    id: int
    incident: int
    event: str
    phase: str
    status: str
    severity: str
    urgency: str
    certainty: str
    lane: str
    state: str
    area_description: str
    created_at: datetime
    launch_at: datetime | None
    launched_at: datetime | None
    expires_at: datetime


# The same as columns of the table `alerts`, called `a` in the statement.
SUMMARY = ", ".join(
    "a.incident_id AS incident" if one.name == "incident" else f"a.{one.name}" for one in fields(AlertSummary)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed(AlertSummary):
    """An alert in the list. `audience`: contacts in its area; None before any were counted."""

    audience: int | None


_ALL = f"""
    SELECT {", ".join(field.name for field in fields(Listed))}
      FROM (SELECT *, incident_id AS incident,
                   CASE WHEN audience_total > 0 OR fanout_done_at IS NOT NULL THEN audience_total END AS audience
              FROM alerts) AS a
"""  # noqa: S608  names of ours
NEWEST: LiteralString = _ALL + "ORDER BY id DESC LIMIT %s"
ONE: LiteralString = _ALL + "WHERE id = %s"


def newest(opened: "psycopg.Connection[Any]", most: int = 50) -> Sequence[Listed]:
    """The newest alerts first. Raises psycopg.DataError when Python cannot read a row."""
    return _ask(opened, NEWEST, most)


def one(opened: "psycopg.Connection[Any]", alert_id: int) -> Listed | None:
    """One alert, or None. Raises psycopg.DataError when Python cannot read its row."""
    return next(iter(_ask(opened, ONE, alert_id)), None)


def _ask(opened: "psycopg.Connection[Any]", question: LiteralString, value: int) -> Sequence[Listed]:
    with opened.cursor(row_factory=class_row(Listed)) as cursor:
        return cursor.execute(question, (value,)).fetchall()
