"""The zones that an area is made of, where it is made of whole ones."""

import shapely
from shapely.geometry.base import BaseGeometry
from sqlalchemy import select
from sqlalchemy.orm import Session

from notify.alerts.writing import told_before
from notify.city import zones as city_zones
from notify.models import Alert, AlertZone, ZoneVersion
from zones.geometry import from_wkb

NOWHERE = shapely.Polygon()


def exactly(s: Session, alert: Alert, over: BaseGeometry = NOWHERE) -> dict[int, str]:
    """Return the zones of an alert, name by number, whose present borders make up its area without what is `over`.
    None where they do not: a part was drawn, a zone has changed or is retired, or is over only in part."""
    if alert.area is None:
        return {}
    numbers = set(s.scalars(_ZONES.where(AlertZone.alert_id == alert.id)))
    own = {one.zone: from_wkb(one.version.geometry) for one in city_zones.all_zones(s) if one.zone.id in numbers}
    still = {zone: shape for zone, shape in own.items() if not told_before.covers(over, shape)}
    left, made = from_wkb(alert.area).difference(over), shapely.union_all(list(still.values()))
    if made.is_empty or not (told_before.covers(made, left) and told_before.covers(left, made)):
        return {}
    return {zone.id: zone.name for zone in still}


_ZONES = select(ZoneVersion.zone_id).join(AlertZone, AlertZone.zone_version_id == ZoneVersion.id)
