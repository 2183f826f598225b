"""Break-glass: one person launches or ends an emergency alone, with a reason, and another must review it afterwards."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import select, update
from sqlalchemy.orm import Session, aliased

from notify.accounts import operators, roster
from notify.alerts import lifecycle, listing, operator_letters
from notify.alerts.approving import audience_size, two_people
from notify.alerts.reporting import reports
from notify.core import alarms, audit, translation
from notify.core.characters import visible
from notify.core.errors import Invalid, Refused
from notify.core.settings import Settings
from notify.core.translation import gettext as _
from notify.core.translation import ngettext
from notify.models import Alert, BreakGlass, Operator

SHORTEST = 10  # characters of a reason, and of a review
LONGEST = 2000


class Broken(NamedTuple):
    """A launch by one person, and its people."""

    row: BreakGlass
    by: Operator
    reviewer: Operator | None


class OpenReview(NamedTuple):
    """A launch by one person that no other person has reviewed yet."""

    alert: int
    event: str
    blanks: Mapping[str, Any]
    area_names: Mapping[str, str]
    area_description: str
    by: str
    by_id: int
    reason: str
    at: datetime

    @property
    def place(self) -> str:
        return listing.place(self)


def launch(
    s: Session,
    alert_id: int,
    by: Operator,
    now: datetime,
    settings: Settings,
    *,
    reason: str,
    area_hash: str | None,
    messages: str | None,
    sent: int | None,
) -> Alert:
    """Approve and launch an emergency, or the all-clear of one, alone. `area_hash`, `messages`: the area and the number
    of messages that the person has seen, and the latter as it was typed; None for a program, which has seen neither.
    `sent`: how many it would send, counted before this transaction locks the alert.

    It counts as approved by `by`; a record, an alarm and messages to all others who may approve tell so. Errors in the
    words are overridden, save those that make them false or keep them from arriving (`linting`). Raises Invalid for a
    reason that is too short; Refused when it is not a real emergency's draft, or not what was seen.
    """
    operators.require(by, "break-glass")
    why = _sentence(reason, _("reason"), _("Write why nobody else can be waited for."))
    alert = reports.find_alert(s, alert_id, lock=True)
    if not two_people.is_grave(alert):
        raise Refused(
            _("Alert %(alert)s is neither an emergency nor the all-clear of one.", alert=alert_id),
            hint=_("Somebody else must approve it."),
        )
    if alert.status != "Actual":
        raise Refused(
            _("Alert %(alert)s is not real.", alert=alert_id), hint=_("Practice can wait for the second person.")
        )
    if alert.launch_at is not None and alert.launch_at > now:
        raise Refused(
            _("Alert %(alert)s is planned for later.", alert=alert_id),
            hint=_("Until then there is time for somebody else to approve it."),
        )
    if s.get(BreakGlass, alert_id) is not None:
        raise Refused(_("Alert %(alert)s was launched already.", alert=alert_id))
    audience_size.require_seen(alert, area_hash, messages, sent)
    s.add(BreakGlass(alert_id=alert_id, operator_id=by.id, reason=why, at=now))
    s.flush()
    audit.note(s, now=now, by=by, action="break-glass", subject="alert", subject_id=alert_id, reason=why)
    lifecycle.approve(s, alert_id, by, now, settings)
    launched = lifecycle.launch(s, alert_id, by, now)
    message = f"{by.email} has launched alert {alert_id} ({alert.event}) alone: {why} Another person must review it."
    alarms.sound(s, alarms.BROKE_GLASS, message, now, alert_id=alert_id)
    others = [one for one in roster.may_serve(s) if one.id != by.id]
    operator_letters.write(s, "break-glass", launched, others, 1, now, author=by.email, reason=why)
    return launched


def review(s: Session, alert_id: int, by: Operator, now: datetime, words: str) -> None:
    """Write the review of a launch by one person. Raises Refused for that person, and when it is written already."""
    operators.require(by, "approve")
    review = _sentence(words, _("review"), _("Write whether it was right, and what to do better."))
    row = s.get(BreakGlass, alert_id)
    if row is None:
        raise Refused(
            _("Alert %(alert)s was not launched by one person alone: there is nothing to review.", alert=alert_id)
        )
    if row.operator_id == by.id:
        raise Refused(_("You launched this alert alone."), hint=_("Somebody else must review it."))
    written = s.scalar(
        update(BreakGlass)
        .where(BreakGlass.alert_id == alert_id, BreakGlass.reviewed_at.is_(None))
        .values(reviewed_by=by.id, review=review, reviewed_at=now)
        .returning(BreakGlass.alert_id)
        .execution_options(synchronize_session=False)
    )
    if written is None:
        raise Refused(
            _("The review of alert %(alert)s is written already.", alert=alert_id),
            hint=_("Look at the alert's page again."),
        )
    audit.note(s, now=now, by=by, action="review", subject="alert", subject_id=alert_id)


def of(s: Session, alert_id: int) -> Broken | None:
    """Return the record of an alert, if one person launched it alone."""
    by, reviewer = aliased(Operator), aliased(Operator)
    row = s.execute(
        select(BreakGlass, by, reviewer)
        .join(by, by.id == BreakGlass.operator_id)
        .outerjoin(reviewer, reviewer.id == BreakGlass.reviewed_by)
        .where(BreakGlass.alert_id == alert_id)
        .execution_options(populate_existing=True)
    ).first()
    return Broken(*row) if row else None


def open_reviews(s: Session) -> Sequence[OpenReview]:
    """Return the launches by one person that nobody has reviewed, the oldest first."""
    rows = s.execute(
        select(
            Alert.id,
            Alert.event,
            Alert.blanks,
            Alert.area_names,
            Alert.area_description,
            Operator.email,
            Operator.id,
            BreakGlass.reason,
            BreakGlass.at,
        )
        .join(Alert, Alert.id == BreakGlass.alert_id)
        .join(Operator, Operator.id == BreakGlass.operator_id)
        .where(BreakGlass.reviewed_at.is_(None))
        .order_by(BreakGlass.at)
    )
    return [OpenReview(*row) for row in rows]


def _sentence(words: str, what: str, hint: str) -> str:
    shown = visible(words)
    if len(shown) < SHORTEST:
        raise Invalid(
            _(
                "The %(what)s has %(count)s; the least is %(shortest)s.",
                what=what,
                count=ngettext("%(n)s character", "%(n)s characters", len(shown)),
                shortest=SHORTEST,
            ),
            hint=hint,
        )
    if len(shown) > LONGEST:
        raise Invalid(
            _("The %(what)s has %(count)s characters.", what=what, count=translation.number(len(shown))),
            hint=_("The most is %(longest)s.", longest=translation.number(LONGEST)),
        )
    return shown
