"""When an alert needs two people: one who writes it and another who approves it.

Severity and urgency are the author's to choose, so they can add a second person and never spare one.
"""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy.orm import Session

from notify.audience import resolve as audience
from notify.content.events import Event
from notify.core.counting import counted
from notify.core.errors import Refused
from notify.core.settings import Settings
from notify.models import Alert, Operator

FREE = ("text", "line", "url")  # blanks that take any words

SENTENCES = {
    "emergency": "it is an emergency",
    "event": "every alert about this event needs two people",
    "free-words": "it has words that somebody wrote for it",
}


def reasons(event: Event, phase: str, lane: str, status: str, blanks: Mapping[str, str], *, named: bool) -> list[str]:
    """Why a draft needs two people; none: its author may approve it, if it reaches few.

    `named`: somebody wrote what its area is called.
    """
    found = ["emergency"] if lane == "emergency" else []
    if status != "Actual":
        return found
    if event.two_people or event.defaults(phase).lane == "emergency":
        found.append("event")
    free = {blank.name for blank in event.blanks(phase) if blank.type in FREE}
    if named or any(key.partition(".")[0] in free for key in blanks):
        found.append("free-words")
    return found


def require(s: Session, alert: Alert, by: Operator, now: datetime, settings: Settings) -> None:
    """Raises Refused when its author approves an alert that needs somebody else."""
    if alert.created_by != by.id:
        return
    why = [SENTENCES.get(reason, reason) for reason in alert.two_people]
    if not why and alert.status == "Actual":
        residents = audience.residents_inside(s, audience.membership(alert), now)
        reached = sum(audience.count(s, alert, residents, now).by_channel.values())
        if reached > settings.alone_most:
            why = [f"it would be sent to {counted(reached, 'contact')}, more than {settings.alone_most:,}"]
    if why:
        raise Refused(
            f"Alert {alert.id} was written by {by.email}, and {' and '.join(why)}.",
            hint="Somebody else must approve it.",
        )
