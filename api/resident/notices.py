"""Alerts for the public: the words that were sent, and whether they are still in force."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session, load_only

from notify.alerts import instead
from notify.alerts.listing import InIncident
from notify.alerts.public import archive
from notify.audience.wordings import GENERAL
from notify.channels.channel import CHANNELS, EMAIL
from notify.city.outline import Outline, in_city
from notify.content.compose import catalogue
from notify.content.layout import Block, blocks_of
from notify.core import alarms, states
from notify.core.errors import NotFound
from notify.core.settings import settings
from notify.models import Alert, Lane, StoredContent
from notify.models.states import AlertState
from zones.geometry import readable_areas

MOST_DRAWN = 19_000  # letters of the paths of a drawing


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """A launched alert by its heading in one language."""

    id: int
    area: str
    launched_at: datetime
    language: str
    heading: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice(Named):
    """A launched alert with all of its words. `ended_at`: when it was cancelled."""

    phase: str
    status: str
    emergency: bool
    expires_at: datetime
    cancelled: bool
    ended_at: datetime | None
    over: bool
    unsaid: bool  # some of what it says is not true any more, and no other alert says what is
    blocks: Sequence[Block]

    @property
    def holds(self) -> bool:
        return not self.over and not self.cancelled


@dataclass(frozen=True, slots=True)
class Shown:
    """A notice, and what is newer, as in `instead.Newer`."""

    notice: Notice
    instead: Sequence[Named]
    partly: Sequence[Named]


@dataclass(frozen=True, slots=True)
class Thread:
    """The notices of an incident that hold, dangers first, and those that others have replaced; the newest first."""

    leading: Sequence[Shown]
    earlier: Sequence[Named]

    @property
    def count(self) -> int:
        """How many say that there is danger: an all-clear is none."""
        return len(self.leading) - self.clears

    @property
    def clears(self) -> int:
        return sum(shown.notice.phase == "all-clear" for shown in self.leading)

    @property
    def emergency(self) -> bool:
        first = self.leading[0].notice
        return first.emergency and first.phase != "all-clear"


def in_force(s: Session, language: str, now: datetime) -> list[Thread]:
    """Return the alerts in force, without exercises and tests: emergencies first, all-clears last, then the newest."""
    found = [_split(said, now) for said in instead.incidents_in_force(s, now)]
    shown = _touching(s, [one for leading, _ in found for one in leading])
    touching = {one.alert.id: one for one in shown}
    words = _Words(s, language, now, shown, [one for leading, earlier in found if leading for one in earlier])
    threads = [
        Thread([words.shown(touching[one.alert.id]) for one in leading], [words.named(one) for one in earlier])
        for leading, earlier in found
        if leading
    ]
    return sorted(threads, key=lambda one: (not one.emergency, not one.count))  # sorted() keeps the order otherwise


def practices(s: Session, language: str, now: datetime) -> list[Named]:
    """Return the exercises that run, by name only: a page of real alerts has none of their words."""
    said = instead.practices_running(s, now)
    words = _Words(s, language, now, [], said)
    return [words.named(one) for one in said]


def find(s: Session, alert_id: int, language: str, now: datetime) -> Shown:
    """Return a launched alert, and what is newer. Raises NotFound, even for drafts."""
    alert = s.get(Alert, alert_id, options=[load_only(Alert.incident_id, Alert.status, Alert.launched_at)])
    if alert is None or alert.launched_at is None:
        raise NotFound("There is no such alert.")
    said = instead.incident(s, alert.incident_id, alert.status)
    asked = next(one for one in said if one.id == alert_id)
    (found,) = _touching(s, [_Showing(asked, instead.newer(asked, said))])
    return _Words(s, language, now, [found], []).shown(found)


def drawing(s: Session, alert_id: int) -> Outline | None:
    """Return a drawing of the alert's area in the city, in few points; None for a damaged area, or too large a drawing:
    the page is read on old phones."""
    area = s.scalar(select(Alert.area).where(Alert.id == alert_id))
    if area is None or not readable_areas([area]):
        return None
    drawn = in_city(s, area)
    letters = len(drawn.area) + sum(map(len, drawn.around))
    if letters > MOST_DRAWN:
        drawn = replace(drawn, around=())
    return drawn if len(drawn.area) <= MOST_DRAWN else None


def past(s: Session, alerts: Sequence[InIncident], language: str, now: datetime) -> list[Shown]:
    """Return alerts of the archive, each with what has the last word in its place."""
    by = {one.id: one.ended_by or one.superseded_by or 0 for one in alerts}
    last = archive.by_id(s, set(by.values()), now)
    shown = [_Showing(one, instead.Newer([last[by[one.id]]] if by[one.id] in last else [], ())) for one in alerts]
    words = _Words(s, language, now, shown, [])
    return [words.shown(one) for one in shown]


class _Showing(NamedTuple):
    alert: InIncident
    newer: instead.Newer

    @property
    def names(self) -> Sequence[InIncident]:
        return [*self.newer.instead, *self.newer.partly]


def _touching(s: Session, shown: Sequence[_Showing]) -> list[_Showing]:
    return [_Showing(*one) for one in instead.touching(s, shown)]


def _split(said: Sequence[InIncident], now: datetime) -> tuple[Sequence[_Showing], Sequence[InIncident]]:
    """Return what an incident shows, and what that has replaced. A follow-up repeats another alert: it stands here only
    when that one does not."""
    holding = {one.id: one for one in said if one.state in states.IN_FORCE and one.expires_at > now}
    own = [one for one in holding.values() if one.follows not in holding]
    leading = sorted((one for one in own if not one.is_replaced), key=lambda one: one.is_over)
    return [_Showing(one, instead.newer(one, said)) for one in leading], [one for one in own if one.is_replaced]


class _Words:
    """The words of alerts in one language: all of those that are shown, the headings of those that are only named."""

    def __init__(
        self, s: Session, language: str, now: datetime, shown: Sequence[_Showing], named: Iterable[InIncident]
    ) -> None:
        self._now = now
        whole = {one.alert.id for one in shown}
        names = {one.id for one in [*named, *(name for one in shown for name in one.names)]} - whole
        self._by_alert = _contents(s, names, language, text=False) | _contents(s, whole, language, text=True)
        for alert_id in (whole | names) - self._by_alert.keys():
            told = f"The words of alert {alert_id} are missing: pages show its event and its area only."
            alarms.sound(s, alarms.UNREADABLE_ROW, told, now, alert_id=alert_id)
            self._by_alert[alert_id] = _no_words()

    def shown(self, one: _Showing) -> Shown:
        return Shown(
            self._notice(one.alert),
            [self.named(name) for name in one.newer.instead],
            [self.named(name) for name in one.newer.partly],
        )

    def named(self, alert: InIncident) -> Named:
        return Named(**self._name(alert))

    def _name(self, alert: InIncident) -> dict[str, Any]:
        content = self._by_alert[alert.id]
        return {
            "id": alert.id,
            "area": alert.area_names.get(content.language) or alert.area_description,
            "launched_at": alert.launched_at,
            "language": content.language,
            "heading": content.subject or catalogue().event(alert.event).label,
        }

    def _notice(self, alert: InIncident) -> Notice:
        return Notice(
            **self._name(alert),
            phase=alert.phase,
            status=alert.status,
            emergency=alert.lane == Lane.EMERGENCY,
            expires_at=alert.expires_at,
            cancelled=alert.state == AlertState.CANCELLED,
            ended_at=alert.cancelled_at,
            over=alert.state == AlertState.EXPIRED or alert.expires_at <= self._now,
            unsaid=alert.unsaid,
            blocks=_body(self._by_alert[alert.id], alert.event),
        )


def _contents(s: Session, alerts: Collection[int], language: str, *, text: bool) -> dict[int, StoredContent]:
    """Return of each alert the words in the reader's language, or else in the city's, or in any: those of the most
    detailed channel."""
    preferred = [language, *settings().languages]
    columns = [StoredContent.subject, *([StoredContent.text] if text else ())]
    general = select(StoredContent).where(StoredContent.alert_id.in_(alerts), StoredContent.wording == GENERAL)
    found = s.scalars(general.options(load_only(*columns)))

    def rank(one: StoredContent) -> tuple[int, int]:
        known = one.language in preferred
        return preferred.index(one.language) if known else len(preferred), -CHANNELS[one.channel].detail

    best: dict[int, StoredContent] = {}
    for one in sorted(found, key=rank):
        best.setdefault(one.alert_id, one)
    return best


def _no_words() -> StoredContent:
    return StoredContent(channel=EMAIL.name, language=settings().languages[0], subject="", text="")


def _body(content: StoredContent, event: str) -> list[Block]:
    """Return the words without the end of an email: the link to this page, and how to unsubscribe."""
    common = catalogue().event(event).common.get(content.language)
    said = (common.latest, common.questions, common.why, common.unsubscribe) if common else ()
    ends = tuple(f"{words}" for words in said)
    body: list[Block] = []
    for block in blocks_of(content.text):
        if CHANNELS[content.channel].letter and block.lines[0].startswith(ends):
            break
        body.append(block)
    return body
