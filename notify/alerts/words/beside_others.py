"""Lay the words of another agency beside ours, so that city and county do not contradict each other."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from shapely.geometry.base import BaseGeometry
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from notify.alerts.listing import LATER
from notify.audience.wordings import GENERAL
from notify.channels.channel import CHANNELS
from notify.content import differences
from notify.content.differences import Piece
from notify.core import states
from notify.models import Alert, StoredContent
from notify.outside.messages import Words
from notify.outside.warnings import Warned
from zones import gate
from zones.overlaps import share

MOST = 50  # alerts to choose from
MOST_CHARACTERS = 8_000  # of each side: the comparison takes quadratic time


@dataclass(frozen=True, slots=True)
class Laid:
    """One of our messages beside the other agency's text. What both have is the same in `theirs` and `ours`; `unlike`:
    it is too little to mark the rest."""

    channel: str
    language: str
    their_language: str
    theirs: Sequence[Piece]
    ours: Sequence[Piece]
    unlike: bool


def in_force(s: Session, warning: Warned, now: datetime) -> Sequence[Alert]:
    """Return our real alerts in force that are not all-clears and that no later alert of their incident replaces: those
    in the area of the warning first, then the newest."""
    found = s.scalars(text(_IN_FORCE), {"states": list(states.IN_FORCE), "now": now, "most": MOST}).all()
    rows = s.scalars(select(Alert).where(Alert.id.in_(found)).order_by(Alert.launched_at.desc(), Alert.id.desc())).all()
    area = warning.shape
    return rows if area is None else sorted(rows, key=lambda one: not _meets(one, area))


_IN_FORCE = f"""
    SELECT a.id FROM alerts a {LATER}
     WHERE a.state = ANY (CAST(:states AS alert_state[])) AND a.status = 'Actual' AND a.phase <> 'all-clear'
       AND a.expires_at > :now AND a.area IS NOT NULL AND later.superseded_by IS NULL AND later.ended_by IS NULL
     ORDER BY a.launched_at DESC, a.id DESC LIMIT :most
"""  # noqa: S608  names of ours


def _meets(alert: Alert, area: BaseGeometry) -> bool:
    shapes, _ = gate.readable_from_wkb([alert.area or b""])  # none of a damaged one
    return bool(len(shapes)) and share(shapes[0], area) > 0


def lay(s: Session, warning: Warned, alert_id: int) -> Sequence[Laid]:
    """Compare a warning with the messages of one of our alerts, each with the text in its language if there is one."""
    general = select(StoredContent).where(StoredContent.alert_id == alert_id, StoredContent.wording == GENERAL)
    stored = s.scalars(general.order_by(StoredContent.language))
    rows = sorted(stored, key=lambda row: [*CHANNELS, row.channel].index(row.channel))
    by_language = {_short(words.language): words for words in reversed(warning.words)}
    spoken = [row for row in rows if row.language in by_language] or rows
    return [_laid(row, by_language.get(row.language, warning.said(row.language))) for row in spoken]


def _short(language: str) -> str:
    return language.lower().partition("-")[0]


def _laid(row: StoredContent, words: Words) -> Laid:
    theirs = "\n".join(filter(None, (words.headline, words.description, words.instruction)))
    ours = "\n".join(filter(None, (row.subject, row.text)))
    pieces = differences.compare(theirs[:MOST_CHARACTERS], ours[:MOST_CHARACTERS])
    left, right = differences.sides(pieces)
    return Laid(row.channel, row.language, words.language, left, right, differences.unlike(pieces))
