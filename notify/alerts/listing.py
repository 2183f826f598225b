"""The list of the newest alerts, for REST, the console and the command line.

It uses plain psycopg: `tocsin alert list` must answer at once, and importing SQLAlchemy takes too long.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, LiteralString, Protocol

import psycopg
from psycopg.rows import class_row

from notify.core import translation


class Placed(Protocol):
    """An alert, wherever it was read from."""

    @property
    def area_names(self) -> Mapping[str, str]: ...
    @property
    def area_description(self) -> str: ...


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
    area_names: dict[str, str]  # by language
    created_at: datetime
    launch_at: datetime | None
    launched_at: datetime | None
    expires_at: datetime

    @property
    def place(self) -> str:
        return place(self)


def place(alert: Placed) -> str:
    """Return the name of an alert's area in the reader's language."""
    return translation.for_reader(alert.area_names, alert.area_description)


# The same as columns of the table `alerts`, called `a` in the statement.
SUMMARY = ", ".join(
    "a.incident_id AS incident" if one.name == "incident" else f"a.{one.name}" for one in fields(AlertSummary)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class InIncident(AlertSummary):
    """An alert among those of its incident. `follows`: the alert whose unreached residents it is for.

    `superseded_by`, `ended_by`: what has the last word in all of its area now (`models.Standing`), the latter if it is
    over there. `left_in`: the zones where it still holds, if later ones took a part of its area; None: all or nothing.
    `unsaid`: in some of its area it is not true any more, and nothing is said there yet.
    `cancelled_at`: None unless it was cancelled after its launch; and if that time makes no sense.
    """

    blanks: Mapping[str, Any]
    corrects: bool
    follows: int | None
    superseded_by: int | None
    ended_by: int | None
    left_in: Sequence[str] | None
    unsaid: bool
    cancelled_at: datetime | None

    @property
    def is_replaced(self) -> bool:
        return self.superseded_by is not None or self.ended_by is not None

    @property
    def is_over(self) -> bool:
        """Whether there is no danger any more where it was sent."""
        return self.phase == "all-clear" or self.ended_by is not None


# The same as columns, and what to join to `a` for them.
IN_INCIDENT = (
    f"{SUMMARY}, a.blanks, a.corrects, a.follows, later.superseded_by, later.ended_by, later.left_in,"
    " coalesce(later.unsaid, false) AS unsaid,"
    " CASE WHEN a.state = 'cancelled' AND a.finished_at BETWEEN a.launched_at AND '9999-12-30' THEN a.finished_at END"
    " AS cancelled_at"
)
LATER: LiteralString = " LEFT JOIN standings later ON later.alert_id = a.id "


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed(InIncident):
    """An alert in the list. `audience`: contacts in its area; None before any were counted."""

    audience: int | None


_ALL = f"""
    SELECT {IN_INCIDENT},
           CASE WHEN a.audience_total > 0 OR a.fanout_done_at IS NOT NULL THEN a.audience_total END AS audience
      FROM alerts a {LATER}
"""  # noqa: S608  names of ours
NEWEST: LiteralString = _ALL + "ORDER BY a.id DESC LIMIT %s"
ONE: LiteralString = _ALL + "WHERE a.id = %s"


def newest(opened: "psycopg.Connection[Any]", most: int = 50) -> Sequence[Listed]:
    """The newest alerts first. Raises psycopg.DataError when Python cannot read a row."""
    return _ask(opened, NEWEST, most)


def one(opened: "psycopg.Connection[Any]", alert_id: int) -> Listed | None:
    """One alert, or None. Raises psycopg.DataError when Python cannot read its row."""
    return next(iter(_ask(opened, ONE, alert_id)), None)


def _ask(opened: "psycopg.Connection[Any]", question: LiteralString, value: int) -> Sequence[Listed]:
    with opened.cursor(row_factory=class_row(Listed)) as cursor:
        return cursor.execute(question, (value,)).fetchall()
