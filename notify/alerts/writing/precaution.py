"""Warn as a precaution when a request must be decided and nobody knows for sure: a draft that needs nothing more."""

import re
from collections.abc import Collection
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from notify.alerts import warn_requests
from notify.alerts.writing import working_start
from notify.content import compose
from notify.core.errors import Invalid, Refused
from notify.core.settings import settings
from notify.core.translation import gettext as _
from notify.models import Alert, AlertZone, Operator, WarnRequest, WorkingDraft, Zone

EVENT = "precaution"
NEAR = timedelta(minutes=15)  # before a decision is due; in the second half of a shorter clock
NEWS_AFTER = timedelta(hours=1)
QUARTER_MIN = 15  # times that people are told are quarters of an hour


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
    values |= {f"zone.{number}": "on" for number in _zones(s, asked)}
    return working_start.start(s, EVENT, "issue", by, now, request=request_id, values=values)


def _news_by(now: datetime) -> datetime:
    """The next quarter of an hour after an hour, on the city's clock."""
    at = (now + NEWS_AFTER).replace(second=0, microsecond=0)
    return (at + timedelta(minutes=-at.minute % QUARTER_MIN)).astimezone(settings().tz)


def _zones(s: Session, asked: WarnRequest) -> list[int]:
    """The current zones that the request names in its place; else those of the last alert of its incident."""
    within = func.strpos(func.lower(asked.place), func.lower(Zone.name)) > 0
    near = s.execute(select(Zone.id, Zone.name).where(Zone.retired_at.is_(None), within)).all()
    named = _named({one.name for one in near}, asked.place)
    found = [one.id for one in near if one.name in named]
    if found or asked.incident_id is None:
        return found
    last = select(Alert.id).where(Alert.incident_id == asked.incident_id).order_by(Alert.id.desc()).limit(1)
    has_zones = s.scalar(select(AlertZone.alert_id).where(AlertZone.alert_id == last.scalar_subquery()).limit(1))
    return working_start.zones_of_alert(s, has_zones) if has_zones else []


def _named(names: Collection[str], place: str) -> set[str]:
    """The names that stand in the place as whole words: "Harbor Point" names no zone "Harbor"."""
    longest_first = sorted(names, key=len, reverse=True)
    pattern = "|".join(rf"(?<!\w){re.escape(name)}(?!\w)" for name in longest_first)
    said = {one.casefold() for one in re.findall(pattern, place, re.IGNORECASE)} if names else set()
    return {name for name in names if name.casefold() in said}
