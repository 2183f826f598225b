"""Count the contacts that an alert would be sent to, before it is locked: in a large city that takes seconds, and
meanwhile others must be able to stop the alert."""

from datetime import datetime
from typing import NamedTuple

from sqlalchemy.orm import Session

from notify import audience
from notify.core.errors import Refused
from notify.core.translation import gettext as _
from notify.models import Alert


class SentTo(NamedTuple):
    """A number of contacts, and what they were counted of. None: they were not counted."""

    number: int | None = None
    of: tuple[object, ...] = ()

    def contacts(self, alert: Alert) -> int:
        """Return the number for an alert that is locked now. Raises Refused when it was counted of something else."""
        if self.number is None or self.of != _counted_of(alert):
            raise Refused(
                _("Alert %(alert)s has changed while its contacts were counted.", alert=alert.id),
                hint=_("Look at it again, then decide."),
            )
        return self.number


def count(s: Session, alert: Alert, now: datetime) -> SentTo:
    return SentTo(contacts(s, alert, now), _counted_of(alert))


def contacts(s: Session, alert: Alert, now: datetime) -> int:
    """Return the number of contacts that an alert would be sent to now."""
    residents = audience.residents_inside(s, audience.membership(alert), now)
    return sum(audience.count(s, alert, residents, now).by_channel.values())


def _counted_of(alert: Alert) -> tuple[object, ...]:
    return alert.area_hash, alert.topic, tuple(sorted(alert.channels)), alert.follows, tuple(alert.answered.items())
