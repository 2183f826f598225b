"""Everything that the console shows of an alert."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta

from shapely.geometry.base import BaseGeometry
from sqlalchemy.orm import Session

from api.auth import Caller
from api.console.alert import approval_view, preflight
from api.console.alert.approval_view import Approval, Asked
from api.console.alert.preflight import Check, Preflight
from api.console.writing import compose_area
from notify import audience
from notify.accounts.operators import MAY
from notify.alerts import follow_up
from notify.alerts.approving import audience_size, explanation, two_people
from notify.alerts.counts import RunningCount
from notify.alerts.follow_up import Offer
from notify.alerts.practice import own_tests
from notify.alerts.reporting import after_action, history, reports
from notify.alerts.reporting.after_action import Kin
from notify.alerts.words import differences, linting
from notify.alerts.words.differences import Differences
from notify.alerts.writing import replaced_area, rewriting, told_there, wordings, working_drafts
from notify.alerts.writing.replaced_area import Replaced
from notify.alerts.writing.rewriting import Rewriting
from notify.alerts.writing.similar import Similar, similar
from notify.alerts.writing.told_there import Told
from notify.audience import Audience
from notify.audience.cache import precedence
from notify.audience.live_count import live_count
from notify.city.outline import Outline, in_city
from notify.core import states
from notify.core.db import transaction
from notify.core.settings import settings
from notify.delivery import forecast
from notify.delivery.forecast import Plan
from notify.models import Alert, StoredContent
from notify.models.states import AlertState
from notify.outside import warnings
from notify.outside.warnings import WarnedThere
from notify.service311 import calendars
from notify.service311.notices import kept
from notify.service311.outputs.words import clock
from notify.service311.reminders import readers
from zones.geometry import from_wkb

WANTED = {  # button -> the permission that it needs, and the state that follows
    "approve": ("approve", AlertState.APPROVED),
    "launch": ("launch", AlertState.SENDING),
    "resume": ("stop", AlertState.SENDING),
    "pause": ("stop", AlertState.PAUSED),
    "cancel": ("stop", AlertState.CANCELLED),
}
RECEIPTS_FOR = timedelta(minutes=2)  # how long receipts are watched after the last message


@dataclass(frozen=True, slots=True)
class Shown:
    """What is the same for every reader, and may change at any moment."""

    alert: Alert
    progress: reports.Progress
    steps: Sequence[history.Step]
    follow: Offer  # whether somebody can reach its unreached
    asked: Asked
    rewriting: Rewriting
    silent: Sequence[Check]  # channels on which nothing was accepted since the launch
    kin: Kin  # the alerts of its incident before and after it


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertView(Shown):
    """What the templates read. The fields with a default are only for a page as a whole, or before the launch."""

    buttons: tuple[str, ...]
    may_change: bool  # the reader may open its form anew
    needs_another: bool  # the reader is its author, and somebody else must approve it
    approval: Approval
    is_grave: bool  # its launch counts down
    alone_most: int | None = None  # the reader is its author, and it goes to more contacts than one person may approve
    words: Sequence[StoredContent] = ()
    readings: Sequence[wordings.Reading] = ()  # its wordings, if it has others than the general one
    readers: Mapping[int, int] = field(default_factory=dict)  # how many residents would read each, before the launch
    drawing: Outline | None = None
    tested: Sequence[own_tests.Tested] = ()  # to the reader's own contacts
    similar: Sequence[Similar] = ()  # of other incidents
    told: Sequence[Told] = ()  # alerts of other incidents that are in force in its area
    others: Sequence[WarnedThere] = ()  # warnings of other agencies that meet its area
    replaced: Replaced | None = None  # the alert before it, if a part of its area is left out
    earlier: int = 0  # residents in the area of that alert
    findings: Sequence[linting.Checked] = ()  # on its words
    to_type: Mapping[str, list[str]] = field(default_factory=dict)  # button -> why the number must be typed
    plan: Plan | None = None  # the audience and times if it were launched now
    evenings: Sequence[date] = ()  # on which the readers of a collection notice are reminded, before the launch
    preflight: Preflight | None = None  # whether its channels work
    differences: Differences | None = None  # of its words from others
    samples: tuple[tuple[str, ...], tuple[str, ...]] = ((), ())  # addresses inside, and just outside

    @property
    def remind_at(self) -> str:
        """The time of day of those evenings, in the reader's language."""
        return clock(time(readers.HOUR))

    @property
    def preview(self) -> Audience | None:
        return self.plan.audience if self.plan else None


def read(alert_id: int, caller: Caller, now: datetime, *, moving: bool = False) -> AlertView:
    """Read an alert's page; `moving`: only the parts that change by themselves. Raises NotFound."""
    with transaction() as s:
        alert = reports.find_alert(s, alert_id)
        apart = wordings.counted(s, alert_id)
    waits = alert.state in states.BEFORE_LAUNCH and alert.area is not None
    reached = _reached(alert, now) if waits else None  # takes a connection of its own
    readers = apart.read(alert) if apart and waits and not moving else {}  # and so does this
    with transaction() as s:
        view = seen_by(shown(s, alert_id, now), caller, now)
        if reached is not None and view.alert.state in states.BEFORE_LAUNCH:
            checked = preflight.read(s, alert, now)
            plan = forecast.plan_for(s, alert, reached, now, checked.failing)
            explanation.note_preview(s, alert, reached.residents, now, by=caller.operator)
            view = replace(view, plan=plan, preflight=checked, to_type=_to_type(s, alert, plan, caller, view.buttons))
            view = _alone(view, plan.audience, caller)
            view = replace(view, evenings=kept.evenings(s, alert_id, calendars.today(plan.at)))
        if moving:
            return view
        view = replace(
            view,
            words=reports.words(s, alert_id),
            readings=wordings.readings(s, alert_id),
            readers=readers,
            drawing=in_city(s, alert.area) if alert.area is not None else None,
            tested=own_tests.sent(s, alert_id, caller.operator),
        )
        if alert.area is None or view.plan is None:
            return view
        area = from_wkb(alert.area)
        view = _for_review(s, view, area, now)
    return replace(
        view,
        samples=compose_area.samples(area),
        earlier=view.replaced.residents(now) if view.replaced else 0,
    )


def _alone(view: AlertView, sent_to: Audience, caller: Caller) -> AlertView:
    """Offer no approval that the domain would refuse for the size of the audience, but say why."""
    contacts, most = sum(sent_to.by_channel.values()), settings().alone_most
    if contacts <= most or caller.operator is None or not two_people.depends_on_size(view.alert, caller.operator):
        return view
    return replace(view, alone_most=most, buttons=tuple(name for name in view.buttons if name != "approve"))


def shown(s: Session, alert_id: int, now: datetime, running: RunningCount | None = None) -> Shown:
    """Read what is the same for every reader. `running`: of somebody who asks again and again."""
    alert = reports.find_alert(s, alert_id)
    return Shown(
        alert,
        reports.progress(s, alert_id, running),
        history.steps(s, alert_id),
        follow_up.offer(s, alert, now, settings()),
        approval_view.read(s, alert, now),
        rewriting.of(s, alert),
        preflight.silent(s, alert, now),
        after_action.kin(s, alert),
    )


def counted_again(s: Session, before: Shown, running: RunningCount) -> Shown:
    """Read the alert and its numbers anew, and take what else is shown of it from `before`."""
    alert = reports.find_alert(s, before.alert.id)
    return replace(before, alert=alert, progress=reports.progress(s, alert.id, running))


def seen_by(known: Shown, caller: Caller, now: datetime) -> AlertView:
    """Return what one reader sees, without a query."""
    alert = known.alert
    own = caller.operator is not None and caller.operator.id == alert.created_by and bool(alert.two_people)
    return AlertView(
        alert,
        known.progress,
        known.steps,
        known.follow,
        known.asked,
        known.rewriting,
        known.silent,
        known.kin,
        buttons=buttons(alert, caller),
        may_change=caller.operator is not None
        and alert.state is AlertState.DRAFT
        and working_drafts.may_write(alert.event, caller.operator),
        needs_another=own and alert.state is AlertState.DRAFT,
        approval=approval_view.offered(known.asked, alert, caller.operator, now),
        is_grave=two_people.is_grave(alert),
    )


def reached(alert_id: int, now: datetime) -> Audience:
    """Return the audience if the alert were launched now. Raises NotFound; Refused without an area."""
    with transaction() as s:
        alert = reports.find_alert(s, alert_id)
    return _reached(alert, now)


def _reached(alert: Alert, now: datetime) -> Audience:
    """Return the audience if the alert were launched now, counted in memory except for a follow-up's."""
    area = audience.membership(alert)
    with transaction() as s:
        if alert.follows is not None:
            return audience.preview(s, alert, now)
        ended = audience.emergencies(s, alert)
    return live_count().count(area, alert.topic.value, alert.channels, now, precedence(alert, ended))


def _for_review(s: Session, view: AlertView, area: BaseGeometry, now: datetime) -> AlertView:
    """Add what is looked at before the launch."""
    alert = view.alert
    return replace(
        view,
        similar=similar(s, alert, now),
        told=told_there.there(s, area, now, alert.incident_id),
        others=warnings.there(s, area, now),
        replaced=replaced_area.find(
            s,
            alert.incident_id,
            alert.phase,
            area,
            status=alert.status,
            corrects=alert.corrects,
            but=alert.id,
        ),
        findings=linting.findings(s, alert, settings()),
        differences=differences.read(s, alert, settings()),
    )


def _to_type(s: Session, alert: Alert, plan: Plan, caller: Caller, offered: Sequence[str]) -> dict[str, list[str]]:
    return {
        name: audience_size.reasons_to_type(s, alert, plan.audience, caller.acting, launches=name == "launch")
        for name in ("approve", "launch")
        if name in offered
    }


def buttons(alert: Alert, caller: Caller) -> tuple[str, ...]:
    """Return the buttons to offer. When one is pressed, the domain checks again whether it is allowed."""
    if caller.operator is None:
        return ()
    offered = []
    for name, (act, to) in WANTED.items():
        if name == "approve":
            act = two_people.act(alert, caller.operator)
        allowed = caller.operator.role in MAY[act] and alert.state in states.alert_before(to)
        if name == "approve" and alert.two_people and alert.created_by == caller.operator.id:
            allowed = False
        if name in {"launch", "resume"} and (alert.state is AlertState.PAUSED) != (name == "resume"):
            allowed = False
        if name == "launch" and alert.state is AlertState.SCHEDULED:
            allowed = False  # it launches by itself
        if allowed:
            offered.append(name)
    return tuple(offered)


def is_over(p: reports.Progress, now: datetime) -> bool:
    """Return whether the numbers are final, or no more changes are worth waiting for."""
    if not p.ended:
        return False
    return not p.deliveries["accepted"] or p.finished_at is None or now - p.finished_at > RECEIPTS_FOR
