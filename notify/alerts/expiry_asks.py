"""Ask to extend, update or close an alert that ends soon, or whose promised time comes, while nothing follows it.

Its author is asked first; then, as long as nobody acts, who is on duty, the deputy, and everybody else who may approve.
A working draft of an update is ready for them. Each one is asked once.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from notify.accounts import roster
from notify.alerts import operator_letters, situation
from notify.alerts.situation import Item
from notify.alerts.writing import working_drafts, working_start
from notify.core import alarms, audit, db, operator_words
from notify.core.city_time import shown
from notify.core.errors import TocsinError
from notify.core.settings import Settings, settings
from notify.models import Alert, DirectMessage, Operator, WorkingDraft


def concerns(one: Item) -> bool:
    """Whether somebody has to act before this alert ends. A routine alert that promises nothing may end by itself."""
    return one.lane == "emergency" or one.promised_at is not None


def ask(s: Session, now: datetime, settings: Settings) -> list[int]:
    """Ask the next people about each alert that ends soon. Returns the alerts about which somebody was asked.

    Nobody is asked any more once something follows the alert, or an operator has resolved its alarm.
    """
    ending = {one.id: one for one in situation.asking(s, now) if concerns(one)}
    asked = [one for one in _locked(s, ending) if _is_due(s, one, now - timedelta(minutes=settings.ask_again_minutes))]

    def work(some: Sequence[Alert]) -> list[int]:
        return [alert.id for alert in some if _ask_next(s, alert, ending[alert.id], now)]

    def refused(alert: Alert, why: Exception) -> None:
        alarms.refused_row(f"ask who extends alert {alert.id}", why, now, alert_id=alert.id)

    return [one for part in db.in_halves(asked, work, refused, s.begin_nested) for one in part]


def _locked(s: Session, alerts: Mapping[int, Item]) -> Sequence[Alert]:
    """Lock the alerts, without those that another scheduler has, so that two of them do not ask twice."""
    chosen = select(Alert).where(Alert.id.in_(alerts)).order_by(Alert.id)
    return s.scalars(chosen.with_for_update(key_share=True, skip_locked=True)).all()


def _is_due(s: Session, alert: Alert, before: datetime) -> bool:
    """Whether nobody was asked yet, or the last ones have had their time. Read after the alert was locked."""
    return bool(s.execute(text(_DUE), {"id": alert.id, "before": before, "alarm": alarms.EXPIRES_SOON}).scalar_one())


_DUE = """
    SELECT coalesce(max(made_at) <= :before, true)
           AND NOT EXISTS (SELECT FROM alarms WHERE kind = :alarm AND alert_id = :id AND resolved_by IS NOT NULL)
      FROM direct_messages WHERE alert_id = :id AND kind = 'expiry'
"""


def _ask_next(s: Session, alert: Alert, ending: Item, now: datetime) -> bool:
    """Write to the next people. Returns whether there were any."""
    written = select(DirectMessage.operator_id, DirectMessage.step).where(
        DirectMessage.alert_id == alert.id, DirectMessage.kind == "expiry"
    )
    before = s.execute(written).all()
    people = _next(s, alert, {row.operator_id for row in before}, now)
    if not people:
        return False
    step = max((row.step for row in before), default=0) + 1
    link = _link(s, alert, people, now)
    operator_letters.write(
        s, "expiry", alert, people, step, now, author="", more=lambda language: _ends(ending, language) | {"link": link}
    )
    audit.note(s, now=now, by=None, action="ask-expiry", subject="alert", subject_id=alert.id, count=len(people))
    return True


def _next(s: Session, alert: Alert, out: set[int], now: datetime) -> list[Operator]:
    author = s.get_one(Operator, alert.created_by)
    order = [[author] if author.disabled_at is None else [], *roster.order(s, now)]
    groups = [[one for one in group if one.id not in out] for group in order]
    return next((group for group in groups if group), [])


def _link(s: Session, alert: Alert, people: Sequence[Operator], now: datetime) -> str:
    """Return the address of the incident's open draft of an update, which is begun if there is none; where none of
    these people may write it, that of the incident."""
    mine = (WorkingDraft.incident_id == alert.incident_id, WorkingDraft.phase == "update")
    open_one = select(WorkingDraft.id).where(*mine, WorkingDraft.alert_id.is_(None), WorkingDraft.dropped_at.is_(None))
    draft = s.scalar(open_one.order_by(WorkingDraft.id.desc()).limit(1))
    author = next((one for one in people if working_drafts.may_write(alert.event, one)), None)
    if draft is None and author is not None:
        draft = _begin(s, alert, author, now)
    page = f"compose/{draft}" if draft is not None else f"incidents/{alert.incident_id}"
    return f"{settings().public_url}/console/{page}"


def _begin(s: Session, alert: Alert, author: Operator, now: datetime) -> int | None:
    """Begin the draft of an update. None if the event has no updates any more: then its incident's page must do."""
    try:
        return working_start.start(s, alert.event, "update", author, now, incident=alert.incident_id).id
    except TocsinError:
        return None


def _ends(one: Item, language: str) -> dict[str, str]:
    """Return what is about to happen, in words."""
    said, promised = operator_words.of("ends", language), one.promised_at
    how, at = ("promised", promised) if promised and promised < one.expires_at else ("expires", one.expires_at)
    return {
        "ends": said[how].format(time=shown(at, settings().tz)),
        "incident": f"{settings().public_url}/console/incidents/{one.incident}",
    }
