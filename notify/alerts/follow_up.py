"""Reach the unreached: the same words, once, to those whom an alert did not reach, on the channels it did not use."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from notify.accounts import operators
from notify.alerts import outdated, written_twice
from notify.alerts.reporting import reports
from notify.alerts.writing import drafting, wordings
from notify.alerts.writing.drafting import Draft
from notify.channels import registry
from notify.channels.channel import of_residents
from notify.core import audit, states
from notify.core.errors import Refused
from notify.core.settings import Settings
from notify.core.translation import gettext as _
from notify.core.vocabulary import word
from notify.delivery.senders import all_senders
from notify.models import Alert, Operator
from notify.models.states import AlertState


@dataclass(frozen=True, slots=True)
class Offer:
    """What can follow an alert. `made`: the follow-up that there is, other than one that ended before its launch.
    `channels`: those it can use; none: it cannot."""

    made: int | None
    channels: tuple[str, ...]


def offer(s: Session, alert: Alert, now: datetime, settings: Settings) -> Offer:
    """Return whether somebody can reach the unreached of this alert."""
    stands = or_(Alert.launched_at.is_not(None), Alert.state.not_in((AlertState.CANCELLED, AlertState.EXPIRED)))
    made = s.scalar(select(Alert.id).where(Alert.follows == alert.id, stands))
    runs = alert.state in states.IN_FORCE and alert.state is not AlertState.PAUSED and alert.expires_at > now
    free = runs and made is None and alert.follows is None and outdated.replaced_by(s, alert) is None
    return Offer(made, _others(s, alert, settings) if free else ())


def make(s: Session, alert_id: int, by: Operator, now: datetime, settings: Settings) -> Alert:
    """Write the follow-up of an alert: a draft, to be approved and launched as any other. There is at most one.

    Raises NotFound; Refused when there is one, when the alert does not run or is paused, is a follow-up itself, or has
    used all channels; Invalid when its words name times that have passed.
    """
    operators.require(by, "draft")
    # Locked, so that of two clicks the second one finds what the first one made.
    first = reports.find_alert(s, alert_id, lock=True)
    found = offer(s, first, now, settings)
    _require_free(s, first, found, now)
    follow = drafting.draft(
        s,
        Draft(
            event=first.event,
            phase=first.phase,
            blanks=first.blanks,
            channels=found.channels,
            severity=first.severity,
            urgency=first.urgency,
            certainty=first.certainty,
            status=first.status,
            expires_at=first.expires_at,
            incident=first.incident_id,
            corrects=first.corrects,
            follows=first.id,
            wording_parts=wordings.parts_of(s, first.id),
            wordings=wordings.stored(s, first.id),
        ),
        by,
        now,
        settings,
    )
    audit.note(s, now=now, by=by, action="follow-up", subject="alert", subject_id=first.id, alert=follow.id)
    return follow


def _require_free(s: Session, first: Alert, found: Offer, now: datetime) -> None:
    """Raise Refused, saying why, when nothing can follow an alert."""
    if found.made is not None:
        raise Refused(
            _("Alert %(made)s follows alert %(alert)s already.", made=found.made, alert=first.id),
            hint=_("Only one can."),
        )
    if first.follows is not None:
        raise Refused(
            _("Alert %(alert)s is a follow-up itself.", alert=first.id),
            hint=_("Write an update for those it does not reach."),
        )
    if first.state not in states.IN_FORCE or first.expires_at <= now:
        raise Refused(
            _("Alert %(alert)s is %(state)s: nothing can follow it.", alert=first.id, state=word(first.state)),
            hint=_("Write a new alert."),
        )
    if first.state is AlertState.PAUSED:
        raise written_twice.paused(first.id)
    if outdated.replaced_by(s, first) is not None:
        raise Refused(
            _("A later alert replaces alert %(alert)s.", alert=first.id),
            hint=_("These words may be out of date."),
        )
    if not found.channels:
        raise Refused(
            _("Alert %(alert)s has used every channel that has an open sender.", alert=first.id),
            hint=_("Add or open a sender of another channel."),
        )


def _others(s: Session, alert: Alert, settings: Settings) -> tuple[str, ...]:
    """The channels of residents with an open sender that the alert has not used."""
    usable = {
        one.channel for one in all_senders(s) if one.status == "open" and not registry.missing(settings, one.provider)
    }
    return tuple(name for name in of_residents() if name in usable and name not in alert.channels)
