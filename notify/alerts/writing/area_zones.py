"""The zones that an area is made of, where it is made of whole ones."""

from collections.abc import Sequence

import shapely
from shapely.geometry.base import BaseGeometry
from sqlalchemy import select
from sqlalchemy.orm import Session

from notify.alerts.writing import told_before
from notify.city import zones as city_zones
from notify.models import Alert, AlertZone, ZoneVersion
from zones.geometry import usable
from zones.overlaps import share

MOST_OF_IT = 0.5


def exactly(s: Session, alerts: Sequence[Alert], area: BaseGeometry) -> dict[int, str]:
    """Return the zones of some alerts, name by number, whose present borders make up an area of theirs. None where they
    do not: a part was drawn, a zone has changed or is retired, or belongs to it only in part."""
    numbers = set(s.scalars(_ZONES.where(AlertZone.alert_id.in_([one.id for one in alerts]))))
    own = {one.zone: usable(one.version.geometry) for one in city_zones.all_zones(s) if one.zone.id in numbers}
    there = {zone: shape for zone, shape in own.items() if share(shape, area) > MOST_OF_IT}
    made = shapely.union_all(list(there.values()))
    if made.is_empty or not (told_before.covers(made, area) and told_before.covers(area, made)):
        return {}
    return {zone.id: zone.name for zone in there}


_ZONES = select(ZoneVersion.zone_id).join(AlertZone, AlertZone.zone_version_id == ZoneVersion.id)


def versions(s: Session, alerts: Sequence[Alert], area: BaseGeometry) -> tuple[int, ...]:
    """Return the versions of the alerts' zones that belong to an area."""
    rows = s.execute(
        select(ZoneVersion.id, ZoneVersion.geometry)
        .join(AlertZone, AlertZone.zone_version_id == ZoneVersion.id)
        .where(AlertZone.alert_id.in_([one.id for one in alerts]))
        .order_by(ZoneVersion.id)
    ).unique()
    return tuple(dict.fromkeys(row.id for row in rows if share(usable(row.geometry), area) > MOST_OF_IT))
