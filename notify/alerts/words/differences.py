"""What the words of an alert say that its template does not, or that the alert of the incident before it did not."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from notify.alerts.words import wording
from notify.alerts.writing import goes_on
from notify.audience.wordings import GENERAL
from notify.content import compose, differences
from notify.content.compose import readable
from notify.content.differences import Piece
from notify.core.errors import TocsinError
from notify.core.settings import Settings
from notify.models import Alert, StoredContent

Words = Mapping[tuple[str, str], str]  # the text, below its subject, by channel and language


@dataclass(frozen=True, slots=True)
class Compared:
    """One message, word by word. `pieces`: all new if the other side has no such message."""

    channel: str
    language: str
    pieces: Sequence[Piece]

    @property
    def apart(self) -> tuple[str, str] | None:
        """The old and the new text, if they share too little to be shown as one."""
        if not differences.unlike(self.pieces):
            return None
        old, new = ("".join(one.words for one in side) for side in differences.sides(self.pieces))
        return old, new


@dataclass(frozen=True, slots=True)
class Differences:
    """The messages that differ. `usual`: from what the template says where only its needed blanks are filled; None
    where that cannot be written any more. `previous`: the alert of the incident that this one goes on from; `since`:
    from its words."""

    usual: Sequence[Compared] | None
    previous: int | None
    since: Sequence[Compared]


def read(s: Session, alert: Alert, settings: Settings) -> Differences:
    """Compare the words of an alert in every channel and language."""
    own = _stored(s, alert.id)
    before = goes_on.find(s, alert.incident_id, alert.phase, alert.status, corrects=alert.corrects, but=alert.id)
    previous = before.alert.id if before is not None and before.alert.launched_at is not None else None
    usual = _usual(s, alert, settings)
    return Differences(
        None if usual is None else _compared(usual, own),
        previous,
        () if previous is None else _compared(_relinked(_stored(s, previous), previous, alert.id), own),
    )


def _compared(old: Words, new: Words) -> Sequence[Compared]:
    """The messages of `new` that differ; those that `old` does not have are new as a whole."""
    found = [Compared(*key, differences.compare(old.get(key, ""), words)) for key, words in new.items()]
    return [one for one in found if differences.differ(one.pieces)]


def _stored(s: Session, alert_id: int) -> Words:
    rows = s.scalars(
        select(StoredContent)
        .where(StoredContent.alert_id == alert_id, StoredContent.wording == GENERAL)
        .order_by(StoredContent.channel.desc(), StoredContent.language)
    )
    return {(one.channel, one.language): _joined(one.subject, readable(one.text, one.language)) for one in rows}


def _usual(s: Session, alert: Alert, settings: Settings) -> Words | None:
    """What the template says of this area and these times, with its needed blanks alone."""
    try:
        event = compose.catalogue().event(alert.event)
        needed = {blank.name for blank in event.blanks(alert.phase) if alert.phase in blank.required}
        blanks = {name: str(value) for name, value in alert.blanks.items() if name.partition(".")[0] in needed}
        filled = compose.fill(event, alert.phase, blanks)
        names = (alert.area_names or alert.area_description,)
        written = wording.rendered(s, alert, event, filled, names, alert.created_at, settings)
    except TocsinError:
        return None
    return {(one.channel, one.language): _joined(one.subject, readable(one.text, one.language)) for one in written}


def _joined(subject: str, text: str) -> str:
    return f"{subject}\n\n{text}" if subject else text


def _relinked(words: Words, before: int, now: int) -> Words:
    """The same words with the link of another alert, which is no difference."""
    return {key: text.replace(f"/alerts/{before}", f"/alerts/{now}") for key, text in words.items()}
