"""Alerts for the public: the words that were sent, and whether they are still in force."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

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
class Thread:
    """The newest notice of an incident, and the earlier ones, newest first."""

    newest: Notice
    earlier: Sequence[Notice]


def in_force(s: Session, language: str, now: datetime) -> list[Thread]:
    """Return the alerts in force, emergencies first, then the newest, without exercises and tests."""
    alerts = s.scalars(
        select(Alert)
        .where(
            Alert.launched_at.is_not(None),
            Alert.status == "Actual",
            Alert.expires_at > now,
            Alert.state.in_(states.IN_FORCE),
        )
        .order_by(Alert.launched_at.desc(), Alert.id.desc())
    ).all()
    by_incident: dict[int, list[Notice]] = {}
    for notice in _in_words(s, alerts, language, now):
        by_incident.setdefault(notice.incident, []).append(notice)
    threads = [Thread(newest, earlier) for newest, *earlier in by_incident.values()]
    return sorted(threads, key=lambda thread: not thread.newest.emergency)  # sorted() keeps the order otherwise


def find(s: Session, alert_id: int, language: str, now: datetime) -> tuple[Notice, Notice | None]:
    """Return a launched alert, and the newest of its incident if it is another. Raises NotFound, even for drafts."""
    alert = s.get(Alert, alert_id)
    if alert is None or alert.launched_at is None:
        raise NotFound("There is no such alert.")
    newest = s.scalar(
        select(Alert)
        .where(
            Alert.incident_id == alert.incident_id,
            Alert.status == alert.status,
            Alert.launched_at > alert.launched_at,
            Alert.state != AlertState.CANCELLED,
        )
        .order_by(Alert.launched_at.desc(), Alert.id.desc())
        .limit(1)
    )
    found = _in_words(s, [alert, *([newest] if newest else [])], language, now)
    return found[0], found[1] if newest else None


def _in_words(s: Session, alerts: Sequence[Alert], language: str, now: datetime) -> list[Notice]:
    contents = s.scalars(select(StoredContent).where(StoredContent.alert_id.in_([alert.id for alert in alerts]))).all()
    return [_notice(alert, [one for one in contents if one.alert_id == alert.id], language, now) for alert in alerts]


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
