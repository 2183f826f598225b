"""Alerts for the public: the words that were sent, and whether they are still in force."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from notify.alerts import instead
from notify.alerts.listing import InIncident
from notify.channels.channel import CHANNELS
from notify.content.compose import catalogue
from notify.content.layout import Block, blocks_of
from notify.core import states
from notify.core.errors import NotFound
from notify.core.settings import settings
from notify.models import Alert, Lane, StoredContent
from notify.models.states import AlertState


@dataclass(frozen=True, slots=True)
class Notice:
    """A launched alert in one language."""

    id: int
    incident: int
    phase: str
    status: str
    severity: str
    emergency: bool
    area: str
    launched_at: datetime
    expires_at: datetime
    cancelled: bool
    over: bool
    language: str
    heading: str
    blocks: Sequence[Block]

    @property
    def holds(self) -> bool:
        return not self.over and not self.cancelled


@dataclass(frozen=True, slots=True)
class Shown:
    """A notice, and what is newer, as in `instead.Newer`."""

    notice: Notice
    instead: Notice | None
    partly: Sequence[Notice]


@dataclass(frozen=True, slots=True)
class Thread:
    """The notices of an incident that hold, dangers first, and those that others have replaced; the newest first."""

    leading: Sequence[Shown]
    earlier: Sequence[Notice]

    @property
    def count(self) -> int:
        """How many say that there is danger: an all-clear is none."""
        return sum(shown.notice.phase != "all-clear" for shown in self.leading)

    @property
    def emergency(self) -> bool:
        first = self.leading[0].notice
        return first.emergency and first.phase != "all-clear"


def in_force(s: Session, language: str, now: datetime) -> list[Thread]:
    """Return the alerts in force, emergencies first, then the newest, without exercises and tests."""
    incidents = instead.incidents_in_force(s, now)
    words = _in_words(s, [one.id for said in incidents for one in said], language, now)
    threads = [thread for said in incidents if (thread := _thread(said, words, now)).leading]
    return sorted(threads, key=lambda thread: not thread.emergency)  # sorted() keeps the order otherwise


def find(s: Session, alert_id: int, language: str, now: datetime) -> Shown:
    """Return a launched alert, and what is newer. Raises NotFound, even for drafts."""
    alert = s.get(Alert, alert_id)
    if alert is None or alert.launched_at is None:
        raise NotFound("There is no such alert.")
    said = instead.incident(s, alert.incident_id, alert.status)
    words = _in_words(s, [one.id for one in said], language, now)
    return _shown(next(one for one in said if one.id == alert_id), said, words)


def _thread(said: Sequence[InIncident], words: Mapping[int, Notice], now: datetime) -> Thread:
    """A follow-up repeats another alert: it stands here only when that one does not."""
    holding = {one.id: one for one in said if one.state in states.IN_FORCE and one.expires_at > now}
    own = [one for one in holding.values() if one.follows not in holding]
    leading = sorted((one for one in own if not one.is_replaced), key=lambda one: one.is_over)
    return Thread([_shown(one, said, words) for one in leading], [words[one.id] for one in own if one.is_replaced])


def _shown(alert: InIncident, said: Sequence[InIncident], words: Mapping[int, Notice]) -> Shown:
    found = instead.newer(alert, said)
    return Shown(
        words[alert.id],
        words[found.instead.id] if found.instead else None,
        [words[one.id] for one in found.partly],
    )


def _in_words(s: Session, alerts: Sequence[int], language: str, now: datetime) -> dict[int, Notice]:
    contents: dict[int, list[StoredContent]] = {}
    for one in s.scalars(select(StoredContent).where(StoredContent.alert_id.in_(alerts))):
        contents.setdefault(one.alert_id, []).append(one)
    rows = s.scalars(select(Alert).where(Alert.id.in_(alerts)))
    return {alert.id: _notice(alert, contents[alert.id], language, now) for alert in rows}


def _notice(alert: Alert, contents: Iterable[StoredContent], language: str, now: datetime) -> Notice:
    preferred = [language, *settings().languages]
    content = min(
        (one for one in contents if one.language in preferred),
        key=lambda one: (preferred.index(one.language), -CHANNELS[one.channel].detail),  # prefer the most detailed
    )
    blocks = _body(content, alert.event)
    heading = content.subject or catalogue().event(alert.event).label
    assert alert.launched_at is not None  # noqa: S101  only launched ones are asked for
    return Notice(
        id=alert.id,
        incident=alert.incident_id,
        phase=alert.phase,
        status=alert.status,
        severity=alert.severity,
        emergency=alert.lane is Lane.EMERGENCY,
        area=alert.area_names.get(content.language) or alert.area_description,
        launched_at=alert.launched_at,
        expires_at=alert.expires_at,
        cancelled=alert.state is AlertState.CANCELLED,
        over=alert.state is AlertState.EXPIRED or alert.expires_at <= now,
        language=content.language,
        heading=heading,
        blocks=blocks,
    )


def _body(content: StoredContent, event: str) -> list[Block]:
    """Return the words without the end of an email: the link to this page, and how to unsubscribe."""
    common = catalogue().event(event).common[content.language]
    ends = tuple(f"{words}" for words in (common.latest, common.questions, common.why, common.unsubscribe))
    body: list[Block] = []
    for block in blocks_of(content.text):
        if CHANNELS[content.channel].letter and block.lines[0].startswith(ends):
            break
        body.append(block)
    return body
