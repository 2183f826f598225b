"""Enforce an operator's own limits (`accounts.operator_limits`) when an alert is drafted, approved and launched.

A topic, zone or hour beyond a limit is refused. An audience beyond it needs another person, whose limit allows it.
Exercises and tests reach simulators only, so they are not limited.
"""

from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

import shapely
from shapely.geometry.base import BaseGeometry
from sqlalchemy import select
from sqlalchemy.orm import Session

from notify.accounts import operator_limits
from notify.accounts.operator_limits import Limits
from notify.alerts.approving import sent_to, two_people
from notify.alerts.approving.sent_to import SentTo
from notify.city import zones as city_zones
from notify.core import translation
from notify.core.errors import NotAllowed
from notify.core.settings import Settings
from notify.core.translation import gettext as _
from notify.core.translation import ngettext
from notify.core.vocabulary import word
from notify.models import Alert, Operator
from zones.geometry import area_m2, from_wkb

OUTSIDE = 0.001  # the part of an area that may lie outside the zones of a limit: their borders are never quite the same
NAMED = 3


def require_for_draft(
    s: Session, by: Operator, topic: str, area: BaseGeometry, status: str, sends_at: datetime, settings: Settings
) -> None:
    """Raise NotAllowed when an alert that `by` writes is beyond their limits. `sends_at`: when it would be sent."""
    if status == "Actual":
        _require_within(s, operator_limits.of(s, by), by, topic, area, sends_at, settings.tz)


def count(s: Session, alert: Alert, by: Operator, now: datetime, *, launches: bool = False) -> SentTo:
    """Count the contacts of an alert that is not locked yet, if `two_people.require` or `require` will ask for them."""
    if alert.status != "Actual" or two_people.breaks_glass(s, alert, by):
        return SentTo()
    alone = not launches and two_people.depends_on_size(alert, by)
    limited = alert.area is not None and _most(operator_limits.of(s, by), alert, by, launches) is not None
    return sent_to.count(s, alert, now) if alone or limited else SentTo()


def require(
    s: Session,
    alert: Alert,
    by: Operator,
    now: datetime,
    settings: Settings,
    sent: SentTo,
    *,
    launches: bool = False,
) -> None:
    """Raise NotAllowed when an alert is beyond the limits of the operator who approves or `launches` it. `sent`: what
    `count` returned before the alert was locked.

    Raises Refused when its audience is: somebody else must approve it. Whoever launches may rely on such an approval.
    Nothing is limited for an operator who breaks glass, which is recorded before (`break_glass.launch`).
    """
    if alert.status != "Actual" or alert.area is None or two_people.breaks_glass(s, alert, by):
        return
    limits = operator_limits.of(s, by)
    if limits == Limits():
        return
    sends_at = max(now, alert.launch_at or now)
    _require_within(s, limits, by, alert.topic.value, from_wkb(alert.area), sends_at, settings.tz)
    most = _most(limits, alert, by, launches)
    if most is not None and (reached := sent.contacts(alert)) > most:
        raise two_people.NeedsAnother(
            _(
                "Alert %(alert)s would be sent to %(reached)s, more than the limit of %(email)s: %(contacts)s.",
                alert=alert.id,
                reached=ngettext("%(n)s contact", "%(n)s contacts", reached),
                email=by.email,
                contacts=translation.number(most),
            ),
            hint=_("Somebody else must approve it, or %(who)s changes the limit.", who=_who_lifts(s)),
        )


def _most(limits: Limits, alert: Alert, by: Operator, launches: bool) -> int | None:
    """The number of contacts above which another person must have approved the alert; None if it does not matter."""
    return None if launches and alert.approved_by not in {None, by.id} else limits.contacts


def _require_within(
    s: Session, limits: Limits, by: Operator, topic: str, area: BaseGeometry, sends_at: datetime, tz: ZoneInfo
) -> None:
    if limits.topics is not None and topic not in limits.topics:
        about = {
            "email": by.email,
            "topics": _(" and ").join(word(one) for one in limits.topics),
            "topic": word(topic),
        }
        raise _beyond(s, _("%(email)s may send alerts about %(topics)s only, not about %(topic)s.", **about))
    at = sends_at.astimezone(tz).time()
    if limits.hours is not None and not limits.hours.has(at):
        message = _(
            "Alerts of %(email)s may be sent at %(hours)s only, and this would be at %(at)s.",
            email=by.email,
            hours=limits.hours,
            at=at.strftime("%H:%M"),
        )
        raise _beyond(s, message, _("Give it a launch time within these hours."))
    if limits.zones is not None and _leaves(s, limits.zones, area):
        names = operator_limits.zone_names(s, limits)
        named = ", ".join(names[:NAMED])
        if len(names) > NAMED:
            named = _("%(names)s and %(count)s more", names=named, count=len(names) - NAMED)
        message = _("Its area leaves the zones that %(email)s is limited to: %(zones)s.", email=by.email, zones=named)
        raise _beyond(s, message, _("Choose an area within them."))


def _beyond(s: Session, message: str, instead: str = "") -> NotAllowed:
    whom = _("Somebody without this limit can do it, or %(who)s changes it.", who=_who_lifts(s))
    return NotAllowed(message, hint=f"{instead} {whom}".strip())


def _who_lifts(s: Session) -> str:
    """The admins, who may change a limit, as words within a sentence."""
    admins = select(Operator.email).where(Operator.role == "admin", Operator.disabled_at.is_(None))
    found = s.scalars(admins.order_by(Operator.email).limit(NAMED)).all()
    return _("an admin (%(emails)s)", emails=", ".join(found)) if found else _("an admin")


def _leaves(s: Session, zones: Sequence[int], area: BaseGeometry) -> bool:
    """Whether more than a sliver of an area lies outside these zones. Retired ones count for nothing."""
    shapes = [from_wkb(kept.version.geometry) for kept in city_zones.all_zones(s) if kept.zone.id in zones]
    outside = shapely.difference(area, shapely.union_all(shapes))
    if outside.is_empty:
        return False
    return area_m2(outside) > OUTSIDE * area_m2(area)
