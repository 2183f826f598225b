"""Who takes which zones of an incident, so that several operators neither leave a gap nor do the same twice."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from sqlalchemy import select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from notify.accounts import operators
from notify.alerts import incidents
from notify.city import zones as city_zones
from notify.core import audit
from notify.core.errors import Invalid, NotFound, Refused
from notify.core.translation import gettext as _
from notify.models import IncidentClaim, Operator, Zone

OFFERED = 500  # zones in the list to choose from


@dataclass(frozen=True, slots=True)
class Claim:
    """A zone that an operator has taken, and not released."""

    id: int
    zone: str
    kind: str
    by: str
    at: datetime


def take(s: Session, incident_id: int, zone_name: str, by: Operator, now: datetime) -> None:
    """Take a zone; one's own a second time changes nothing. Raises Invalid, NotFound or NotAllowed; Refused when
    somebody else has it."""
    operators.require(by, "note")
    incidents.find(s, incident_id)
    if not zone_name.strip():
        raise Invalid(_("No zone is named."), hint=_("Write the name of a zone, then take it."))
    zone = city_zones.find(s, zone_name.strip()).zone
    made = s.scalar(
        insert(IncidentClaim)
        .values(incident_id=incident_id, zone_id=zone.id, operator_id=by.id, at=now)
        .on_conflict_do_nothing(
            index_elements=["incident_id", "zone_id"], index_where=IncidentClaim.released_at.is_(None)
        )
        .returning(IncidentClaim.id)
    )
    if made is not None:
        audit.note(s, now=now, by=by, action="claim", subject="incident", subject_id=incident_id, zone=zone.id)
        return
    holder = s.scalars(
        select(Operator)
        .join(IncidentClaim, IncidentClaim.operator_id == Operator.id)
        .where(
            IncidentClaim.incident_id == incident_id,
            IncidentClaim.zone_id == zone.id,
            IncidentClaim.released_at.is_(None),
        )
    ).first()
    if holder is not None and holder.id != by.id:
        raise Refused(
            _("%(who)s has taken %(zone)s.", who=holder.email, zone=zone.name),
            hint=_("Ask them to release it, or release it yourself."),
        )


def release(s: Session, incident_id: int, claim_id: int, by: Operator, now: datetime) -> None:
    """Release a zone, also that of somebody who has gone home. Released already, it stays so. Raises NotFound or
    NotAllowed."""
    operators.require(by, "note")
    mine = (IncidentClaim.id == claim_id, IncidentClaim.incident_id == incident_id)
    if s.scalar(select(IncidentClaim.id).where(*mine)) is None:
        raise NotFound(_("There is no such claim in this incident."), hint=_("Open the page again."))
    zone = s.scalar(
        update(IncidentClaim)
        .where(*mine, IncidentClaim.released_at.is_(None))
        .values(released_at=now)
        .returning(IncidentClaim.zone_id)
        .execution_options(synchronize_session=False)
    )
    if zone is not None:
        audit.note(s, now=now, by=by, action="release", subject="incident", subject_id=incident_id, zone=zone)


def of(s: Session, incident_id: int) -> Sequence[Claim]:
    """The zones that are taken, by name."""
    return list(of_each(s, [incident_id]).values())


def of_each(s: Session, incidents: Collection[int]) -> dict[tuple[int, int], Claim]:
    """The zones that are taken in these incidents, by name: the claim of each incident and zone."""
    rows = s.execute(
        text("""SELECT c.incident_id, c.zone_id, c.id, z.name AS zone, z.kind, o.email AS by, c.at
                  FROM incident_claims c JOIN zones z ON z.id = c.zone_id JOIN operators o ON o.id = c.operator_id
                 WHERE c.incident_id = ANY(:incidents) AND c.released_at IS NULL ORDER BY z.name, z.kind"""),
        {"incidents": list(incidents)},
    )
    return {(incident, zone): Claim(*claim) for incident, zone, *claim in rows}


def names(s: Session) -> Sequence[str]:
    """The names of zones, to choose from; with the kind, where two have the same. Others can be typed."""
    current = select(Zone).where(Zone.retired_at.is_(None)).order_by(Zone.name, Zone.kind)
    zones = s.scalars(current.limit(OFFERED)).all()
    several = {one.name for one, other in pairwise(zones) if one.name == other.name}
    return [f"{one.kind}:{one.name}" if one.name in several else one.name for one in zones]
