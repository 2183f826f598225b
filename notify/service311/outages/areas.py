"""Where the alerts of an outage go: to all of it, or to where nobody was told; and what that is called."""

from collections.abc import Sequence
from dataclasses import replace

import shapely
from sqlalchemy.orm import Session

from notify.alerts.words import wording
from notify.alerts.writing import drafting, told_before
from notify.alerts.writing.drafting import Draft
from notify.city import whole
from notify.city import zones as city_zones
from notify.city.parts import Kept, Part
from notify.content import compose
from notify.core.errors import Invalid
from notify.core.settings import Settings
from notify.core.translation import gettext as _
from notify.models import Outage as Row
from notify.service311.outages import kept
from notify.service311.outages.kept import Told
from notify.service311.outages.words import EVENT
from zones.geometry import from_wkb, to_wkb


def called(
    s: Session, zones: Sequence[str], parts: Sequence[Part], words: compose.Words, settings: Settings
) -> compose.Words:
    """Return the words that an area is called by, and for zones that are all of the city those for that."""
    if words or parts or len(zones) < whole.PARTS:
        return words
    area = drafting.area_of(s, Draft(EVENT, zones=zones), settings)
    return whole.called(settings.languages) if whole.is_whole(s, from_wkb(area.wkb)) else ""


def to_all(wanted: Draft, row: Row) -> Draft:
    """Return a draft to all of the area of an outage, which is called what it was."""
    called = row.names if row.drawn or not _are_listed(row) else ""
    if row.drawn:
        return replace(wanted, zones=(), parts=[Kept(row.area)], without=(), area_description=called, spares=())
    return replace(wanted, zones=row.zones, parts=(), without=(), area_description=called, spares=())


def _are_listed(row: Row) -> bool:
    """Whether the name of an area is the list of its zones."""
    event, zones = compose.catalogue().event(EVENT), [name.partition(":")[2] for name in row.zones]
    return all(wording.called(zones, event, language) == name for language, name in row.names.items())


def to_untold(s: Session, wanted: Draft, row: Row, told: Sequence[Told]) -> Draft:
    """Return a draft to where nobody was told: its zones, or if that is more than zones, all of that by the name of the
    whole. Parts that were added before, and whose message was not sent, are in it."""
    heard, whole = kept.heard_in(told), from_wkb(row.area)
    if heard.is_empty:
        return to_all(wanted, row)
    found = dict(zip(row.zones, city_zones.find_all(s, row.zones), strict=True))
    shapes = {name: from_wkb(one.version.geometry) for name, one in found.items()}
    untold = {name: shape for name, shape in shapes.items() if not told_before.covers(heard, shape)}
    without = [Kept(to_wkb(heard))]
    if row.drawn and not told_before.covers(shapely.union_all([heard, *untold.values()]), whole):
        return replace(to_all(wanted, row), without=without, spares=wanted.spares)
    if not untold:
        raise Invalid(_("Residents of all of it were told already."), hint=_("Add a zone or a part that is not in it."))
    return replace(wanted, zones=list(untold), without=without)


def extend(row: Row, zones: Sequence[str], part: bytes, names: Sequence[wording.Name], *, drawn: bool) -> None:
    """Add a part to the area of an outage (WKB), with the names that it has. `drawn`: it is more than zones."""
    event = compose.catalogue().event(EVENT)
    known = {name.partition(":")[2] for name in row.zones}
    new = [name for name in names if not isinstance(name, str) or name not in known]
    row.area = to_wkb(shapely.union_all([from_wkb(row.area), from_wkb(part)]))
    row.names = {language: wording.called((row.names, *new), event, language) for language in row.names}
    row.zones = [*dict.fromkeys((*row.zones, *zones))]
    row.drawn = row.drawn or drawn
