"""Look at a notice before it is published: whom it would reach, zone by zone, and what they would read.

The desk, the REST API and the command line show the same numbers and words, because all of them ask here.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

from notify.alerts.readiness import channel_policies
from notify.core import quiet_time
from notify.core.db import transaction
from notify.core.settings import Settings
from notify.delivery import senders
from notify.models import Zone
from notify.service311 import calendars
from notify.service311.notices import holidays, publishing, showing, storm
from notify.service311.notices.composing import Notice
from notify.service311.notices.holidays import Changed
from notify.service311.notices.showing import Reached, Row
from notify.service311.notices.storm import Planned, Storm


@dataclass(frozen=True, slots=True)
class Look:
    """What a notice would say. `channels`: those that the city can send by; `proposed`: some of them.

    rows: of every zone that has days, those with a change first. reached: None where no day changes: then there is
    nobody to tell, and no text. texts: what each part is called, with its text message by language.
    """

    channels: Sequence[str]
    proposed: Sequence[str]
    rows: Sequence[Row] = ()
    reached: Reached | None = None
    texts: Sequence[tuple[str, Mapping[str, str]]] = ()
    last_day: date | None = None
    best: datetime | None = None  # when to tell it; None: now
    untranslated: Sequence[str] = ()  # languages whose readers get its reason as somebody typed it
    quiet_until: datetime | None = None  # texts and emails wait until then, if it goes out now
    evenings: Sequence[date] = ()  # on which its readers can be reminded, if it goes out before

    def as_json(self) -> dict[str, Any]:
        """Return it as programs read it: `zones` in order of `rows`, `texts` by what each part is called."""
        return {
            "channels": list(self.channels),
            "proposed": list(self.proposed),
            "zones": [
                {
                    "zone": row.zone,
                    "moves": [{"streams": what, "usual": old, "new": new} for what, old, new in row.moves],
                    "residents": row.residents,
                    "messages": dict(row.by_channel),
                }
                for row in self.rows
            ],
            "residents": self.reached.residents if self.reached else 0,
            "messages": dict(self.reached.all.by_channel) if self.reached else {},
            "texts": [{"zones": called, "words": dict(words)} for called, words in self.texts],
            "last_day": self.last_day,
            "best_at": self.best,
            "untranslated": list(self.untranslated),
            "quiet_until": self.quiet_until,
            "evenings": list(self.evenings),
        }


def at_holiday(key: str, now: datetime, settings: Settings) -> tuple[Changed, Look]:
    """Return what an upcoming holiday changes, and its notice. Takes connections of its own: call it outside a
    transaction. Raises NotFound."""
    with transaction() as s:
        changed = holidays.changed_by(s, key, now)
    look, today = _look(changed.notice, changed.zones, now, settings), calendars.today(now)
    evenings = [day - timedelta(days=1) for day in changed.notice.remind_days]
    best = None if changed.holiday.told is not None and changed.holiday.told.is_out else look.best  # a correction: now
    return changed, replace(look, evenings=[one for one in evenings if one > today], best=best)


def at_storm(given: Storm, by: str, now: datetime, settings: Settings) -> tuple[Planned, Look]:
    """Do the same for a decision about the collections of some days. Raises Invalid, NotFound."""
    with transaction() as s:
        planned = storm.plan(s, given, by, now)
    phase = "update" if given.incident else "issue"
    return planned, _look(planned.notice, planned.zones, now, settings, phase)


def _look(notice: Notice, zones: Sequence[Zone], now: datetime, settings: Settings, phase: str = "issue") -> Look:
    with transaction() as s:
        channels = senders.open_channels(s)
        proposed = channel_policies.chosen(s, None, "collection") if channels else []
        if not notice.parts:
            return Look(channels, proposed)
        areas = publishing.shapes(s, notice)
        texts = showing.texts(s, notice, channels, now, settings, phase)
    reached = showing.reached(areas.counted, areas.whole, channels, now)
    return Look(
        channels,
        proposed,
        showing.rows(zones, notice.parts, reached),
        reached,
        texts,
        max(part.last_day for part in notice.parts),
        publishing.best_launch(notice.first_day, now, settings.tz),
        notice.untranslated,
        quiet_time.until(now, settings.quiet, settings.tz),
    )
