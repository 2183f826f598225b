"""Ask people to approve an alert: who is on duty, then the deputy, then everybody else who may.

When nobody has approved after `ask_again_minutes`, the next ones are asked. The author is never asked.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import Row, select, text
from sqlalchemy.orm import Session

from notify.accounts import operators, roster
from notify.alerts import operator_letters
from notify.alerts.approving import two_people
from notify.alerts.reporting import reports
from notify.core import alarms, audit, db
from notify.core.counting import counted
from notify.core.errors import Refused
from notify.core.settings import Settings
from notify.core.translation import gettext as _
from notify.core.vocabulary import word
from notify.models import Alert, DirectMessage, Operator
from notify.models.states import AlertState


class Person(NamedTuple):
    """Somebody who was asked, or will be. `duty`: "on duty", "deputy" or "". `by`: their messages' states by channel;
    empty for somebody without a verified contact, who sees it only on the console."""

    email: str
    duty: str
    asked_at: datetime | None = None
    by: tuple[tuple[str, str], ...] = ()


class Waiting(NamedTuple):
    """Who was asked to approve an alert, and who will be, and when. `next_at`: None when everybody was asked."""

    asked: Sequence[Person]
    next: Sequence[Person]
    next_at: datetime | None


def ask(s: Session, alert_id: int, by: Operator, now: datetime) -> None:
    """Ask for approval of a draft. Does nothing when it was asked for before.

    Raises Refused when it is not a draft or nobody else could approve it.
    """
    alert = reports.find_alert(s, alert_id, lock=True)
    if by.id != alert.created_by:
        operators.require(by, "draft")
    if alert.state is not AlertState.DRAFT:
        raise Refused(
            _(
                "Alert %(alert)s is %(state)s: nobody needs to approve it.",
                alert=alert_id,
                state=word(alert.state),
            )
        )
    if alert.expires_at <= now:
        raise Refused(_("Alert %(alert)s has expired.", alert=alert_id), hint=_("Write it again."))
    if _asked(s, alert_id):
        return
    if not _ask_next(s, alert, now, step=1):
        raise Refused(
            _("Nobody but its author could approve alert %(alert)s.", alert=alert_id),
            hint=_("An admin can make somebody else an approver."),
        )
    audit.note(s, now=now, by=by, action="ask", subject="alert", subject_id=alert_id)


def ask_at_once(s: Session, alert: Alert, now: datetime, rewrites: int | None) -> None:
    """Ask for the approval of an emergency or its all-clear that was just written, or of an alert that replaces one
    whose approval was asked for (`rewrites`). Of a test nobody is asked."""
    asked_before = rewrites is not None and _asked(s, rewrites)
    wanted = alert.status != "Test" and (two_people.is_grave(alert) or asked_before)
    if wanted and _ask_next(s, alert, now, step=1):
        audit.note(s, now=now, by=None, action="ask", subject="alert", subject_id=alert.id)


def ask_again(s: Session, now: datetime, settings: Settings) -> list[int]:
    """Ask the next people about drafts that nobody has approved in time. An alarm rings when everybody was asked.

    Returns the alerts about which somebody was asked.
    """
    due = s.execute(text(_DUE), {"now": now, "before": now - _patience(settings)}).all()

    def work(rows: Sequence[Row[Any]]) -> list[tuple[int, bool]]:
        return [(row.id, _ask_again(s, row.id, row.step + 1, now)) for row in rows]

    def refused(row: Row[Any], why: Exception) -> None:
        alarms.refused_row(f"ask again who approves alert {row.id}", why, now, alert_id=row.id)

    done = [one for part in db.in_halves(due, work, refused, s.begin_nested) for one in part]
    _ring(s, [alert for alert, written in done if not written], now, settings)
    return [alert for alert, written in done if written]


def _ask_again(s: Session, alert_id: int, step: int, now: datetime) -> bool:
    """Ask the next people about one alert. Returns whether there were any."""
    if not _ask_next(s, s.get_one(Alert, alert_id), now, step):
        return False
    audit.note(s, now=now, by=None, action="ask-next", subject="alert", subject_id=alert_id)
    return True


# A draft is locked, so that two schedulers do not ask twice; the unique key would refuse it in any case.
_DUE = """
    SELECT a.id, m.step FROM alerts a
      JOIN LATERAL (SELECT max(step) AS step, max(made_at) AS at FROM direct_messages
                     WHERE alert_id = a.id AND kind = 'ask') AS m ON m.at <= :before
     WHERE a.state = 'draft' AND a.expires_at > :now
     ORDER BY a.id FOR NO KEY UPDATE OF a SKIP LOCKED
"""


def waiting(s: Session, alert: Alert, now: datetime, settings: Settings) -> Waiting | None:
    """Return who was asked to approve a draft and who is next; None when nobody was asked."""
    if alert.state is not AlertState.DRAFT:
        return None
    rows = s.execute(
        select(DirectMessage, Operator.email)
        .join(Operator, Operator.id == DirectMessage.operator_id)
        .where(DirectMessage.alert_id == alert.id, DirectMessage.kind == "ask")
        .order_by(DirectMessage.step, Operator.email, DirectMessage.channel)
    ).all()
    if not rows:
        return None
    duty = _duty(s, now)
    shown = [m for m, _ in rows if m.channel == operator_letters.CONSOLE]
    asked = [
        Person(
            next(email for m, email in rows if m.operator_id == one.operator_id),
            duty.get(one.operator_id or 0, ""),
            one.made_at,
            tuple((m.channel, m.state) for m, _ in rows if m.operator_id == one.operator_id and m not in shown),
        )
        for one in shown
    ]
    following = [Person(one.email, duty.get(one.id, "")) for one in _next(s, alert, now)]
    last = max(m.made_at for m, _ in rows)
    return Waiting(asked, following, last + _patience(settings) if following else None)


def _ask_next(s: Session, alert: Alert, now: datetime, step: int) -> bool:
    """Write to the next people. Returns whether there were any."""
    people = _next(s, alert, now)
    if people:
        author = s.get_one(Operator, alert.created_by)
        operator_letters.write(s, "ask", alert, people, step, now, author=author.email)
    return bool(people)


def _next(s: Session, alert: Alert, now: datetime) -> list[Operator]:
    """Return the next group of the roster's order of whom somebody was not asked yet."""
    out = _asked(s, alert.id) | {alert.created_by}
    groups = [[one for one in group if one.id not in out] for group in roster.order(s, now)]
    return next((group for group in groups if group), [])


def _asked(s: Session, alert_id: int) -> set[int]:
    """Return the ids of the operators who were asked."""
    asked = select(DirectMessage.operator_id).where(DirectMessage.alert_id == alert_id, DirectMessage.kind == "ask")
    return set(s.scalars(asked))


def _duty(s: Session, now: datetime) -> dict[int, str]:
    present = roster.at(s, now).now
    return {present.deputy.id: "deputy", present.operator.id: "on duty"} if present else {}


def _patience(settings: Settings) -> timedelta:
    return timedelta(minutes=settings.ask_again_minutes)


def _ring(s: Session, overdue: Sequence[int], now: datetime, settings: Settings) -> None:
    """Ring once for each alert that waits although everybody was asked; end the alarms of those that no longer wait."""
    s.execute(
        text("""UPDATE alarms r SET resolved_at = greatest(:now, since) FROM alerts a
                 WHERE a.id = r.alert_id AND a.state <> 'draft' AND r.kind = :kind AND r.resolved_at IS NULL"""),
        {"now": now, "kind": alarms.NOT_APPROVED},
    )
    rung = s.scalars(
        text("SELECT alert_id FROM alarms WHERE kind = :kind AND alert_id = ANY(:ids)"),
        {"kind": alarms.NOT_APPROVED, "ids": list(overdue)},
    ).all()
    minutes = counted(round(settings.ask_again_minutes), "minute")
    for alert_id in set(overdue) - set(rung):
        message = f"Alert {alert_id} waits for approval. Everybody was asked, and nobody has answered for {minutes}."
        alarms.sound(s, alarms.NOT_APPROVED, message, now, alert_id=alert_id)
