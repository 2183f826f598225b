"""Publish the notice of a holiday or a storm, as the desk, the REST API and the command line do.

Both take transactions of their own: call them outside of one, and ring the workers if the alert is sending.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from notify.accounts import operators
from notify.core.db import transaction
from notify.core.errors import Refused
from notify.core.settings import Settings
from notify.core.translation import gettext as _
from notify.models import Operator
from notify.service311.notices import holidays, publishing, storm
from notify.service311.notices.holidays import Changed
from notify.service311.notices.publishing import Published, Wanted
from notify.service311.notices.storm import Storm


def publish_holiday(
    key: str,
    edition: int,
    channels: Sequence[str] | None,
    launch_at: datetime | None,
    by: Operator,
    now: datetime,
    settings: Settings,
    *,
    remind: bool = True,
) -> Published:
    """Publish the notice of a holiday (`Upcoming.key`): one alert, approved and launched or scheduled.

    `edition`: of the calendars that were shown. `channels`, `launch_at`, `remind`: as in `Wanted`. Raises NotAllowed,
    NotFound, Invalid; Refused where it changes nothing, was told already, or the calendars have changed since.
    """
    operators.require(by, "publish collection")
    with transaction() as s:
        changed = holidays.changed_by(s, key, now)
        again, replaces = _again(changed)
        if not changed.parts:
            told = changed.holiday.stands
            raise Refused(
                _("Alert %(alert)s has told this holiday, and no day has changed since.", alert=told.alert_id)
                if told
                else _("This holiday changes no day: there is nobody to tell.")
            )
        areas = publishing.shapes(s, changed.notice)
    holiday = changed.holiday
    wanted = Wanted(
        "holiday", holiday.name, holiday.day, edition, changed.notice, channels, launch_at, again, replaces, remind
    )  # fmt: skip
    ready = publishing.prepare(wanted, areas, by, now, settings)
    with transaction() as s:
        return publishing.publish(s, ready, by, now, settings)


def publish_storm(
    given: Storm, edition: int, channels: Sequence[str] | None, by: Operator, now: datetime, settings: Settings
) -> Published:
    """Publish a decision about collections as the next edition, with its notice. Raises as `publish_holiday`."""
    operators.require(by, "collections")
    with transaction() as s:
        planned = replace(storm.plan(s, given, by.email, now), edition=edition)
        areas = publishing.shapes(s, planned.notice)
    ready = publishing.prepare(planned.wanted(channels), areas, by, now, settings)
    with transaction() as s:
        return storm.publish(s, planned, ready, by, now, settings)


def _again(changed: Changed) -> tuple[int | None, int | None]:
    """Return the incident that a correction goes on with, where the holiday was told of an earlier edition, and the
    alert that it replaces where that still waits. Raises Refused where it was told of this one."""
    told = changed.holiday.told
    if told is None or not told.stands:
        return None, None
    if told.edition == changed.edition:
        raise Refused(
            _("This holiday was told already."), hint=_("Look at its notice. If days change, it can be told again.")
        )
    return (told.incident_id, None) if told.is_out else (None, told.alert_id)
