"""What an agent answers a caller: the city's answers about what is in force where they live."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from notify.core.settings import settings
from notify.models import Answer
from notify.service311.answers import store
from notify.service311.desk.here import Told


@dataclass(frozen=True, slots=True)
class Script:
    """`language`: of the answers, and in which the agent searches for others."""

    language: str
    answers: Sequence[Answer]


def of(s: Session, alerts: Iterable[Told], now: datetime, language: str = "") -> Script:
    """Return the answers about the incidents of those alerts that are in force. `language`: of the caller, if it is
    known and the city writes it; else its first."""
    written = settings().languages
    spoken = language if language in written else written[0]
    incidents = {one.alert.incident_id for one in alerts if one.stands == "active"}
    return Script(spoken, store.about(s, incidents, spoken, now))
