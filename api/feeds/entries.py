"""What the feeds have: the alerts in force, or the newest ones, in one language. Exercises and tests are in none."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from markupsafe import escape
from shapely.geometry.base import BaseGeometry
from sqlalchemy import text
from sqlalchemy.orm import Session

from api.resident import notices
from api.resident.notices import Shown
from notify.alerts.public import archive
from notify.core import translation
from notify.core.settings import settings
from notify.core.topic_words import name as topic_name
from notify.core.translation import gettext as _
from zones.geometry import readable_areas

ACTIVE, RECENT = "active", "recent"
MOST_RECENT = 50
NEVER = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Entry:
    """An alert. `updated_at`: when it was launched, or stopped, or when another took its place; `area`: where it holds,
    or held; None if that cannot be read."""

    shown: Shown
    updated_at: datetime
    topic: str
    event: str
    severity: str
    urgency: str
    certainty: str
    area: BaseGeometry | None

    @property
    def url(self) -> str:
        """The alert's permanent address, which is its id in every feed and language."""
        return f"{settings().public_url}/alerts/{self.shown.notice.id}"

    @property
    def standing(self) -> str:
        notice = self.shown.notice
        if notice.cancelled:
            return "cancelled"
        return "expired" if notice.over else "replaced" if self.shown.instead else "in force"

    @property
    def topic_name(self) -> str:
        return topic_name(self.topic)

    @property
    def look(self) -> str:
        """How a map draws it."""
        notice = self.shown.notice
        return "clear" if notice.phase == "all-clear" else "emergency" if notice.emergency else "routine"

    @property
    def text(self) -> str:
        """Its words, with a sentence first if it does not hold any more, or not in all of its area."""
        return "\n\n".join(filter(None, [self.ended, *("\n".join(block.lines) for block in self.shown.notice.blocks)]))

    @property
    def html(self) -> str:
        parts = [f"<p><strong>{escape(self.ended)}</strong></p>"] if self.ended else []
        for block in self.shown.notice.blocks:
            if block.kind == "list":
                parts.append(f"<ul>{''.join(f'<li>{escape(line)}</li>' for line in block.lines)}</ul>")
            else:
                parts.append(f"<p>{'<br>'.join(str(escape(line)) for line in block.lines)}</p>")
        return "".join(parts)

    @property
    def ended(self) -> str:
        if self.standing == "cancelled":
            return _("This alert was cancelled. It is no longer in force.")
        if self.standing == "expired":
            return _("This alert is over.")
        if self.standing == "replaced":
            return _("This alert is not in force any more.")
        return _("Some of these days have changed since this was sent.") if self.shown.notice.unsaid else ""


@dataclass(frozen=True, slots=True)
class Feed:
    """`updated_at`: when an entry last came, changed or left."""

    name: str
    language: str
    title: str
    entries: Sequence[Entry]
    updated_at: datetime

    def url(self, kind: str) -> str:
        return f"{settings().public_url}/feeds/{self.name}.{kind}?lang={self.language}"

    @property
    def page(self) -> str:
        return f"{settings().public_url}/alerts?lang={self.language}"


def read(s: Session, name: str, now: datetime) -> Feed:
    """Return a feed in the reader's language. `name`: ACTIVE or RECENT."""
    language = translation.language()
    newest = _entries(s, notices.past(s, archive.recent(s, MOST_RECENT, now), language, now))
    threads = notices.in_force(s, language, now) if name == ACTIVE else []
    entries = _entries(s, [one for thread in threads for one in thread.leading]) if name == ACTIVE else newest
    left = [one.shown.notice.expires_at for one in newest if one.shown.notice.expires_at <= now]
    updated_at = max([*(one.updated_at for one in [*newest, *entries]), *left], default=NEVER)
    city = settings().city
    title = _("%(city)s: alerts in force", city=city) if name == ACTIVE else _("%(city)s: newest alerts", city=city)
    return Feed(name, language, title, entries, updated_at)


def _entries(s: Session, shown: Sequence[Shown]) -> list[Entry]:
    rows = {row.id: row for row in s.execute(text(_MORE), {"ids": [one.notice.id for one in shown]})}
    shapes = readable_areas(row.area for row in rows.values() if row.area is not None)
    return [_entry(one, rows[one.notice.id], shapes) for one in shown]


def _entry(shown: Shown, row: Any, shapes: Mapping[bytes, BaseGeometry]) -> Entry:
    times = [shown.notice.launched_at, row.stopped_at, *(one.launched_at for one in shown.instead)]
    return Entry(
        shown,
        max(filter(None, times)),
        row.topic,
        row.event,
        row.severity,
        row.urgency,
        row.certainty,
        shapes.get(row.area),
    )


# Where an alert still holds, or where it was sent. A time of its end that makes no sense is left out.
_MORE = """
    SELECT a.id, CAST(a.topic AS text) AS topic, a.event, a.severity, a.urgency, a.certainty,
           coalesce(later.left_area, a.area) AS area,
           CASE WHEN a.state = 'cancelled' AND a.finished_at BETWEEN a.launched_at AND now() THEN a.finished_at END
               AS stopped_at
      FROM alerts a LEFT JOIN standings later ON later.alert_id = a.id WHERE a.id = ANY (:ids)
"""
