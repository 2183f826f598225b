"""Limits of an operator: how large an audience, which topics, which zones, which hours of the day.

They are kept here, and enforced by `notify/alerts/approving/limits.py` when an alert is drafted, approved and launched.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time
from typing import Final

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from notify.accounts import operators
from notify.city import zones as city_zones
from notify.core import audit, translation
from notify.core.errors import Invalid
from notify.core.translation import gettext as _
from notify.models import Operator, OperatorLimit, Topic, Zone

ALL = "all"  # in place of a value: no limit
HIGHEST = 2**31 - 1


class _Unchanged:
    """The limit stays as it is."""


UNCHANGED: Final = _Unchanged()


@dataclass(frozen=True, slots=True)
class Hours:
    """Hours of the city's clock. If `until` is earlier than `begin`, they go over midnight."""

    begin: time
    until: time

    def __str__(self) -> str:
        return f"{self.begin:%H:%M}-{self.until:%H:%M}"

    def has(self, at: time) -> bool:
        if self.begin < self.until:
            return self.begin <= at < self.until
        return at >= self.begin or at < self.until


@dataclass(frozen=True, slots=True)
class Limits:
    """None: no limit. `zones`: their ids."""

    contacts: int | None = None
    topics: tuple[str, ...] | None = None
    zones: tuple[int, ...] | None = None
    hours: Hours | None = None


def of(s: Session, operator: Operator) -> Limits:
    """Return the limits of an operator, as they are in the database now."""
    contacts = s.scalar(select(Operator.audience_limit).where(Operator.id == operator.id))
    row = s.get(OperatorLimit, operator.id, populate_existing=True)
    if row is None:
        return Limits(contacts)
    begin, until = row.from_time, row.until_time
    hours = None if begin is None or until is None else Hours(begin, until)
    topics = None if row.topics is None else tuple(row.topics)
    return Limits(contacts, topics, None if row.zones is None else tuple(row.zones), hours)


def change(
    s: Session,
    operator: Operator,
    now: datetime,
    by: Operator | None,
    *,
    contacts: int | _Unchanged | None = UNCHANGED,
    topics: Sequence[str] | _Unchanged = UNCHANGED,
    zones: Sequence[str] | _Unchanged = UNCHANGED,
    hours: str | _Unchanged = UNCHANGED,
) -> Limits:
    """Set limits; those that are not given stay. `topics`, `zones` (names) and `hours` (06:00-22:00): ["all"] and "all"
    take a limit away. Raises NotAllowed, NotFound and Invalid.
    """
    operators.require_by(by, "administer")
    before = of(s, operator)
    after = Limits(
        before.contacts if isinstance(contacts, _Unchanged) else _contacts(contacts),
        before.topics if isinstance(topics, _Unchanged) else _topics(topics),
        before.zones if isinstance(zones, _Unchanged) else _zones(s, zones),
        before.hours if isinstance(hours, _Unchanged) else _hours(hours),
    )
    operator.audience_limit = after.contacts
    values = {
        "topics": list(after.topics) if after.topics else None,
        "zones": list(after.zones) if after.zones else None,
        "from_time": after.hours.begin if after.hours else None,
        "until_time": after.hours.until if after.hours else None,
    }
    s.flush()
    s.execute(
        insert(OperatorLimit)
        .values(operator_id=operator.id, **values)
        .on_conflict_do_update(index_elements=["operator_id"], set_=values)
    )
    audit.note(
        s,
        now=now,
        by=by,
        action="limit",
        subject="operator",
        subject_id=operator.id,
        contacts=after.contacts,
        topics=after.topics,
        zones=after.zones,
        hours=str(after.hours) if after.hours else None,
    )
    return after


def zone_names(s: Session, limits: Limits) -> list[str]:
    """Return the names of the zones of a limit, also of those that have been retired."""
    rows = s.execute(select(Zone.kind, Zone.name).where(Zone.id.in_(limits.zones or ())).order_by(Zone.kind, Zone.name))
    return [f"{kind}:{name}" for kind, name in rows]


def _contacts(contacts: int | None) -> int | None:
    if contacts is not None and not 0 <= contacts <= HIGHEST:
        raise Invalid(
            _("%(contacts)s is not a valid number of contacts.", contacts=contacts),
            hint=_("Give 0 to %(highest)s.", highest=translation.number(HIGHEST)),
        )
    return contacts


def _topics(given: Sequence[str]) -> tuple[str, ...] | None:
    known = [topic.value for topic in Topic]
    wanted = [name.strip().lower() for name in given if name.strip()]
    if not wanted or ALL in wanted:
        return None
    if unknown := [name for name in wanted if name not in known]:
        raise Invalid(
            _("There is no topic %(unknown)s.", unknown=repr(unknown[0])),
            hint=_("Topics: %(topics)s; or all.", topics=", ".join(known)),
        )
    return tuple(name for name in known if name in wanted)


def _zones(s: Session, given: Sequence[str]) -> tuple[int, ...] | None:
    wanted = [name.strip() for name in given if name.strip()]
    if not wanted or wanted == [ALL]:
        return None
    return tuple(sorted({kept.zone.id for kept in city_zones.find_all(s, wanted)}))


def _hours(given: str) -> Hours | None:
    words = given.strip().lower()
    if not words or words == ALL:
        return None
    begin, dash, until = (part.strip() for part in words.partition("-"))
    try:
        hours = Hours(_clock(begin), _clock(until))
    except ValueError:
        raise Invalid(
            _("%(given)s are not hours.", given=repr(given)), hint=_("Write them like 06:00-22:00, or all.")
        ) from None
    if not dash or hours.begin == hours.until:
        raise Invalid(_("%(given)s are not hours.", given=repr(given)), hint=_("Write them like 06:00-22:00, or all."))
    return hours


def _clock(words: str) -> time:
    at = time.fromisoformat(words)
    if at.tzinfo is not None or at.second or at.microsecond:
        raise ValueError(words)
    return at
