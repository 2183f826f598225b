"""The rule that some alerts need two people: an author, and somebody else who approves.

The author chooses severity and urgency, so these may require a second person but never waive one.
"""

from collections.abc import Mapping

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from notify.alerts.approving.sent_to import SentTo
from notify.content.catalogue import catalogue
from notify.content.events import Event
from notify.core.errors import NotFound, Refused
from notify.core.settings import Settings
from notify.core.translation import gettext as _
from notify.core.translation import gettext_noop, ngettext, number
from notify.models import Alert, BreakGlass, Lane, Operator, Topic

FREE = ("text", "line", "url")  # types of blanks that take free text
ENDS_EMERGENCY = "ends-emergency"

SENTENCES = {
    "emergency": gettext_noop("it is an emergency"),
    ENDS_EMERGENCY: gettext_noop("it ends an emergency"),
    "event": gettext_noop("every alert about this event needs two people"),
    "free-words": gettext_noop("it contains free text"),
}


def reasons(
    event: Event, phase: str, lane: str, status: str, blanks: Mapping[str, str], *, named: bool, ends: bool = False,
    typed: bool = False,
) -> list[str]:  # fmt: skip
    """The reasons why a draft needs two people. Without any, its author may approve it if its audience is small.

    `named`: an operator wrote the name of its area; `typed`: or words of an event that is composed. `ends`: it ends an
    emergency (`ends_emergency`).
    """
    found = ["emergency"] if lane == "emergency" else []
    if ends:
        found.append(ENDS_EMERGENCY)
    if status != "Actual":
        return found
    if event.two_people or event.defaults(phase).lane == "emergency":
        found.append("event")
    free = {blank.name for blank in event.blanks(phase) if blank.type in FREE}
    if typed or (not event.composed and (named or any(key.partition(".")[0] in free for key in blanks))):
        found.append("free-words")
    return found


class NeedsAnother(Refused):
    """Nothing is wrong with the alert: somebody else must approve it."""


def is_grave(alert: Alert) -> bool:
    """Whether a mistake may cost lives: an emergency, or the all-clear of one. Its number of messages is typed, its
    launch counts down, and one person alone launches it only by breaking glass."""
    return alert.lane is Lane.EMERGENCY or ENDS_EMERGENCY in alert.two_people


def ends_emergency(s: Session, incident_id: int, phase: str, status: str) -> bool:
    """Whether an alert of this phase would end an emergency: its incident has launched one, whatever came after it."""
    emergency = exists().where(
        Alert.incident_id == incident_id,
        Alert.status == status,
        Alert.lane == Lane.EMERGENCY,
        Alert.launched_at.is_not(None),
    )
    return phase == "all-clear" and bool(s.scalar(select(emergency)))


def require_foreseen(s: Session, alert: Alert) -> None:
    """Raise Refused for an all-clear that was written before an emergency of its incident was launched: it does not say
    that it would end one."""
    foreseen = alert.phase != "all-clear" or ENDS_EMERGENCY in alert.two_people
    if not foreseen and ends_emergency(s, alert.incident_id, alert.phase, alert.status):
        raise Refused(
            _("Alert %(alert)s was written before the emergency that it would end was launched.", alert=alert.id),
            hint=_("Nothing was sent. Write it again and have it approved."),
        )


def act(alert: Alert, by: Operator) -> str:
    """The act of approving this alert, for `operators.require`: more people may approve what needs no second person."""
    if alert.created_by != by.id or alert.two_people:
        return "approve"
    return "publish collection" if is_composed_notice(alert) else "approve alone"


def act_of_launch(alert: Alert, by: Operator) -> str:
    """The act of launching this alert, likewise."""
    alone = alert.created_by == by.id and not alert.two_people and is_composed_notice(alert)
    return "publish collection" if alone else "launch"


def act_of_stop(alert: Alert, by: Operator) -> str:
    """The act of pausing, resuming or cancelling this alert: who published a notice may take it back."""
    return "publish collection" if act_of_launch(alert, by) == "publish collection" else "stop"


def is_composed_notice(alert: Alert) -> bool:
    """Whether an alert about collections has only words that Tocsin made from the published calendars."""
    if alert.topic is not Topic.COLLECTION:
        return False
    try:
        return catalogue().event(alert.event).composed
    except NotFound:
        return False


def depends_on_size(alert: Alert, by: Operator) -> bool:
    """Whether the size of its audience decides if the operator may approve an alert."""
    return alert.created_by == by.id and not alert.two_people and alert.status == "Actual"


def require(s: Session, alert: Alert, by: Operator, settings: Settings, sent: SentTo) -> None:
    """Raise Refused when authors approve their own alert although it needs two people, unless they break glass.
    `sent`: what `limits.count` returned before the alert was locked."""
    if alert.created_by != by.id or breaks_glass(s, alert, by):
        return
    why = [_(SENTENCES.get(reason, reason)) for reason in alert.two_people]
    if depends_on_size(alert, by) and (reached := sent.contacts(alert)) > settings.alone_most:
        contacts, most = ngettext("%(n)s contact", "%(n)s contacts", reached), number(settings.alone_most)
        why = [_("it would be sent to %(reached)s, more than %(most)s", reached=contacts, most=most)]
    if why:
        raise NeedsAnother(
            _(
                "Alert %(alert)s was written by %(email)s, and %(reasons)s.",
                alert=alert.id,
                email=by.email,
                reasons=_(" and ").join(why),
            ),
            hint=_("Somebody else must approve it."),
        )


def breaks_glass(s: Session, alert: Alert, by: Operator) -> bool:
    """Whether this transaction has recorded that the operator launches it alone (`break_glass.launch`)."""
    row = s.get(BreakGlass, alert.id)
    return row is not None and row.operator_id == by.id
