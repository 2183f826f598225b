"""Everything that the console shows of an alert, read in one transaction."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from api.auth import Caller
from api.console import approval_view, preflight
from api.console.approval_view import Approval
from api.console.outline import Outline, outline
from api.console.preflight import Preflight
from notify.accounts.operators import MAY
from notify.alerts import audience_size, explanation, follow_up, linting, own_tests, reports
from notify.alerts.follow_up import Offer
from notify.alerts.similar import Similar, similar
from notify.audience import Audience
from notify.city import zones as city_zones
from notify.core import states
from notify.core.settings import settings
from notify.delivery import forecast
from notify.delivery.forecast import Plan
from notify.models import Alert, StoredContent
from notify.models.states import AlertState

WHERE_KIND = "neighbourhood"  # zones drawn behind the area
WANTED = {  # button -> the permission that it needs, and the state that follows
    "approve": ("approve", AlertState.APPROVED),
    "launch": ("launch", AlertState.SENDING),
    "resume": ("stop", AlertState.SENDING),
    "pause": ("stop", AlertState.PAUSED),
    "cancel": ("stop", AlertState.CANCELLED),
}
RECEIPTS_FOR = timedelta(minutes=2)  # how long receipts are watched after the last message


@dataclass(frozen=True, slots=True)
class AlertView:
    """What the templates read. `drawing` and `words` are empty when only the numbers are needed."""

    alert: Alert
    progress: reports.Progress
    words: Sequence[StoredContent]
    steps: Sequence[reports.Step]
    drawing: Outline | None
    buttons: tuple[str, ...]
    needs_another: bool  # the reader is its author, and somebody else must approve it
    tested: Sequence[own_tests.Tested]  # to the reader's own contacts
    similar: Sequence[Similar]  # of other incidents, before the launch
    findings: Sequence[linting.Checked]  # on its words, before the launch
    follow: Offer  # whether somebody can reach its unreached
    approval: Approval
    to_type: dict[str, list[str]]  # button -> why the number of messages must be typed
    plan: Plan | None  # before the launch: the audience and times if it were launched now
    preflight: Preflight | None  # before the launch: whether its channels work

    @property
    def preview(self) -> Audience | None:
        return self.plan.audience if self.plan else None


def read(s: Session, alert_id: int, caller: Caller, now: datetime, *, moving: bool = False) -> AlertView:
    """Read an alert. `moving`: without the words and the drawing, which never change. Raises NotFound."""
    alert = reports.find_alert(s, alert_id)
    own = caller.operator is not None and caller.operator.id == alert.created_by and bool(alert.two_people)
    waits = alert.state in states.BEFORE_LAUNCH and alert.area is not None
    checked = preflight.read(s, alert, now) if waits else None
    plan = forecast.plan(s, alert, now, checked.failing) if checked else None
    if plan:
        explanation.note_preview(s, alert, plan.audience.residents, now, by=caller.operator)
    offered = buttons(alert, caller)
    return AlertView(
        alert=alert,
        progress=reports.progress(s, alert_id),
        words=() if moving else reports.words(s, alert_id),
        steps=reports.steps(s, alert_id),
        drawing=None
        if moving or alert.area is None
        else outline(alert.area, list(city_zones.all_zones(s, WHERE_KIND))),
        buttons=offered,
        needs_another=own and alert.state is AlertState.DRAFT,
        tested=() if moving else own_tests.sent(s, alert_id, caller.operator),
        similar=similar(s, alert, now) if waits and not moving else (),
        findings=linting.findings(s, alert, settings()) if waits and not moving else (),
        follow=follow_up.offer(s, alert, now, settings()),
        approval=approval_view.read(s, alert, caller.operator, now),
        to_type=_to_type(s, alert, plan, caller, offered) if plan else {},
        plan=plan,
        preflight=checked,
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
