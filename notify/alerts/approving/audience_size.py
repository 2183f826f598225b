"""The size of an audience, for people about to write to it: what is usual, and when the number must be typed.

Whoever approves an emergency, or the all-clear of one, types the number of messages; so does whoever approves or
launches an alert to ten times as many contacts as usual, or to more than their own limit. It shows that the number was
read.
"""

import re
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.orm import Session

from notify.accounts import operator_limits
from notify.alerts.approving import sent_to, two_people
from notify.alerts.reporting import reports
from notify.audience import Audience
from notify.content.number_words import spelled
from notify.core.errors import Invalid, Refused
from notify.core.translation import gettext as _
from notify.core.translation import language, ngettext, number
from notify.models import Alert, Lane, Operator

UNUSUAL = 10  # an audience is unusual above this many times the median
LAST = 20  # alerts in the median
FEWEST = 3  # with fewer there is no median
TOLERANCE = 100  # the number typed may differ by one in so many: residents come and go
_SEPARATORS = re.compile(r"[\s,.'\u2019]")


def usual(s: Session, event: str | None = None, but: int = 0) -> int | None:
    """The median audience of the last launched alerts about an event, or of all while those are too few, without
    exercises. None while all are too few. `but`: an alert that does not count."""
    if event is not None and (median := _median(s, event, but)) is not None:
        return median
    return _median(s, None, but)


def _median(s: Session, event: str | None, but: int) -> int | None:
    count, median = s.execute(
        text("""SELECT count(*), percentile_cont(0.5) WITHIN GROUP (ORDER BY audience_total) FROM (
                    SELECT audience_total FROM alerts
                     WHERE status = 'Actual' AND launched_at IS NOT NULL AND fanout_done_at IS NOT NULL
                       AND audience_total > 0 AND id <> :but AND (CAST(:event AS text) IS NULL OR event = :event)
                     ORDER BY launched_at DESC LIMIT :last) AS recent"""),
        {"but": but, "last": LAST, "event": event},
    ).one()
    return round(median) if count >= FEWEST else None


def reasons_to_type(s: Session, alert: Alert, found: Audience, by: Operator, *, launches: bool) -> list[str]:
    """Why the operator must type the number of messages to approve an alert, or to launch it. Empty: no need."""
    messages = sum(found.by_channel.values())
    why = [_of_life(alert)] if two_people.is_grave(alert) and not launches else []
    if alert.status != "Actual":
        return why
    normal = usual(s, alert.event, alert.id)
    if normal and found.total >= UNUSUAL * normal:
        times, usually = number(round(found.total / normal)), number(normal)
        why.append(_("It reaches %(times)s times as many contacts as usual (%(usual)s).", times=times, usual=usually))
    limit = operator_limits.of(s, by).contacts
    if limit is not None and messages > limit:
        why.append(_("It reaches more contacts than your limit of %(limit)s.", limit=number(limit)))
    return why


def _of_life(alert: Alert) -> str:
    if alert.lane is Lane.EMERGENCY:
        return _("It is an emergency.")
    return _("It ends an emergency: residents will believe that they are safe.")


def require_typed(s: Session, alert: Alert, found: Audience, by: Operator, typed: str, *, launches: bool) -> None:
    """Compare the number that somebody typed with the number of messages, where it must be typed. `found`: the audience
    as it is now.

    Raises Invalid when it is missing or not a number; Refused when it is another number.
    """
    why = reasons_to_type(s, alert, found, by, launches=launches)
    if why:
        require_number(sum(found.by_channel.values()), typed, why)


def sent_now(s: Session, alert_id: int, messages: str | None, now: datetime) -> int | None:
    """Count the messages that an alert would send, for `require_seen`; None when a person has given no number.

    Call it before the alert is locked: in a large city it takes seconds, and nobody could stop the alert meanwhile.
    """
    return None if messages is None else sent_to.contacts(s, reports.find_alert(s, alert_id), now)


def require_seen(alert: Alert, area_hash: str | None, messages: str | None, sent: int | None) -> None:
    """Raise Refused unless the area and the number of messages are those that a person has seen; None: not given.

    `sent`: how many it would send, as counted just before.
    """
    if area_hash is not None and area_hash != alert.area_hash:
        raise Refused(_("The area is not the one that this page showed."), hint=_("Check it again, then decide."))
    if messages is not None:
        require_number(sent or 0, messages)


def require_number(messages: int, typed: str, why: Sequence[str] = ()) -> None:
    """Raise Invalid unless a number was typed; Refused unless it is the number of messages, or nearly so."""
    digits = _SEPARATORS.sub("", typed)
    hint = " ".join([_("Type the number of messages that the page shows."), *why])
    if not digits:
        raise Invalid(_("The number of messages was not typed."), hint=hint)
    if not (digits.isascii() and digits.isdecimal() and len(digits) < 13):
        raise Invalid(_("%(typed)s is not a number of messages.", typed=repr(typed)), hint=hint)
    if abs(messages - int(digits)) * TOLERANCE > messages:
        raise Refused(
            _(
                "It would send %(messages)s (%(in_words)s), and you typed %(digits)s.",
                messages=ngettext("%(n)s message", "%(n)s messages", messages),
                in_words=spelled(messages, language()),
                digits=number(int(digits)),
            ),
            hint=_("Check the area, then type the number that the page shows."),
        )
