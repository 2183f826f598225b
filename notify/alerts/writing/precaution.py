"""Warn as a precaution when a request must be decided and nobody knows for sure: a draft that needs nothing more."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from notify.alerts import warn_requests
from notify.alerts.writing import area_zones, goes_on, working_drafts, working_start, zones_named
from notify.city import zones as city_zones
from notify.content import compose
from notify.core.errors import Invalid, Refused
from notify.core.settings import settings
from notify.core.translation import gettext as _
from notify.models import Operator, WarnRequest, WorkingDraft

EVENT = "precaution"
NEAR = timedelta(minutes=15)  # before a decision is due; in the second half of a shorter clock
NEWS_AFTER = timedelta(hours=1)
QUARTER_MIN = 15  # times that people are told are quarters of an hour


@dataclass(frozen=True, slots=True)
class Suggested:
    """Zones to begin with, name by number. `alert`: of the incident, that went there; None: the place names them."""

    zones: Mapping[int, str]
    alert: int | None = None


@dataclass(frozen=True, slots=True)
class Where:
    """What a request says of its place, and what was made of it. `ticked`: the form has the suggested zones still."""

    request: int
    place: str
    suggested: Suggested
    ticked: bool


def is_near(received_at: datetime, decide_by: datetime | None, now: datetime) -> bool:
    """Whether a decision is nearly due, or overdue."""
    return decide_by is not None and now >= decide_by - min(NEAR, (decide_by - received_at) / 2)


def advice() -> dict[str, str]:
    """What people can be told to do, with the words for the form. Empty where the city has removed the template."""
    found = [event for event in compose.catalogue().events if event.name == EVENT]
    return {key: words for event in found for blank in event.declared for key, words in blank.choices.items()}


def start(s: Session, request_id: int, what: str, by: Operator, now: datetime) -> WorkingDraft:
    """Open the draft that answers a request, with the advice (`what`), the time of the next news and zones filled in.

    Raises Invalid, NotFound or NotAllowed; Refused when the request is closed.
    """
    asked = warn_requests.find(s, request_id)
    if asked.closed_at is not None:
        raise Refused(
            _("Request %(request)s is closed.", request=request_id), hint=_("The page shows how it was answered.")
        )
    if what not in advice():
        raise Invalid(
            _("There is no advice %(advice)s.", advice=repr(what[:40])),
            hint=_("Choose one of those that the page shows."),
        )
    values = {"blank.advice": what, "blank.news_by": f"{_news_by(now):%Y-%m-%dT%H:%M}"}
    values |= {f"zone.{number}": "on" for number in suggested(s, asked).zones}
    return working_start.start(s, EVENT, "issue", by, now, request=request_id, values=values)


def _news_by(now: datetime) -> datetime:
    """The next quarter of an hour after an hour, on the city's clock."""
    at = (now + NEWS_AFTER).replace(second=0, microsecond=0)
    return (at + timedelta(minutes=-at.minute % QUARTER_MIN)).astimezone(settings().tz)


def suggested(s: Session, asked: WarnRequest) -> Suggested:
    """The zones that a request names in its place, if it says nothing else; else those where its incident goes
    on, if those are whole zones alone."""
    zones = {one.zone.id: one.zone.name for one in city_zones.all_zones(s)}
    if found := zones_named.named(zones, asked.place):
        return Suggested({number: zones[number] for number in found})
    last = goes_on.find(s, asked.incident_id, "update", "Actual") if asked.incident_id is not None else None
    there = area_zones.exactly(s, last.holds, last.shape) if last is not None and last.alert.area else {}
    return Suggested(there, last.alert.id if last is not None and there else None)


def asked_in(s: Session, draft: WorkingDraft) -> Where | None:
    """What the form of a precaution shows of its request, so that its author looks at the area. None for another."""
    if draft.event != EVENT or draft.phase != "issue" or draft.request_id is None:
        return None
    asked = warn_requests.find(s, draft.request_id)
    found = suggested(s, asked)
    ticked = {name for name, value in working_drafts.values_of(draft).items() if value and name.startswith("zone.")}
    return Where(asked.id, asked.place, found, ticked == {f"zone.{number}" for number in found.zones})
