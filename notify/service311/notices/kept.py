"""The notices that were published, with what became of them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from sqlalchemy import Select, select, text
from sqlalchemy.orm import Session

from notify.city import zones as city_zones
from notify.core import translation
from notify.core.errors import NotFound
from notify.core.translation import gettext as _
from notify.models import Alert, CollectionNotice, Operator, Standing
from notify.models.states import AlertState
from notify.service311 import calendars, zone_order
from notify.service311.desk import departures
from notify.service311.desk.departures import Held
from notify.service311.edition_schedules import House
from notify.service311.notices import words
from notify.service311.notices.causes import CAUSES
from notify.service311.notices.composing import Notice
from notify.service311.notices.parts import Part
from zones.geometry import from_wkb, readable_areas
from zones.overlaps import meet

RECENT = timedelta(days=14)


@dataclass(frozen=True, slots=True)
class Said:
    """What residents of a group of zones were told, in one language."""

    called: str
    sentences: tuple[str, ...]
    zones: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Stopped:
    """What a newer edition made untrue of a notice that is out. `zones`: their names. `messages`: how many were stopped
    before they went out. `is_unsaid`: no later notice tells the days there yet."""

    zones: tuple[str, ...]
    messages: int
    is_unsaid: bool


@dataclass(frozen=True, slots=True)
class Shown:
    """A notice. `title`: the holiday or the cause, in the reader's language. `languages`: its words by language."""

    notice_id: int
    kind: str
    title: str
    day: date
    edition: int
    alert_id: int
    incident_id: int
    state: AlertState
    launch_at: datetime | None
    made_at: datetime
    by: str
    is_out: bool  # residents have it, or are getting it
    languages: dict[str, tuple[Said, ...]]
    evenings: tuple[date, ...] = ()  # on which its readers are reminded
    held: Held | None = None  # what of it quiet hours or digests hold back
    key: str = ""  # of its holiday, where that is told again
    stopped: Stopped | None = None
    newer: int | None = None  # the last notice of its incident that is out: what that one says counts

    @property
    def words(self) -> tuple[Said, ...]:
        """What was said, in the reader's language or else the city's first one."""
        return self.languages.get(translation.language()) or next(iter(self.languages.values()))


def recent(s: Session, now: datetime) -> Sequence[Shown]:
    """Return the notices whose days are not long over, the newest first."""
    since = calendars.today(now) - RECENT
    rows = s.execute(_rows().where(CollectionNotice.last_day >= since)).all()
    held = departures.held(s, [alert for _one, alert, _by in rows], now)
    return [replace(_shown(one, alert, by), held=held.get(alert.id)) for one, alert, by in rows]


def shown(s: Session, notice_id: int, now: datetime) -> Shown:
    """Return a notice. Raises NotFound."""
    row = s.execute(_rows().where(CollectionNotice.id == notice_id)).one_or_none()
    if row is None:
        raise _none(notice_id)
    one, alert, by = row
    after = _rows().where(CollectionNotice.incident_id == one.incident_id, CollectionNotice.id > notice_id)
    newer = next((later.id for later, theirs, _by in s.execute(after) if is_out(theirs)), None)
    held = departures.held(s, [alert], now).get(alert.id)
    return replace(_shown(one, alert, by), newer=newer, held=held, stopped=_stopped(s, one, alert))


def _stopped(s: Session, one: CollectionNotice, alert: Alert) -> Stopped | None:
    areas = readable_areas([alert.withdrawn] if alert.withdrawn is not None else [])
    if not areas:
        return None
    (area,), standing = areas.values(), s.get(Standing, alert.id)
    of_it = {zone for part in one.parts for zone in part["zones"]}
    zones = (each for each in city_zones.all_zones(s, calendars.KIND) if each.zone.id in of_it)
    return Stopped(
        tuple(
            sorted(
                (each.zone.name for each in zones if meet(from_wkb(each.version.geometry), area)), key=zone_order.place
            )
        ),
        s.scalar(text(_STOPPED), {"alert": alert.id}) or 0,
        standing is not None and standing.unsaid,
    )


_STOPPED = "SELECT count(*) FROM deliveries WHERE alert_id = :alert AND state = 'cancelled' AND reason = 'days-changed'"


def find(s: Session, notice_id: int) -> CollectionNotice:
    """Return the row of a notice. Raises NotFound."""
    row = s.get(CollectionNotice, notice_id)
    if row is None:
        raise _none(notice_id)
    return row


def _none(notice_id: int) -> NotFound:
    return NotFound(_("There is no notice %(notice)s.", notice=notice_id), hint=_("Choose one from the list."))


def of_alert(s: Session, alert_id: int) -> int:
    """Return the number of the notice that an alert tells."""
    return s.execute(select(CollectionNotice.id).where(CollectionNotice.alert_id == alert_id)).scalar_one()


def evenings(s: Session, alert_id: int, since: date) -> list[date]:
    """Return the evenings after a day on which the readers of an alert are reminded, if it tells a notice."""
    days = s.scalar(select(CollectionNotice.remind_days).where(CollectionNotice.alert_id == alert_id)) or []
    return [evening for evening in map(_eve, days) if evening > since]


def _eve(day: date) -> date:
    return day - timedelta(days=1)


def title(kind: str, subject: str) -> str:
    """Return what a notice is about, in the reader's language."""
    return translation.translated(CAUSES.get(subject, subject) if kind == "storm" else subject)


def is_out(alert: Alert) -> bool:
    """Whether residents have a notice, or are getting it."""
    return alert.launched_at is not None and alert.state is not AlertState.CANCELLED


def residents_told(s: Session, alert_id: int) -> int:
    """Return how many residents the messages of an alert are for. Posts are for nobody in particular."""
    told = """SELECT count(DISTINCT c.subscriber_id) FROM deliveries d JOIN contacts c ON c.id = d.contact_id
               WHERE d.alert_id = :alert AND d.state NOT IN ('skipped', 'cancelled', 'expired')"""
    return int(s.execute(text(told), {"alert": alert_id}).scalar_one())


def days_of(one: CollectionNotice) -> frozenset[tuple[int | House, date]]:
    """Return of which zones, and of which houses with days of their own, a notice tells the changes of which days."""
    return frozenset(
        (whose, date.fromisoformat(day))
        for part in one.parts
        for whose in (*part["zones"], *(House(*at) for at in part.get("houses", ())))
        for day in part["days"]
    )


def stored(notice: Notice) -> list[dict[str, object]]:
    """Return the parts of a notice as they are stored."""
    return [
        {
            "zones": list(part.zones),
            "houses": [list(house) for house in part.houses],
            "days": sorted({move.nominal.isoformat() for move in part.moves}),
            "streams": sorted({stream for move in part.moves for stream in move.streams}),
            "called": _said(notice, part)[0],
            "says": _said(notice, part)[1],
        }
        for part in notice.parts
    ]


def _said(notice: Notice, part: Part) -> tuple[dict[str, str], dict[str, list[str]]]:
    called, says = dict[str, str](), dict[str, list[str]]()
    for language in notice.languages:
        with translation.speaking(language):
            called[language], says[language] = notice.called(part), words.sentences(part)
    return called, says


def _rows() -> Select[CollectionNotice, Alert, str]:
    return (
        select(CollectionNotice, Alert, Operator.email)
        .join(Alert, Alert.id == CollectionNotice.alert_id)
        .join(Operator, Operator.id == CollectionNotice.made_by)
        .order_by(CollectionNotice.id.desc())
    )


def _shown(one: CollectionNotice, alert: Alert, by: str) -> Shown:
    return Shown(
        one.id, one.kind, title(one.kind, one.subject), one.day, one.edition, one.alert_id, one.incident_id,
        alert.state, alert.launch_at, one.made_at, by, is_out(alert),
        {
            language: tuple(
                Said(part["called"][language], tuple(part["says"][language]), tuple(part["zones"]))
                for part in one.parts
            )
            for language in one.parts[0]["says"]
        },
        tuple(map(_eve, one.remind_days)),
        key=f"{one.day.isoformat()} {one.subject}",
    )  # fmt: skip
