"""Show an alert before it is made: its words, times and forecast, from a form that may be half filled. Reads only."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar

from sqlalchemy import text
from sqlalchemy.orm import Session

from notify.alerts.words import linting, wording
from notify.alerts.writing import drafting
from notify.alerts.writing import times as alert_times
from notify.alerts.writing.drafting import Draft
from notify.alerts.writing.working_fields import Reading
from notify.audience import Audience
from notify.content import compose
from notify.content.events import Event
from notify.content.filling import Filled
from notify.content.linter import Message
from notify.core.errors import TocsinError, hint_for_page
from notify.core.settings import Settings
from notify.delivery import forecast
from notify.models import Alert, Lane

T = TypeVar("T")
PLACE = "…"  # stands for the area while there is none


@dataclass
class Preview:
    """What can be shown so far. `problems`: sentences by section; `alert`: not stored, None without usable times."""

    alert: Alert | None = None
    words: Sequence[compose.Rendered] = ()
    area_names: Mapping[str, str] = field(default_factory=dict)
    problems: dict[str, list[str]] = field(default_factory=dict)
    findings: Sequence[linting.Checked] = ()

    @property
    def costs(self) -> forecast.Costs:
        found: dict[str, dict[str, int]] = {}
        for one in self.words:
            found.setdefault(one.channel, {})[one.language] = one.cost
        return found


def preview(s: Session, reading: Reading, wanted: Draft, now: datetime, settings: Settings) -> Preview:
    """Check everything but the area's shape, which `wanted.found` has if it could be computed, and write the words.

    Raises NotFound for an event or phase that is no longer in the catalogue.
    """
    event = compose.catalogue().event(wanted.event)
    defaults = event.defaults(wanted.phase)
    first = compose.catalogue().written(settings.languages)[0]
    shown = Preview(problems={section: list(said) for section, said in reading.problems.items()})
    filled = _tried(shown, "what", lambda: compose.fill(event, wanted.phase, wanted.blanks, on_page=first))
    _tried(shown, "what", lambda: drafting.require_cap(wanted))
    times = _tried(
        shown,
        "when",
        lambda: alert_times.plan(now, wanted.launch_at, wanted.expires_at, wanted.lasts, settings.tz),
    )
    if filled and times:
        _tried(shown, "when", lambda: alert_times.check_blanks(event, filled, times, settings.tz, on_page=first))
    names: Sequence[wording.Name] = (PLACE,)
    if wanted.found is not None or (wanted.incident is not None and not drafting.parts_of(wanted)):
        area = _tried(shown, "where", lambda: drafting.area_of(s, wanted, settings))
        names = area.names if area else names
    if times is None:
        return shown
    severity, urgency = wanted.severity or defaults.severity, wanted.urgency or defaults.urgency
    shown.alert = Alert(
        id=_next_number(s),
        incident_id=wanted.incident,
        event=event.name,
        phase=wanted.phase,
        status=wanted.status,
        corrects=wanted.corrects,
        severity=severity,
        urgency=urgency,
        certainty=wanted.certainty or defaults.certainty,
        lane=Lane(compose.lane(severity, urgency)),
        channels=list(wanted.channels or ()),
        expires_at=times.expires_at,
        launch_at=times.launch_at,
    )
    alert = shown.alert
    if filled and alert.channels:
        written = _tried(shown, "how", lambda: wording.rendered(s, alert, event, filled, names, now, settings))
        shown.words = written or ()
        shown.findings = _findings(shown, alert, event, filled, names, settings)
    return shown


def _findings(
    shown: Preview, alert: Alert, event: Event, filled: Filled, names: Sequence[wording.Name], settings: Settings
) -> Sequence[linting.Checked]:
    """What the linter says of these words; it will say the same of the alert's. The first language comes first."""
    order = {language: place for place, language in enumerate(settings.languages)}
    words = sorted(shown.words, key=lambda one: (alert.channels.index(one.channel), order.get(one.language, 99)))
    about = linting.about_words(
        settings,
        emergency=alert.lane is Lane.EMERGENCY,
        status=alert.status,
        phase=alert.phase,
        area={language: wording.called(names, event, language) for language in event.languages},
    )
    messages = [Message(one.channel, one.language, one.subject, one.text, one.stale) for one in words]
    about = linting.from_template(about, event, alert.phase, filled.values, corrects=alert.corrects)
    return linting.check(messages, about)


def plans(
    s: Session, shown: Preview, reached: Audience, now: datetime, without: Collection[int] = ()
) -> Sequence[forecast.ChannelPlan]:
    """Forecast the channels of a preview whose words are written; none otherwise. `without`: senders that fail."""
    if shown.alert is None or not shown.words:
        return ()
    return forecast.channels(s, shown.alert, reached, now, shown.costs, without)


def _tried(shown: Preview, section: str, check: Callable[[], T]) -> T | None:
    try:
        return check()
    except TocsinError as error:
        said = shown.problems.setdefault(section, [])
        said.extend(error.details or [f"{error.message} {hint_for_page(error.hint)}".strip()])
        return None


def _next_number(s: Session) -> int:
    """The number that the next alert would have, for the link in its words. It may turn out another of that length."""
    return int(s.execute(text("SELECT coalesce(max(id), 0) + 1 FROM alerts")).scalar_one())
