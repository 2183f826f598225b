"""What staff see of a notice before they publish it: every zone's old and new days, whom it reaches, and its words."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from shapely.geometry.base import BaseGeometry
from sqlalchemy.orm import Session

from notify import audience
from notify.alerts.words import wording
from notify.audience.everywhere import InCity
from notify.audience.live_count import live_count
from notify.channels.channel import CHANNELS
from notify.content import compose
from notify.core.settings import Settings
from notify.core.translation import ngettext
from notify.models import Alert, Lane, Zone
from notify.service311 import zone_order
from notify.service311.notices import publishing, words
from notify.service311.notices.composing import Notice
from notify.service311.notices.parts import Move, Part

SHOWN = next(name for name, one in CHANNELS.items() if one.segmented)  # the channel whose words are shown whole


@dataclass(frozen=True, slots=True)
class Row:
    """A zone, or houses with days of their own that have the same changes. `moves`: what is collected, its old day and
    its new one, in the reader's language; none: no change. `residents`, `by_channel`: exact numbers of those who would
    be told; None for a zone without a change."""

    zone: str
    moves: Sequence[tuple[str, str, str]]
    residents: int | None
    by_channel: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Reached:
    """Exact counts. `by_zone`: as `Shapes.counted`; `all`: of the whole notice, in which a resident with places in two
    zones counts once."""

    by_zone: Mapping[int, audience.Audience]
    all: audience.Audience

    @property
    def residents(self) -> int:
        """How many residents get the notice."""
        return self.all.residents - self.all.without


def reached(areas: Mapping[int, BaseGeometry], whole: BaseGeometry, channels: Sequence[str], now: datetime) -> Reached:
    """Count whom a notice reaches, by zone and in all. Takes connections of its own: call it outside a transaction."""
    asked = [InCity(shape, whole=False) for shape in (*areas.values(), whole)]
    *by_zone, everybody = live_count().count_each(asked, "collection", channels, now)
    return Reached(dict(zip(areas, by_zone, strict=True)), everybody)


def rows(zones: Sequence[Zone], parts: Sequence[Part], counted: Reached) -> list[Row]:
    """Return the rows of the table, those with a change first."""
    of = {zone: part for part in parts for zone in part.zones}
    by_name = sorted(zones, key=lambda one: zone_order.place(one.name))
    return [
        *(_row(one.name, of[one.id].moves, counted.by_zone.get(one.id)) for one in by_name if one.id in of),
        *(
            _row(
                _houses(len(part.houses)),
                part.moves,
                counted.by_zone.get(-number),
            )
            for number, part in enumerate(parts, start=1)
            if part.houses
        ),
        *(_row(one.name, (), None) for one in by_name if one.id not in of),
    ]


def _houses(count: int) -> str:
    return ngettext("%(n)s address with days of its own", "%(n)s addresses with days of their own", count)


def _row(called: str, moves: Sequence[Move], told: audience.Audience | None) -> Row:
    return Row(
        called,
        [(words.what(one), words.day(one.nominal), words.new_day(one)) for one in moves],
        told.residents - told.without if told else None,
        told.by_channel if told else {},
    )


def texts(
    s: Session, notice: Notice, channels: Sequence[str], now: datetime, settings: Settings, phase: str = "issue"
) -> list[tuple[str, dict[str, str]]]:
    """Return what each part is called, with its text message in each language, as a launch now would write it."""
    event = compose.catalogue().event(publishing.EVENT)
    shown = list(channels[:1]) if channels and SHOWN not in channels else [SHOWN]
    alert = Alert(
        id=10**6, phase=phase, status="Actual", corrects=False, lane=Lane.ROUTINE, channels=shown,
        expires_at=publishing.ends(max(part.last_day for part in notice.parts), now, settings.tz), launch_at=None,
    )  # fmt: skip
    found = []
    for number, part in enumerate(notice.parts, start=1):
        filled = compose.fill(event, phase, {**notice.general(), **notice.of([number])})
        written = wording.rendered(s, alert, event, filled, (notice.area([number]),), now, settings)
        found.append((notice.called(part), {one.language: one.text for one in written}))
    return found
