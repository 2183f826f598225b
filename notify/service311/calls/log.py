"""Log calls: the reason, the zone, a note without personal data, who logged it and when. Nothing of the caller."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

import regex
from shapely import Point
from sqlalchemy import select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from notify.accounts import operators
from notify.city import basemap
from notify.core.characters import visible
from notify.core.errors import Invalid, NotFound
from notify.core.translation import gettext as _
from notify.models import Call, Operator, Zone
from notify.service311.calls import reasons

LONGEST = 200  # characters of a note
NOTES_KEPT = timedelta(days=30)
AGENTS_KEPT = timedelta(days=400)  # who logged a call: for questions about one's own work within a year
CALLS_KEPT = timedelta(days=5 * 365)  # then only reason, zone and time are left
REMOVED = "[…]"
# What looks like a phone or account number, an email, or a house number with a street. Names cannot be told from words:
# the page asks agents to write none.
_PERSONAL = regex.compile(
    r"""[\w.+'-]+@[\w-]+(\.[\w-]+)+
      | \+?\(?\d[\d\s().-]{4,}\d
      | \b\d{1,6}[A-Za-z]?\s+(?:[\p{L}\d'.-]+\s+){1,3}(?i:st|street|ave?|avenue|rd|road|blvd|boulevard|ln|lane|dr|drive
          |ct|court|pl|place|way|ter|terrace|pkwy|hwy|sq|square)\b\.?
      | \b(?i:apt|apartment|unit|apto|ste|suite)\.?\s*\#?\w{1,6}\b
      | \b\d{1,6}[A-Za-z]?\s+(?:[NSEW]\.?\s+)?(?:\p{Lu}[\p{L}'.-]*|\d+(?:st|nd|rd|th))(?:\s+\p{Lu}[\p{L}'.-]*){0,3}
      | \b(?i:calle|avenida|av\.?|c/)\s+[\p{L}\s]{2,30}?\s*\d{1,6}\b""",
    regex.X,
)


class Logged(NamedTuple):
    call: Call
    reason: str
    zone: str


def add(
    s: Session,
    keys: str,
    form: UUID,
    now: datetime,
    by: Operator,
    *,
    zone_id: int | None = None,
    at: tuple[float, float] | None = None,
    places: Sequence[Sequence[int]] = (),
    note: str = "",
) -> int:
    """Log a call and return its number; a form that is sent twice logs one.

    `zone_id`: of the caller, if it is known; else `at`, lon and lat of the address that the agent has on the screen,
    gives the zone, and is not stored; or else `places`, the ids of the zones of each place on the screen.
    Raises NotAllowed; Invalid for unknown keys or zones.
    """
    operators.require(by, "serve")
    group, reason = reasons.by_keys(s, keys)
    if zone_id is None and at is not None:
        zone_id = zone_at(s, *at, group.kind)
    elif zone_id is None and places:
        zone_id = zone_of(s, places, group.kind)
    elif zone_id is not None and ((zone := s.get(Zone, zone_id)) is None or zone.retired_at is not None):
        raise Invalid(_("There is no zone %(zone)s.", zone=zone_id), hint=_("Choose one from the list."))
    row = {"form": form, "reason": reason.key, "zone_id": zone_id, "at": now, "logged_by": by.id}
    put = insert(Call).values(**row, note=without_personal(note)).on_conflict_do_nothing().returning(Call.id)
    made = s.scalar(put)
    return made if made is not None else s.scalars(select(Call.id).where(Call.form == form)).one()


def take_back(s: Session, call_id: int, by: Operator) -> None:
    """Delete a call that the same agent logged by mistake. Raises NotAllowed, NotFound."""
    operators.require(by, "serve")
    taken = s.execute(
        text("DELETE FROM calls WHERE id = :id AND logged_by = :by RETURNING 1"), {"id": call_id, "by": by.id}
    ).first()
    if taken is None:
        raise NotFound(_("You have logged no call %(call)s.", call=call_id))


def last_of(s: Session, by: Operator, most: int = 10) -> Sequence[Logged]:
    """Return the calls that an agent logged last, the newest first."""
    rows = s.execute(
        select(Call, Zone.name)
        .outerjoin(Zone, Zone.id == Call.zone_id)
        .where(Call.logged_by == by.id)
        .order_by(Call.id.desc())
        .limit(most)
    ).all()
    called = reasons.labels(s)
    return [Logged(call, called.get(call.reason, call.reason), zone or "") for call, zone in rows]


def without_personal(note: str) -> str:
    """Return the note without what looks like a number, an email or an address of a person."""
    cleaned: str = _PERSONAL.sub(REMOVED, " ".join(visible(note).split()))
    return cleaned[:LONGEST]


def zone_at(s: Session, lon: float, lat: float, kind: str) -> int | None:
    """Return the zone of this kind at a point; of another kind if the city has none of this one there."""
    known = basemap.zones_now(s, basemap.current(s))
    there = [known.about[row] for row in known.tree.query(Point(lon, lat), predicate="intersects").tolist()]
    return _best(there, kind)


def zone_of(s: Session, places: Sequence[Sequence[int]], kind: str) -> int | None:
    """Return the zone of this kind, as `zone_at` does, that all places are in, by the ids of the zones of each; None
    where they differ: nobody knows which place the call is about."""
    about = {int(one["id"]): one for one in basemap.zones_now(s, basemap.current(s)).about}
    found = {_best([about[zone] for zone in zones if zone in about], kind) for zones in places}
    return found.pop() if len(found) == 1 else None


def _best(there: Sequence[Mapping[str, Any]], kind: str) -> int | None:
    best = sorted(there, key=lambda one: (one["kind"] != kind, str(one["kind"]), str(one["name"])))
    return int(best[0]["id"]) if best else None


def forget_notes(s: Session, now: datetime) -> None:
    s.execute(text("UPDATE calls SET note = '' WHERE at < :old AND note <> ''"), {"old": now - NOTES_KEPT})


def forget_agents(s: Session, now: datetime) -> None:
    old = {"old": now - AGENTS_KEPT}
    s.execute(text("UPDATE calls SET logged_by = NULL WHERE at < :old AND logged_by IS NOT NULL"), old)


def forget_old(s: Session, now: datetime) -> None:
    s.execute(text("DELETE FROM calls WHERE at < :old"), {"old": now - CALLS_KEPT})
